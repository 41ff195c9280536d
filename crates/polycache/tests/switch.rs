//! The switch, by the environment: `POLYCACHE_DISABLE=1`; and at run time, where threads race. The rest is in the conformance suite.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::process::Command;
use std::sync::Arc;
use std::thread;

use polycache::backend::Version;
use polycache::backends::memory::Memory;
use polycache::{Cache, ErrorKind, Ttl, Value};
use polycache_testkit::Intercept;

/// A cache on a backend that mustn't be touched.
fn untouchable() -> Cache {
    let backend = Intercept::new(Arc::new(Memory::new()), |operation| panic!("{operation} reached the backend"));
    Cache::builder().backend(backend).build().unwrap()
}

/// Runs the test of this name again, alone and in a process with this environment.
fn passes_with(variable: &str, value: &str, test: &str) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(variable, value)
        .env(CHILD, "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}{}", String::from_utf8_lossy(&output.stderr));
}

/// Set in the processes that run a test again.
const CHILD: &str = "POLYCACHE_TEST_CHILD";

fn in_child() -> bool {
    std::env::var_os(CHILD).is_some()
}

#[test]
fn disabled_by_the_environment_nothing_reaches_the_backend() {
    if !in_child() {
        for value in ["1", "true", " 1 "] {
            passes_with("POLYCACHE_DISABLE", value, "disabled_by_the_environment_nothing_reaches_the_backend");
        }
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let cache = untouchable();
        assert!(!cache.is_enabled());
        all_answers_are_those_of_a_disabled_cache(&cache).await;
        cache.set_enabled(true); // can't be undone
        assert!(!cache.is_enabled());
        all_answers_are_those_of_a_disabled_cache(&cache.namespace("n").with_ttl(Ttl::secs(1))).await;
        cache.close().await.unwrap();
        assert_eq!(cache.get::<i32>("k").await.unwrap_err().kind(), ErrorKind::Closed);
    });
}

async fn all_answers_are_those_of_a_disabled_cache(cache: &Cache) {
    cache.set("k", 1).await.unwrap();
    cache.set("k", Value::bytes(*b"1")).await.unwrap();
    cache.set_object("k", Arc::new(1)).await.unwrap();
    cache.multi_set([("k", 1), ("b", 2)]).await.unwrap();
    assert!(cache.add("k", 1).await.unwrap());
    assert!(cache.cas("k", 1, Version::ABSENT).await.unwrap());
    assert_eq!(cache.increment("k", 7).await.unwrap(), 7);
    assert_eq!(cache.get::<i32>("k").await.unwrap(), None);
    assert!(cache.get_object::<i32>("k").await.unwrap().is_none());
    assert!(cache.get::<Value>("k").await.unwrap().is_none());
    assert_eq!(cache.multi_get::<i32>(&["k", "b"]).await.unwrap(), [None, None]);
    assert_eq!(cache.get_versioned::<i32>("k").await.unwrap(), (None, Version::ABSENT));
    assert!(!cache.exists("k").await.unwrap());
    assert!(!cache.expire("k", Ttl::secs(1)).await.unwrap());
    assert_eq!(cache.ttl("k").await.unwrap(), None);
    assert!(!cache.delete("k").await.unwrap());
    assert_eq!(cache.multi_delete(&["k", "b"]).await.unwrap(), 0);
    cache.clear().await.unwrap();
    assert_eq!(cache.scan("*").collect().await.unwrap(), [""; 0]);
    assert_eq!(cache.raw("len", &[""; 0]).await.unwrap_err().kind(), ErrorKind::Refused);
}

#[test]
fn other_values_of_the_variable_leave_it_on() {
    if !in_child() {
        for value in ["", "0", "false"] {
            passes_with("POLYCACHE_DISABLE", value, "other_values_of_the_variable_leave_it_on");
        }
        return;
    }
    let cache = Cache::memory();
    assert!(cache.is_enabled());
    cache.set("k", 1).now().expect("ready").unwrap();
    assert_eq!(cache.get::<i32>("k").now().expect("ready").unwrap(), Some(1));
}

#[test]
fn the_untouchable_backend_would_show_a_touch() {
    let touched = std::panic::catch_unwind(|| drop(untouchable().get::<i32>("k")));
    assert!(touched.is_err());
}

/// A write stores or deletes, and a deletion deletes, whatever the switch does between two instructions of theirs.
#[test]
fn nothing_stale_is_left_where_the_switch_is_thrown_meanwhile() {
    let cache = Cache::memory();
    let switched = cache.clone();
    let done = Arc::new(());
    let running = Arc::downgrade(&done);
    let switching = thread::spawn(move || {
        while running.strong_count() > 0 {
            switched.set_enabled(false);
            switched.set_enabled(true);
        }
    });
    let found = || cache.get::<i32>("k").now().expect("ready").unwrap();
    for round in 0..300_000 {
        cache.set("k", round).now().expect("ready").unwrap();
        assert!(found().is_none_or(|found| found == round), "older than {round}");
        cache.delete("k").now().expect("ready").unwrap();
        assert_eq!(found(), None, "deleted in {round}");
    }
    drop(done);
    switching.join().unwrap();
}
