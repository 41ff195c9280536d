//! Trouble with the backend: what the caller gets, and what is told to whom.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::FutureExt;

use polycache::backend::{Version, Want};
use polycache::backends::memory::Memory;
use polycache::plugins::HitMissRatio;
use polycache::serializers::Json;
use polycache::{
    Cache, CacheBuilder, Command, Error, ErrorKind, Held, OnError, Outcome, Plugin, Reply, Result, Ttl, Value,
};
use polycache_testkit::{Events, Faults, Intercept};

/// A cache on a backend that fails on demand.
fn failing(settings: impl FnOnce(CacheBuilder) -> CacheBuilder) -> (Cache, Faults) {
    let (backend, faults) = Intercept::failing(Arc::new(Memory::new()));
    (settings(Cache::builder().backend(backend)).build().unwrap(), faults)
}

fn now<T>(reply: Reply<T>) -> Result<T> {
    reply.now().expect("nothing is waited for here")
}

const TROUBLE: [ErrorKind; 3] = [ErrorKind::Timeout, ErrorKind::Unavailable, ErrorKind::Backend];

/// The texts of the events that `run` causes.
fn events(run: impl FnOnce()) -> Vec<String> {
    let events = Events::collect();
    run();
    events.take()
}

/// Every write, which must fail.
fn writes(cache: &Cache) -> Vec<(&'static str, Error)> {
    vec![
        ("set", now(cache.set("k", 2)).unwrap_err()),
        ("set_object", now(cache.set_object("k", Arc::new(2))).unwrap_err()),
        ("set", now(cache.set("k", Value::bytes(*b"2"))).unwrap_err()),
        ("add", now(cache.add("k", 2)).unwrap_err()),
        ("cas", now(cache.cas("k", 2, Version::ABSENT)).unwrap_err()),
        ("multi_set", now(cache.multi_set([("k", 2)])).unwrap_err()),
        ("increment", now(cache.increment("k", 1)).unwrap_err()),
        ("expire", now(cache.expire("k", Ttl::secs(1))).unwrap_err()),
        ("delete", now(cache.delete("k")).unwrap_err()),
        ("multi_delete", now(cache.multi_delete(&["k"])).unwrap_err()),
        ("clear", now(cache.clear()).unwrap_err()),
        ("raw", now(cache.raw("len", &[""; 0])).unwrap_err()),
        // A version that isn't known can't be compared.
        ("look", now(cache.look::<i32>("k", Want::VERSION)).unwrap_err()),
        ("get_versioned", now(cache.get_versioned::<i32>("k")).unwrap_err()),
    ]
}

/// What a caller is told of a backend's trouble: what took too long may have been done, and some of it must not be done twice.
fn told(kind: ErrorKind, command: &str) -> ErrorKind {
    match (kind, command) {
        (ErrorKind::Timeout, "add" | "cas" | "increment" | "raw") => ErrorKind::UnknownOutcome,
        (kind, _) => kind,
    }
}

#[test]
fn trouble_is_an_error_by_default() {
    let (cache, faults) = failing(|cache| cache);
    now(cache.set("k", 1)).unwrap();
    for kind in TROUBLE {
        faults.set(Some(kind));
        let mut errors = writes(&cache);
        errors.extend([
            ("get", now(cache.get::<i32>("k")).unwrap_err()),
            ("get_object", now(cache.get_object::<i32>("k")).unwrap_err()),
            ("get", now(cache.get::<Value>("k")).unwrap_err()),
            ("multi_get", now(cache.multi_get::<i32>(&["k"])).unwrap_err()),
            ("look", now(cache.look::<i32>("k", Want::VALUE)).unwrap_err()),
            ("exists", now(cache.exists("k")).unwrap_err()),
            ("ttl", now(cache.ttl("k")).unwrap_err()),
        ]);
        for (command, error) in errors {
            assert_eq!((error.kind(), error.command()), (told(kind, command), Some(command)), "{error}");
            assert!(error.to_string().starts_with(command), "{error}");
            assert!(error.to_string().contains("a fault was injected"), "{error}");
        }
    }
    faults.set(None);
    assert_eq!(now(cache.get::<i32>("k")).unwrap(), Some(1));
}

#[tokio::test]
async fn a_failed_scan_is_an_error_and_the_end() {
    let (cache, faults) = failing(|cache| cache.on_error(OnError::Miss));
    cache.set("k", 1).await.unwrap();
    faults.set(Some(ErrorKind::Unavailable));
    let mut scan = cache.scan("*");
    let error = scan.next().await.unwrap().unwrap_err();
    assert_eq!((error.kind(), error.command()), (ErrorKind::Unavailable, Some("scan")));
    assert!(scan.next().await.is_none());
}

