//! One instance reads a key, and the reply is held back for 100 ms by a proxy, and so is what the server pushes behind it. Meanwhile another
//! instance writes the key. What does the first one serve afterwards?

use std::time::Duration;

use polycache_benches::arguments::Arguments;
use polycache_benches::report::{Table, save};
use polycache_benches::rounds::{Contender, in_turn};
use polycache_testkit::Proxy;
use polycache_testkit::servers::RedisServer;
use serde::Serialize;
use tokio::runtime::Runtime;
use tokio::time::{Instant, sleep};

use crate::peers::{Amalgam, Cached, ForASecond, Peer, Polycache, RedisRs, Tracked};

pub(crate) const NAME: &str = "held reply";

const HELD: Duration = Duration::from_millis(100);
/// What is still old after this stays old: nothing that was on its way is late by as much.
const FOR_GOOD: Duration = Duration::from_millis(1500);

const OLD: &str = "old";
const NEW: &str = "new";

/// One round.
#[derive(Debug, Clone, Copy, Serialize)]
struct Outcome {
    /// How long after the write was acknowledged the old value was still served; `None` for good.
    old_for: Option<Duration>,
    /// Whether the second of two reads without any write was served without a request.
    kept: bool,
}

pub(crate) fn measure(arguments: &Arguments, runtime: &Runtime) {
    let contenders = vec![
        contender::<Polycache<Tracked>>("polycache, near and tracking", runtime),
        contender::<Polycache<ForASecond>>("polycache, near for 1 s", runtime),
        contender::<RedisRs>("redis-rs, CacheConfig", runtime),
        contender::<Cached<String>>("cached, client_side_caching", runtime),
        contender::<Amalgam<String>>("amalgam-cache, memory, Redis and backplane", runtime),
    ];
    let mut table = Table::new(["", "rounds", "old for good", "longest old otherwise, ms", "kept near"]);
    let mut results = Vec::new();
    for (name, rounds) in in_turn(&arguments.plan, contenders) {
        let for_good = rounds.iter().filter(|round| round.old_for.is_none()).count();
        let longest = rounds.iter().filter_map(|round| round.old_for).max();
        let kept = rounds.iter().filter(|round| round.kept).count();
        table.row([
            name.to_owned(),
            rounds.len().to_string(),
            for_good.to_string(),
            longest.map(|time| time.as_millis().to_string()).unwrap_or_default(),
            kept.to_string(),
        ]);
        results.push((name, rounds));
    }
    println!("{}", table.markdown());
    if arguments.want_all() {
        save("near-held", &results);
    }
}

fn contender<'a, P: Peer<String> + 'a>(name: &'static str, runtime: &'a Runtime) -> Contender<'a, Outcome> {
    Contender::new(name, move || move || runtime.block_on(round::<P>()))
}

async fn round<P: Peer<String>>() -> Outcome {
    loop {
        match try_round::<P>().await {
            Ok(outcome) => return outcome,
            Err(error) => eprintln!("a busy machine, once more: {error}"),
        }
    }
}

async fn try_round<P: Peer<String>>() -> Result<Outcome, String> {
    let server = RedisServer::start().await;
    let proxy = Proxy::start(server.address()).await;
    let mut reader = P::open(server.url_at(proxy.address())).await;
    let mut writer = P::open(server.url()).await;
    for key in ["k", "other"] {
        writer.write(key, &OLD.to_owned()).await;
    }
    // Whoever is told of these writes has heard of them by then, and whoever asks for more than a value has done it.
    sleep(HELD).await;
    assert_eq!(reader.read("other").await?, OLD);
    sleep(HELD).await;
    let sent = proxy.traffic().from_client;
    assert_eq!(reader.read("other").await?, OLD);
    let kept = proxy.traffic().from_client == sent;

    proxy.delay_replies(HELD * 100);
    let (first, written) = tokio::join!(reader.read("k"), async {
        sleep(HELD / 2).await;
        writer.write("k", &NEW.to_owned()).await;
        let written = Instant::now();
        sleep(HELD / 2).await;
        proxy.heal();
        written
    });
    let first = first?;
    assert!([OLD, NEW].contains(&&*first), "{first}");
    let mut old_for = None;
    while written.elapsed() < FOR_GOOD {
        if reader.read("k").await? == NEW {
            old_for = Some(written.elapsed());
            break;
        }
        sleep(Duration::from_millis(1)).await;
    }
    Ok(Outcome { old_for, kept })
}
