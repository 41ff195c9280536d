//! The text of errors, and `close`.

use polycache::backend::{Version, Want};
use polycache::{Cache, Error, ErrorKind, Ttl};

use crate::Subject;
use crate::subject::{builder, cache};

/// An error's text begins with the command and the key that the caller used.
pub async fn the_text_names_command_and_key(subject: &dyn Subject) {
    let cache = cache(subject).namespace("n");
    cache.set("k \"1\"\n", "text").await.unwrap();
    let error = cache.increment("k \"1\"\n", 1).await.unwrap_err();
    assert_eq!((error.command(), error.key()), (Some("increment"), Some("k \"1\"\n")));
    assert!(error.to_string().starts_with(r#"increment "k \"1\"\n": "#), "{error}");
    assert!(format!("{error:?}").contains("increment"), "{error:?}");

    let zero = cache.with_ttl(Ttl::secs(0));
    for (error, command, key) in [
        (cache.get::<Vec<i32>>("k \"1\"\n").await.unwrap_err(), "get", Some("k \"1\"\n")),
        (zero.set("s", 1).await.unwrap_err(), "set", Some("s")),
        (zero.add("a", 1).await.unwrap_err(), "add", Some("a")),
        (zero.cas("c", 1, Version::ABSENT).await.unwrap_err(), "cas", Some("c")),
        (cache.expire("e", Ttl::secs(0)).await.unwrap_err(), "expire", Some("e")),
        (zero.multi_set([("m", 1)]).await.unwrap_err(), "multi_set", None),
    ] {
        assert_eq!(error.command(), Some(command));
        assert!(error.to_string().starts_with(command), "{error}");
        assert!(key.is_none() || error.key() == key, "{error}");
    }
}

/// A key of kilobytes doesn't make a text of kilobytes.
pub async fn a_long_key_is_cut_in_the_text(subject: &dyn Subject) {
    let cache = cache(subject);
    let key = "é".repeat(5_000);
    let error = cache.expire(&key, Ttl::secs(0)).await.unwrap_err();
    assert_eq!(error.key(), Some(&*key));
    assert!(error.to_string().len() < 500 && error.to_string().contains("10000 bytes"), "{error}");
}

/// A command that the backend doesn't know is an error of `raw`.
pub async fn an_unknown_raw_command_is_an_error(subject: &dyn Subject) {
    let error = cache(subject).raw("no such command", &[b"\0\xff"]).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Backend | ErrorKind::Unsupported), "{error:?}");
    assert_eq!((error.command(), error.is_retryable()), (Some("raw"), false));
}

/// After `close` every command of every view is an error; a second `close` does nothing.
pub async fn after_close_every_command_is_an_error(subject: &dyn Subject) {
    let cache = cache(subject);
    let view = cache.namespace("n").with_ttl(Ttl::secs(60));
    view.set("k", 1).await.unwrap();
    cache.close().await.unwrap();
    cache.close().await.unwrap();
    view.close().await.unwrap();
    for cache in [&cache, &view] {
        assert!(!cache.is_enabled());
        assert_closed(every_command(cache).await);
        cache.set_enabled(true);
        cache.set_enabled(false);
        assert_closed(every_command(cache).await);
    }
}

/// A cache that is turned off can be closed as well.
pub async fn a_cache_turned_off_is_closed_too(subject: &dyn Subject) {
    let cache = builder(subject).enabled(false).build().unwrap();
    cache.close().await.unwrap();
    cache.set_enabled(true);
    assert_closed(every_command(&cache).await);
}

async fn every_command(cache: &Cache) -> Vec<(&'static str, Error)> {
    vec![
        ("add", cache.add("k", 1).await.unwrap_err()),
        ("cas", cache.cas("k", 1, Version::ABSENT).await.unwrap_err()),
        ("clear", cache.clear().await.unwrap_err()),
        ("delete", cache.delete("k").await.unwrap_err()),
        ("exists", cache.exists("k").await.unwrap_err()),
        ("expire", cache.expire("k", Ttl::Never).await.unwrap_err()),
        ("get", cache.get::<i32>("k").await.unwrap_err()),
        ("get_object", cache.get_object::<i32>("k").await.unwrap_err()),
        ("get", cache.get::<polycache::Value>("k").await.unwrap_err()),
        ("get_versioned", cache.get_versioned::<i32>("k").await.unwrap_err()),
        ("increment", cache.increment("k", 1).await.unwrap_err()),
        ("look", cache.look::<i32>("k", Want::VALUE).await.unwrap_err()),
        ("multi_delete", cache.multi_delete(&["k"]).await.unwrap_err()),
        ("multi_get", cache.multi_get::<i32>(&["k"]).await.unwrap_err()),
        ("multi_set", cache.multi_set([("k", 1)]).await.unwrap_err()),
        ("raw", cache.raw("len", &[""; 0]).await.unwrap_err()),
        ("scan", cache.scan("*").next().await.unwrap().unwrap_err()),
        ("set", cache.set("k", 1).await.unwrap_err()),
        ("set_object", cache.set_object("k", std::sync::Arc::new(1)).await.unwrap_err()),
        ("set", cache.set("k", polycache::Value::bytes(*b"1")).await.unwrap_err()),
        ("ttl", cache.ttl("k").await.unwrap_err()),
    ]
}

fn assert_closed(errors: Vec<(&'static str, Error)>) {
    for (command, error) in errors {
        assert_eq!(error.kind(), ErrorKind::Closed, "{command}: {error}");
        assert_eq!(error.command(), Some(command));
        assert!(!error.is_retryable());
    }
}