#[test]
fn a_read_is_a_miss_by_choice_and_says_so() {
    let reads: [fn(&Cache); 6] = [
        |cache| assert_eq!(now(cache.get::<i32>("the key")).unwrap(), None),
        |cache| assert!(now(cache.get_object::<i32>("the key")).unwrap().is_none()),
        |cache| assert!(now(cache.get::<Value>("the key")).unwrap().is_none()),
        |cache| assert_eq!(now(cache.multi_get::<i32>(&["a", "b"])).unwrap(), [None, None]),
        |cache| assert!(!now(cache.exists("the key")).unwrap()),
        |cache| assert_eq!(now(cache.ttl("the key")).unwrap(), None),
    ];
    for (read, hooked) in reads.into_iter().flat_map(|read| [(read, false), (read, true)]) {
        let (plain, faults) = failing(|cache| cache.on_error(OnError::Miss));
        now(plain.set("the key", 1)).unwrap();
        let cache = if hooked { plain.with_plugin(HitMissRatio::new()) } else { plain };
        for kind in TROUBLE {
            faults.set(Some(kind));
            let events = events(|| read(&cache));
            assert_eq!(events.len(), 1, "{events:?}");
            assert!(events[0].starts_with("WARN") && events[0].contains("a fault was injected"), "{events:?}");
            assert!(events[0].contains("\"the key\"") || events[0].contains("multi_get"), "{events:?}");
            for (command, error) in writes(&cache) {
                assert_eq!((error.kind(), error.command()), (told(kind, command), Some(command)), "{error}");
            }
        }
        faults.set(None);
        assert_eq!(now(cache.get::<i32>("the key")).unwrap(), Some(1));
    }
}

/// One event a second for each cause, and not one for each call.
#[test]
fn an_outage_is_told_of_once_and_not_with_every_call() {
    let (cache, faults) = failing(|cache| cache.on_error(OnError::Miss));
    let other = failing(|cache| cache.on_error(OnError::Miss));
    faults.set(Some(ErrorKind::Unavailable));
    let started = Instant::now();
    let told = events(|| {
        for number in 0..500 {
            let key = format!("{number}");
            assert_eq!(now(cache.get::<i32>(&key)).unwrap(), None);
            let computed = cache.get_or_set(&key, || async { Ok::<_, ()>(1) }).now_or_never().unwrap();
            assert_eq!(computed, Ok(1));
        }
    });
    // A read that failed, and a value that couldn't be stored; once more for each second that the machine takes for this.
    let most = 2 * (1 + usize::try_from(started.elapsed().as_secs()).unwrap());
    assert!((2..=most).contains(&told.len()), "{most}: {told:?}");
    faults.set(Some(ErrorKind::Backend));
    other.1.set(Some(ErrorKind::Backend));
    let told = events(|| [&cache, &other.0].into_iter().for_each(|cache| drop(now(cache.get::<i32>("k")))));
    assert_eq!(told.len(), 2, "another cause, and another cache: {told:?}");
}

/// Notes how each command came out.
#[derive(Debug, Clone, Default)]
struct Outcomes(Arc<Mutex<Vec<Option<ErrorKind>>>>);

impl Plugin for Outcomes {
    fn after(&self, _: &Command<'_>, outcome: &Outcome<'_>, _: Duration, _: Held) -> Reply<()> {
        self.0.lock().unwrap().push(outcome.err().map(Error::kind));
        Reply::ready(())
    }
}

