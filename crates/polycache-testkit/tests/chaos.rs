//! Trouble on purpose.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use polycache::backend::Backend;
use polycache::backends::memory::{ManualClock, Memory};
use polycache::{Cache, Error, ErrorKind, Reply};
use polycache_testkit::{Chaos, Fault};
use tokio::time::Instant;

const SLOW: Fault = Fault::none().after(Duration::from_secs(3));
const AWAY: Fault = Fault::error(ErrorKind::Unavailable);

fn struck(reply: Reply<()>) -> Option<ErrorKind> {
    reply.now().ok().and_then(Result::err).map(|error| error.kind())
}

#[test]
fn a_script_comes_before_rates_and_those_before_the_rest() {
    let chaos = Chaos::new();
    assert_eq!(struck(chaos.strike()), None);
    chaos.always(Fault::error(ErrorKind::Timeout));
    chaos.at_rate(1.0, AWAY);
    chaos.script([Fault::none(), Fault::error(ErrorKind::Backend)]);
    let kinds = [(); 4].map(|()| struck(chaos.strike()));
    assert_eq!(kinds, [None, Some(ErrorKind::Backend), Some(ErrorKind::Unavailable), Some(ErrorKind::Unavailable)]);
    chaos.calm();
    assert_eq!(struck(chaos.strike()), None);
    assert_eq!(chaos.clone().calls(), 6);
}

#[test]
fn a_rate_is_kept_and_each_run_is_the_same() {
    let run = |seed| {
        let chaos = Chaos::seeded(seed);
        chaos.at_rate(0.25, AWAY);
        (0..4_000).map(|_| struck(chaos.strike()).is_some()).collect::<Vec<bool>>()
    };
    let failed = run(1).iter().filter(|failed| **failed).count();
    assert!((900..1_100).contains(&failed), "{failed}");
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[tokio::test(start_paused = true)]
async fn a_backend_fails_is_slow_and_is_silent() {
    let chaos = Chaos::new();
    let backend = chaos.backend(Arc::new(Memory::new()));
    let cache = Cache::builder().backend(backend).timeout(Duration::from_secs(5)).build().unwrap();
    cache.set("k", 1).await.unwrap();
    chaos.script([AWAY, SLOW, Fault::silence(), AWAY.after(Duration::from_secs(1))]);
    let began = Instant::now();
    assert_eq!(cache.delete("k").await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(cache.get::<i32>("k").await.unwrap(), Some(1)); // it wasn't deleted
    assert_eq!(began.elapsed().as_secs(), 3);
    assert_eq!(cache.get::<i32>("k").await.unwrap_err().kind(), ErrorKind::Timeout);
    assert_eq!(began.elapsed().as_secs(), 8);
    assert_eq!(cache.get::<i32>("k").await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(began.elapsed().as_secs(), 9);
}

/// Time goes on where the test moves it, and nowhere else.
#[tokio::test]
async fn a_delay_is_over_when_the_clock_says_so() {
    let clock = ManualClock::new();
    let memory = Memory::builder().manual_clock(&clock).build().unwrap();
    let database = Chaos::new().by_clock(&memory.info().clock);
    database.always(SLOW);
    let slow = database.clone();
    let read = tokio::spawn(async move { slow.call(async { Ok::<_, Error>(7) }).await });
    while database.calls() == 0 {
        tokio::task::yield_now().await;
    }
    clock.advance(Duration::from_millis(2_999));
    tokio::time::sleep(Duration::from_millis(30)).await;
    assert!(!read.is_finished());
    clock.advance(Duration::from_millis(1));
    assert_eq!(read.await.unwrap().unwrap(), 7);
}

#[tokio::test]
async fn a_source_fails_with_the_error_of_its_user() {
    #[derive(Debug, PartialEq)]
    struct Own(String);

    impl From<Error> for Own {
        fn from(error: Error) -> Self {
            Self(error.to_string())
        }
    }

    let chaos = Chaos::new();
    chaos.script([AWAY]);
    assert_eq!(chaos.call(async { Ok(1) }).await, Err(Own("a fault was injected".to_owned())));
    assert_eq!(chaos.call(async { Err::<i32, _>(Own("its own".to_owned())) }).await, Err(Own("its own".to_owned())));
}
