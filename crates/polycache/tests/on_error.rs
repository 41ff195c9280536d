//! Trouble with the backend: what the caller gets, and what is told to whom.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;

use polycache::backend::{Version, Want};
use polycache::backends::memory::Memory;
use polycache::plugins::HitMissRatio;
use polycache::serializers::Json;
use polycache::{Cache, CacheBuilder, Error, ErrorKind, OnError, Reply, Result, Ttl, Value};
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
    let (plain, faults) = failing(|cache| cache.on_error(OnError::Miss));
    now(plain.set("the key", 1)).unwrap();
    let hooked = plain.with_plugin(HitMissRatio::new());
    for cache in [&plain, &hooked] {
        for kind in TROUBLE {
            faults.set(Some(kind));
            let events = events(|| {
                assert_eq!(now(cache.get::<i32>("the key")).unwrap(), None);
                assert!(now(cache.get_object::<i32>("the key")).unwrap().is_none());
                assert!(now(cache.get::<Value>("the key")).unwrap().is_none());
                assert_eq!(now(cache.multi_get::<i32>(&["a", "b"])).unwrap(), [None, None]);
                assert!(!now(cache.exists("the key")).unwrap());
                assert_eq!(now(cache.ttl("the key")).unwrap(), None);
            });
            assert_eq!(events.len(), 6, "{events:?}");
            for event in &events {
                assert!(event.starts_with("WARN") && event.contains("a fault was injected"), "{event}");
                assert!(event.contains("\"the key\"") || event.contains("multi_get"), "{event}");
            }
            for (command, error) in writes(cache) {
                assert_eq!((error.kind(), error.command()), (told(kind, command), Some(command)), "{error}");
            }
        }
        faults.set(None);
        assert_eq!(now(cache.get::<i32>("the key")).unwrap(), Some(1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_plugin_is_told_of_the_miss_that_the_caller_gets_for_a_timeout() {
    let backend = Intercept::silent(Arc::new(Memory::new()));
    let builder = Cache::builder().backend(backend).on_error(OnError::Miss);
    let cache = builder.plugin(HitMissRatio::new()).build().unwrap();
    assert_eq!(cache.get::<i32>("k").await.unwrap(), None);
    assert_eq!(cache.multi_get::<i32>(&["a", "b"]).await.unwrap(), [None, None]);
    let figures = cache.plugin::<HitMissRatio>().unwrap();
    assert_eq!((figures.total(), figures.hits()), (3, 0));
}

#[test]
fn what_a_miss_hides_is_named_in_its_event() {
    let (cache, faults) = failing(|cache| cache.on_error(OnError::Miss).on_decode_error(OnError::Miss));
    now(cache.set("word", "abc")).unwrap();
    let decode = events(|| {
        assert_eq!(now(cache.get::<i32>("word")).unwrap(), None);
        assert_eq!(now(cache.multi_get::<i32>(&["x", "word"])).unwrap(), [None, None]);
    });
    assert_eq!(decode.len(), 2, "{decode:?}");
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
    let told = |lease: Option<std::time::Duration>| {
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
    assert_eq!(told(Some(std::time::Duration::ZERO)), [""; 0]);
}
