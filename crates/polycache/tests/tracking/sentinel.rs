//! A primary that is followed by another one.

use std::time::Instant;

use polycache::backend::{Backend, Key, When};
use polycache::backends::redis::Redis;
use polycache_testkit::servers::RedisSentinel;

use super::support::{Heard, changed, set, tracked, until};

#[tokio::test]
async fn a_failover() {
    let fleet = RedisSentinel::start().await;
    let settings = "?heartbeat=300ms&connect_timeout=500ms";
    let (other, ours) = (Redis::open(&fleet.url()).unwrap(), tracked(&format!("{}{settings}", fleet.url())));
    for how in ["killed", "stopped", "asked"] {
        until("a write", async || other.delete(Key::plain("k"), When::Always).await.is_ok()).await;
        until("an answer", async || ours.backend.get(Key::plain("k")).await.is_ok()).await;
        ours.heard();
        set(&other, "k", how).await;
        assert_eq!(ours.heard_until(changed("k")).await, [changed("k")]);
        ours.get("k").await;

        let primary = fleet.primary().await;
        let lost = Instant::now();
        match how {
            "killed" => primary.kill(),
            "stopped" => primary.stop(),
            _ => drop(fleet.sentinels()[0].cli(&["SENTINEL", "FAILOVER", &service(&fleet)]).await),
        }
        ours.heard_until(Heard::Disconnected).await;
        eprintln!("{how}: told after {:?}", lost.elapsed());
        fleet.new_primary(primary).await;
        fleet.repair().await;
    }
}

/// The name that the sentinels know.
fn service(fleet: &RedisSentinel) -> String {
    fleet.url().rsplit('/').next().unwrap().to_owned()
}