#[tokio::test(start_paused = true)]
async fn plugins_see_the_error_and_the_caller_the_miss() {
    let memory = || -> Arc<dyn polycache::backend::Backend> { Arc::new(Memory::new()) };
    let (failing, faults) = Intercept::failing(memory());
    faults.set(Some(ErrorKind::Unavailable));
    let failing_later =
        Intercept::new(memory(), |_| Reply::pending(async { Err(Error::new(ErrorKind::Unavailable, "on purpose")) }));
    let backends: [(Arc<dyn polycache::backend::Backend>, ErrorKind); 3] = [
        (Arc::new(failing), ErrorKind::Unavailable),
        (Arc::new(failing_later), ErrorKind::Unavailable),
        (Arc::new(Intercept::silent(memory())), ErrorKind::Timeout),
    ];
    for (backend, kind) in backends {
        let seen = Outcomes::default();
        let builder = Cache::builder().shared_backend(backend).on_error(OnError::Miss).plugin(seen.clone());
        let cache = builder.plugin(HitMissRatio::new()).build().unwrap().namespace("n");
        assert_eq!(cache.get::<i32>("k").await.unwrap(), None);
        assert!(cache.get_object::<i32>("k").await.unwrap().is_none());
        assert_eq!(cache.multi_get::<i32>(&["a", "b"]).await.unwrap(), [None, None]);
        assert!(!cache.exists("k").await.unwrap());
        assert_eq!(cache.ttl("k").await.unwrap(), None);
        assert!(cache.look::<i32>("k", Want::VALUE).await.unwrap().is_none());
        assert_eq!(*seen.0.lock().unwrap(), [Some(kind); 6]);
        let figures = cache.plugin::<HitMissRatio>().unwrap();
        assert_eq!((figures.total(), figures.hits()), (0, 0), "nobody knows what was there");
    }
}

#[test]
fn what_a_miss_hides_is_named_in_its_event() {
    let (cache, faults) = failing(|cache| cache.on_error(OnError::Miss).on_decode_error(OnError::Miss));
    now(cache.set("word", "abc")).unwrap();
    let decode = events(|| {
        assert_eq!(now(cache.get::<i32>("word")).unwrap(), None);
    });
    assert_eq!(decode.len(), 1, "{decode:?}");
    let cache_of_many = failing(|cache| cache.on_decode_error(OnError::Miss)).0;
    now(cache_of_many.set("word", "abc")).unwrap();
    let many = events(|| assert_eq!(now(cache_of_many.multi_get::<i32>(&["x", "word"])).unwrap(), [None, None]));
    assert!(many.len() == 1 && many[0].contains("multi_get \"word\": "), "{many:?}");
    faults.set(Some(ErrorKind::Unavailable));
    let unavailable = events(|| assert_eq!(now(cache.get::<i32>("word")).unwrap(), None));
    for event in decode.iter().chain(&unavailable) {
        assert!(event.contains("get \"word\": "), "{event}");
    }
    faults.set(None);
    assert_eq!(events(|| assert!(now(cache.get::<String>("word")).unwrap().is_some())), [""; 0]);
}

#[test]
fn the_choice_for_one_trouble_is_none_for_the_other() {
    let (backend_only, faults) = failing(|cache| cache.on_error(OnError::Miss));
    now(backend_only.set("k", "abc")).unwrap();
    assert_eq!(now(backend_only.get::<i32>("k")).unwrap_err().kind(), ErrorKind::Decode);
    faults.set(Some(ErrorKind::Decode));
    assert_eq!(now(backend_only.get::<i32>("k")).unwrap_err().kind(), ErrorKind::Decode);

    let (decode_only, faults) = failing(|cache| cache.on_decode_error(OnError::Miss));
    faults.set(Some(ErrorKind::Unavailable));
    assert_eq!(now(decode_only.get::<i32>("k")).unwrap_err().kind(), ErrorKind::Unavailable);
}

#[test]
fn what_is_not_the_backends_fault_is_never_a_miss() {
    let (cache, faults) = failing(|cache| cache.on_error(OnError::Miss).on_decode_error(OnError::Miss));
    for kind in [
        ErrorKind::InvalidInput,
        ErrorKind::Config,
        ErrorKind::Unsupported,
        ErrorKind::Refused,
        ErrorKind::Plugin,
        ErrorKind::Closed,
        ErrorKind::NoRuntime,
    ] {
        faults.set(Some(kind));
        assert_eq!(now(cache.get::<i32>("k")).unwrap_err().kind(), kind);
        assert_eq!(now(cache.multi_get::<i32>(&["k"])).unwrap_err().kind(), kind);
        assert_eq!(now(cache.exists("k")).unwrap_err().kind(), kind);
    }
    faults.set(None);
    let zero = cache.with_ttl(Ttl::secs(0));
    assert_eq!(now(zero.set("k", 1)).unwrap_err().kind(), ErrorKind::InvalidInput);
    now(cache.set("k", "abc")).unwrap();
    assert_eq!(now(cache.increment("k", 1)).unwrap_err().kind(), ErrorKind::NotANumber);
}

#[test]
fn only_a_backend_away_or_slow_is_worth_a_retry() {
    let retryable = [ErrorKind::Timeout, ErrorKind::Unavailable];
    for kind in [
        ErrorKind::InvalidInput,
        ErrorKind::Config,
        ErrorKind::NotANumber,
        ErrorKind::Overflow,
        ErrorKind::TooLarge,
        ErrorKind::Encode,
        ErrorKind::Decode,
        ErrorKind::Timeout,
        ErrorKind::Unavailable,
        ErrorKind::Backend,
        ErrorKind::Unsupported,
        ErrorKind::Refused,
        ErrorKind::Plugin,
        ErrorKind::Closed,
        ErrorKind::NoRuntime,
    ] {
        assert_eq!(Error::new(kind, "x").is_retryable(), retryable.contains(&kind), "{kind:?}");
    }
}

#[test]
fn nothing_shows_values() {
    const SECRET: &str = "hunter2";

    let objects = Cache::memory();
    let bytes = Cache::builder().serializer(Json).build().unwrap();
    for cache in [&objects, &bytes] {
        now(cache.set("k", SECRET)).unwrap();
        now(cache.set("list", vec![SECRET])).unwrap();
        let value = now(cache.get::<Value>("k")).unwrap().unwrap();
        let shown = [
            format!("{cache:?}"),
            format!("{value:?}"),
            format!("{:?}", cache.get::<Value>("k")),
            format!("{:?}", cache.set("k", SECRET)),
            format!("{:?}", cache.get::<String>("k")),
            format!("{}", now(cache.increment("k", 1)).unwrap_err()),
            format!("{:?}", now(cache.get_object::<i32>("k")).unwrap_err()),
        ];
        for text in shown {
            assert!(!text.contains(SECRET), "{text}");
        }
    }
    let source = "x".parse::<i32>().unwrap_err();
    let error = Error::new(ErrorKind::Backend, "it failed").with_source(source);
    assert!(std::error::Error::source(&error).is_some());
    assert_eq!(format!("{error:?}"), format!("Error(Backend: {error})"));
}

/// Nothing that is computed is stored there: the reason, and what to grant, is said once for each backend.
#[cfg(feature = "redis")]
#[test]
fn a_server_that_refuses_scripts_is_told_of_loudly() {
    use polycache::backends::redis::Redis;
    use polycache_testkit::servers::RedisServer;

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let server = runtime.block_on(RedisServer::builder().user("app", "s3cret", "~* +@all -@scripting").start());
    let told = |lease: Option<Duration>| {
        let builder = Cache::builder().backend(Redis::open(&server.url()).unwrap()).namespace("n");
        let cache = lease.into_iter().fold(builder, CacheBuilder::lease).build().unwrap();
        let mut events = events(|| {
            runtime.block_on(async {
                for key in ["a", "b"] {
                    assert_eq!(cache.get_or_set(key, || async { Ok::<_, ()>(1) }).await, Ok(1));
                    assert_eq!(cache.exists(key).await.unwrap(), lease.is_some());
                }
                cache.set("a", 2).await.unwrap();
                assert!(cache.add("c", 2).await.unwrap());
                assert_eq!(cache.multi_delete(&["a", "b", "c"]).await.unwrap(), if lease.is_some() { 3 } else { 2 });
            });
        });
        events.retain(|text| text.starts_with("ERROR"));
        events
    };
    let errors = told(None);
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].contains("`+evalsha +eval`") && errors[0].contains("`lease` of zero"), "{errors:?}");
    assert_eq!(told(Some(Duration::ZERO)), [""; 0]);
}

/// Which entry is stale says where the source fails.
#[tokio::test]
async fn a_stale_value_in_place_of_an_error_is_told_by_its_key() {
    for is_bulk in [false, true] {
        let cache = Cache::builder().namespace("n").ttl(Ttl::millis(1)).grace(Duration::from_secs(60)).build().unwrap();
        cache.set("k", 1).await.unwrap();
        while cache.exists("k").await.unwrap() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let events = Events::collect();
        if is_bulk {
            let found = cache.multi_get_or_set(&["k"], |_| async { Err::<Vec<(String, i32)>, _>("no") }).await;
            assert_eq!(found, [Ok(Some(1))]);
        } else {
            assert_eq!(cache.get_or_set("k", || async { Err::<i32, _>("no") }).await, Ok(1));
        }
        let told = events.take();
        let is_told = |event: &String| event.contains("the stale value is given") && event.contains("key=\"n:k\"");
        assert!(told.iter().any(is_told), "{told:?}");
    }
}
