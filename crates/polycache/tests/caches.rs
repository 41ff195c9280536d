//! Caches by name.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::Duration;

use polycache::backends::memory::Memory;
use polycache::plugins::{HitMissRatio, Timing};
use polycache::serializers::Text;
use polycache::{Cache, Caches, Config, ErrorKind, Ttl};
use serde_json::json;

fn configured(config: serde_json::Value) -> Caches {
    let caches = Caches::new();
    caches.set_config(Config::value(config).unwrap()).unwrap();
    caches
}

#[tokio::test]
async fn every_setting_of_a_cache_is_heard() {
    let caches = configured(json!({ "default": {
        "cache": "memory", "max_entries": 2, "namespace": "ns", "ttl": "1m", "timeout": 1.5, "serializer": "text",
        "plugins": ["timing", { "class": "hit_miss_ratio" }], "on_decode_error": "miss", "on_error": "miss",
    }}));
    let cache = caches.get("default").unwrap();
    assert_eq!(cache.namespace_name(), "ns");
    cache.multi_set([("a", "1"), ("b", "2"), ("c", "x")]).await.unwrap();
    assert_eq!(cache.scan("*").collect().await.unwrap().len(), 2);
    let Some(Ttl::After(left)) = cache.ttl("c").await.unwrap() else { panic!("no ttl") };
    assert!(left <= Duration::from_secs(60) && left > Duration::from_secs(50));
    assert_eq!(cache.get::<i64>("c").await.unwrap(), None);
    assert!(cache.plugin::<Timing>().is_some() && cache.plugin::<HitMissRatio>().is_some());
}

#[tokio::test]
async fn a_separator_is_a_setting() {
    let caches = configured(json!({
        "default": { "cache": "memory", "namespace": "ns", "separator": "" },
        "url": { "url": "memory://?namespace=ns&separator=%2F" },
        "long": { "cache": "memory", "separator": "123456789" },
        "control": { "cache": "memory", "separator": "\u{1}" },
    }));
    for (alias, full) in [("default", "nsk"), ("url", "ns/k")] {
        let cache = caches.get(alias).unwrap();
        cache.set("k", 1).await.unwrap();
        assert_eq!(cache.namespace("").get::<i32>(full).await.unwrap(), Some(1));
    }
    for alias in ["long", "control"] {
        let error = caches.get(alias).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains("at most 8 bytes and no control characters"), "{error}");
    }
}

#[test]
fn every_format_says_the_same() {
    let json = Config::json(
        r#"{ "default": { "cache": "memory", "max_bytes": 1000 }, "b": { "url": "memory://?unbounded=true" } }"#,
    );
    let mut configs = vec![json.unwrap()];
    #[cfg(feature = "toml")]
    configs.push(
        Config::toml("[default]\ncache = 'memory'\nmax_bytes = 1000\n[b]\nurl = 'memory://?unbounded=true'\n").unwrap(),
    );
    #[cfg(feature = "yaml")]
    configs.push(
        Config::yaml("default: { cache: memory, max_bytes: 1000 }\nb:\n  url: memory://?unbounded=true\n").unwrap(),
    );
    for config in configs {
        let caches = Caches::new();
        caches.set_config(config).unwrap();
        assert_eq!(caches.aliases(), ["b", "default"]);
        assert!(!caches.get("default").unwrap().info().capabilities.live_objects); // bounded by bytes
        assert!(caches.get("b").unwrap().info().capabilities.live_objects);
    }
}

#[tokio::test]
async fn unchanged_aliases_keep_their_cache() {
    let caches = configured(json!({ "default": { "cache": "memory" }, "other": { "cache": "memory", "ttl": 1 } }));
    for alias in ["default", "other"] {
        caches.get(alias).unwrap().set("k", 1).await.unwrap();
    }
    caches.define("code", || Ok(Cache::builder().namespace("code")));
    let config = Config::value(json!({ "default": { "cache": "memory" }, "other": { "cache": "memory", "ttl": 2 } }));
    caches.set_config(config.unwrap()).unwrap();
    assert_eq!(caches.get("default").unwrap().get::<i32>("k").await.unwrap(), Some(1));
    assert_eq!(caches.get("other").unwrap().get::<i32>("k").await.unwrap(), None);
    assert_eq!(caches.get("code").unwrap().namespace_name(), "code");

    let error = caches.set_config(Config::value(json!({ "other": { "cache": "memory" } })).unwrap()).unwrap_err();
    assert!(error.to_string().contains("`default`"), "{error}");
    assert_eq!(caches.get("default").unwrap().get::<i32>("k").await.unwrap(), Some(1)); // nothing was changed
}

#[tokio::test]
async fn a_view_can_take_the_place_of_an_aliass_cache() {
    let settings = |ttl| json!({ "default": { "cache": "memory", "ttl": ttl } });
    let caches = configured(settings(1));
    let view = caches.get("default").unwrap().with_plugin(Timing::new());
    caches.set("default", view.clone());
    view.set("k", 1).await.unwrap();
    let found = caches.get("default").unwrap();
    assert!(found.plugin::<Timing>().is_some());
    assert_eq!(found.get::<i32>("k").await.unwrap(), Some(1));
    assert!(caches.create("default").unwrap().plugin::<Timing>().is_none());
    // As long as the settings stay.
    for (ttl, stays) in [(1, true), (2, false)] {
        caches.set_config(Config::value(settings(ttl)).unwrap()).unwrap();
        assert_eq!(caches.get("default").unwrap().plugin::<Timing>().is_some(), stays);
    }

    caches.set("given", view);
    assert!(caches.get("given").unwrap().plugin::<Timing>().is_some());
    let error = caches.create("given").unwrap_err();
    assert!(error.to_string().contains("`given` was set to a cache"), "{error}");
}

#[tokio::test]
async fn overrides_win_and_mutate_nothing() {
    let caches = configured(json!({ "default": { "cache": "memory", "namespace": "a", "plugins": ["timing"] } }));
    let created = caches.create_with("default", json!({ "namespace": "b", "plugins": [] })).unwrap();
    assert_eq!((created.namespace_name(), created.plugin::<Timing>().is_none()), ("b", true));
    let again = caches.create("default").unwrap();
    assert_eq!((again.namespace_name(), again.plugin::<Timing>().is_some()), ("a", true));
    assert_eq!(caches.create_with("default", 5).unwrap_err().kind(), ErrorKind::Config);
}

#[test]
fn an_error_has_the_place_of_the_present_configuration() {
    let caches = Caches::new();
    for (text, place) in [
        ("{ \"default\": {\n \"cache\": \"memroy\" } }", "line 2: "),
        ("{\n\n \"default\": {\n \"cache\": \"memroy\" } }", "line 4: "),
    ] {
        caches.set_config(Config::json(text).unwrap()).unwrap();
        let error = caches.get("default").unwrap_err().to_string();
        assert!(error.starts_with(place), "{place}: {error}");
    }
}

#[test]
fn users_register_parts_of_their_own() {
    polycache::register_backend("tiny", |settings| {
        Ok(Box::new(Memory::builder().max_entries(settings.require("entries")?).build()?))
    });
    polycache::register_serializer("mine", |_| Ok(Box::new(Text)));
    polycache::register_plugin("watch", |_| Ok(Box::new(HitMissRatio::new())));
    let caches = Caches::new();
    let config = json!({
        "default": { "cache": "tiny", "entries": 3, "serializer": "mine", "plugins": ["watch"] },
        "url": { "url": "tiny://?entries=3" },
        "lacking": { "cache": "tiny" },
    });
    caches.set_config(Config::value(config).unwrap()).unwrap();
    assert!(caches.get("default").unwrap().plugin::<HitMissRatio>().is_some());
    caches.get("url").unwrap();
    let error = caches.get("lacking").unwrap_err().to_string();
    assert!(error.contains("alias `lacking`") && error.contains("`entries` is missing"), "{error}");

    let opened = Cache::open("tiny://?entries=3&serializer=mine&plugins=watch&namespace=in").unwrap();
    assert_eq!(opened.namespace_name(), "in");
    assert!(opened.plugin::<HitMissRatio>().is_some());
    let error = Cache::open("tiny://?entries=3&entires=3").unwrap_err().to_string();
    assert!(error.contains("did you mean `entries`"), "{error}");
    let error = Cache::open("tinny://?entries=3").unwrap_err().to_string();
    assert!(error.contains("did you mean `tiny`"), "{error}");
}

/// A part may read the whole URL by itself.
#[test]
fn a_backend_may_take_the_url() {
    polycache::register_backend("whole", |settings| {
        let url = settings.url().unwrap_or_default();
        let entries = url.rsplit('/').next().and_then(|text| text.split('?').next()).and_then(|text| text.parse().ok());
        Ok(Box::new(Memory::builder().max_entries(entries.unwrap_or(1)).build()?))
    });
    let cache = Cache::open("whole://host/3?its=own&namespace=in").unwrap();
    assert_eq!(cache.namespace_name(), "in");
    assert!(format!("{cache:#?}").contains("Memory"));
}

#[test]
fn a_url_may_hold_settings_of_the_cache() {
    let caches = Caches::new();
    let config = json!({
        "default": { "url": "memory://?namespace=in&max_entries=3&plugins=timing" },
        "beside": { "url": "memory://?namespace=in", "namespace": "beside" },
        "wrong": { "url": "memory://?namespaec=in" },
    });
    caches.set_config(Config::value(config).unwrap()).unwrap();
    let cache = caches.get("default").unwrap();
    assert_eq!(cache.namespace_name(), "in");
    assert!(cache.plugin::<Timing>().is_some());
    assert_eq!(caches.get("beside").unwrap().namespace_name(), "beside");
    let other = caches.create_with("default", json!({ "namespace": "other" })).unwrap();
    assert_eq!(other.namespace_name(), "other");
    assert!(caches.get("wrong").unwrap_err().to_string().contains("namespaec"));
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let text = r#"{
  "default": { "cache": "memory" },
  "a": { "cache": "memroy" },
  "b": {
    "cache": "memory",
    "max_entires": 5
  },
  "c": { "cache": "memory", "ttl": "soon" },
  "d": { "cache": "memory", "serializer": { "class": "jsn" } },
  "e": { "cache": "memory", "plugins": "timing,nothing" },
  "f": {},
  "g": { "cache": "memory", "url": "memory://" },
  "h": { "cache": "memory", "max_entries": "many" },
  "i": { "cache": "memory", "plugins": [{ "class": "timing", "x": 1 }] },
  "j": { "cache": "memory", "ttl": 0 },
  "k": { "url": "memroy://" },
  "l": { "cache": "memory", "max_entries": 5, "max_bytes": 5000 },
  "m": { "url": "memory://?max_entries=5&unbounded=true" }
}"#;
    let caches = Caches::new();
    caches.set_config(Config::json(text).unwrap()).unwrap();
    for (alias, parts) in [
        ("a", &["line 3", "`cache`", "\"memroy\"", "did you mean `memory`"][..]),
        ("b", &["line 6", "`max_entires`", "did you mean `max_entries`", "known are"]),
        ("c", &["line 8", "`ttl`", "soon"]),
        ("d", &["line 9", "`serializer`", "did you mean `json`"]),
        ("e", &["line 10", "`plugins`", "\"nothing\""]),
        ("f", &["line 11", "`cache` is missing"]),
        ("g", &["line 12", "`url`", "beside"]),
        ("h", &["line 13", "`max_entries`", "many"]),
        ("i", &["line 14", "`plugins.x` is unknown"]),
        ("j", &["line 15", "`ttl` is 0ns; it begins at 1ns"]),
        ("k", &["line 16", "memroy", "did you mean `memory`"]),
        ("l", &["line 17", "`l`", "one bound"]),
        ("m", &["line 18", "`m`", "one bound"]),
        ("defualt", &["no alias `defualt`", "did you mean `default`"]),
    ] {
        let error = caches.get(alias).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{alias}: {error}");
        for part in parts {
            assert!(error.to_string().contains(part), "{alias}: {part:?} is missing in {error}");
        }
    }
}

/// The place is that of the setting or of the URL that holds it, never that of another alias, and is told once.
#[test]
fn an_error_tells_one_place() {
    let text = r#"{
  "default": { "url": "memory://?ttl=soon" },
  "b": { "cache": "memory", "max_entries": -5, "ttl": 5 },
  "c": { "url": "memory://?max_entries=x" },
  "d": { "cache": "memory", "serializer": { "class": "json", "x": 1 } }
}"#;
    let caches = Caches::new();
    caches.set_config(Config::json(text).unwrap()).unwrap();
    for (alias, expected) in [
        ("default", "line 2: alias `default`: `ttl` \"soon\" is no duration; write it like 500ms, 2s or 1h"),
        ("b", "line 3: alias `b`: `max_entries` is -5; it goes from 1 to 18446744073709551615"),
        ("c", "line 4: alias `c`: the URL: `max_entries` is \"x\"; it goes from 1 to 18446744073709551615"),
        ("d", "line 5: alias `d`: `serializer.x` is unknown; none is known"),
    ] {
        assert_eq!(caches.get(alias).unwrap_err().to_string(), expected);
    }
    let error = Cache::open("memory://?ttl=soon").unwrap_err().to_string();
    assert!(error.starts_with("the URL: `ttl` "), "{error}");
}

#[cfg(feature = "toml")]
#[test]
fn broken_text_is_an_error_with_the_line_that_the_parser_tells() {
    let error = Config::toml("[default]\ncache = 'memory'\nx\n").unwrap_err().to_string();
    assert!(error.starts_with("the configuration can't be read: ") && error.ends_with(" at line 3"), "{error}");
}

#[test]
fn what_is_set_twice_is_an_error_that_names_it() {
    for (text, expected) in [
        (r#"{ "a": {}, "a": { "ttl": 5 } }"#, "leave one of two out: `a` is set twice at line 1"),
        ("{ \"a\": { \"ttl\": 5,\n \"ttl\": 6 } }", "leave one of two out: `ttl` is set twice at line 2"),
    ] {
        let error = Config::json(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    #[cfg(feature = "yaml")]
    {
        let error = Config::yaml("a:\n  ttl: 5\na:\n  ttl: 6\n").unwrap_err().to_string();
        assert!(error.contains("`a` is set twice"), "{error}");
    }
}

#[test]
fn a_url_is_as_strict() {
    for (url, expected) in [
        ("memory://?ttl=5&ttl=6", "the URL: `ttl` is set twice"),
        ("memory://?max_entries=5&ttl=1&max_entries=6", "the URL: `max_entries` is set twice"),
        ("memory://?namespce=a", "the URL: `namespce` is unknown; did you mean `namespace`"),
        ("memory://?ttl=0", "the URL: `ttl` is 0ns; it begins at 1ns"),
    ] {
        let error = Cache::open(url).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
    let caches = Caches::new();
    caches.set_config(Config::json(r#"{ "default": { "url": "memory://?ttl=5&ttl=6" } }"#).unwrap()).unwrap();
    let error = caches.get("default").unwrap_err().to_string();
    assert_eq!(error, "line 1: alias `default`: the URL: `ttl` is set twice; leave one of the two out");
}

#[cfg(feature = "redis")]
#[test]
fn a_setting_of_the_cache_is_known_from_one_of_the_server() {
    use polycache::backends::redis::Redis;
    let error = Cache::open("redis://h?namespce=a").unwrap_err().to_string();
    assert!(error.contains("\"namespce\" is unknown; did you mean `namespace`"), "{error}");
    let error = Redis::open("redis://h?namespace=a").unwrap_err().to_string();
    assert_eq!(
        error,
        "the setting \"namespace\" is the cache's, not the server's; give it to `Cache::open` or the builder"
    );
    // What stands before an unencoded `?` of a password, and what follows it, isn't shown.
    for url in [
        "redis://:pa?ss@h:1",
        "redis://:pa?ss@h:1?ss@h:1",
        "redis://:pa?ss&ss&x@h:1",
        "redis://u:1?ss&x@h:1",
        "redis://:pa?ttl=ss@h:1",
        "redis://:pa?plugins=ss@h:1",
        "redis://:pa?namespace=ss@h:1",
        "redis://:pa?connections=ss@h:1",
        "redis://:pa?db=1&ss@h:1",
        "redis://u:pa@ss?ttl=x@h:1",
        "redis://u:1?ttl_jitter=5&namespace=x@h:1",
    ] {
        let caches = configured(json!({ "default": { "url": url } }));
        let errors = [Cache::open(url), Redis::open(url).map(|_| Cache::memory()), caches.get("default")];
        for (error, prefix) in errors.into_iter().zip(["", "", "alias `default`: "]) {
            let error = error.unwrap_err().to_string();
            let text =
                "the URL can't be read; a `?`, `/`, `@` or `%` in a user name, a password or a setting is written";
            assert_eq!(error, format!("{prefix}{text} percent-encoded"), "{url}");
        }
    }
}

#[cfg(all(feature = "toml", feature = "yaml"))]
#[test]
fn no_error_of_a_text_quotes_a_value() {
    for config in [
        Config::yaml("a: {password: 18446744073709551616}"),
        Config::yaml("a: {password: -9223372036854775809}"),
        Config::yaml("a:\n  password: !!int hunter18446744073709551616"),
        Config::yaml("a: {password: !!float hunter18446744073709551616}"),
        Config::yaml("a: {password: !!bool hunter18446744073709551616}"),
        Config::toml("[a]\npassword = 18446744073709551616\n"),
        Config::json(r#"{ "a": { "password": 1e999 } }"#),
    ] {
        let error = config.unwrap_err().to_string();
        assert!(
            !error.contains("18446744073709551616") && !error.contains("775809") && !error.contains("e999"),
            "{error}"
        );
    }
    for text in ["18446744073709551616", "-9223372036854775809"] {
        let error = Config::yaml(&format!("a: {text}")).unwrap_err().to_string();
        assert!(error.contains("a number has more than 64 bits"), "{error}");
    }
    let error = Config::yaml("a:\n  password: !!int hunter2").unwrap_err().to_string();
    assert_eq!(
        error,
        "the configuration can't be read: a value isn't of the type that its tag says at line 2; correct it, or leave the tag out"
    );
    let error = Config::toml("\n\n[a]\nx = 1\nx = 1\n").unwrap_err().to_string();
    assert!(error.ends_with(" at line 5"), "{error}");
}

#[cfg(all(feature = "toml", feature = "yaml"))]
#[test]
fn what_is_no_number_is_an_error_and_not_left_out() {
    for config in [
        Config::toml("[default]\ncache = 'memory'\nttl = nan\n"),
        Config::toml("[default]\ncache = 'memory'\nttl = inf\n"),
        Config::yaml("default:\n  cache: memory\n  ttl: .nan\n"),
        Config::yaml("default:\n  cache: memory\n  ttl: .inf\n"),
    ] {
        let error = config.unwrap_err().to_string();
        assert!(error.contains("leave it out or set a number: "), "{error}");
    }
}

#[test]
fn broken_text_is_an_error() {
    for text in ["", "[]", "{", r#"{ "default": 5 }"#, "nul"] {
        assert_eq!(Config::json(text).unwrap_err().kind(), ErrorKind::Config, "{text}");
    }
    let error = Config::file("no/such/file.json").unwrap_err().to_string();
    assert!(error.contains("no/such/file.json"), "{error}");
    let folder = std::env::temp_dir();
    let strange = folder.join(format!("polycache-{}.ini", std::process::id()));
    std::fs::write(&strange, "x").unwrap();
    let error = Config::file(&strange).unwrap_err().to_string();
    std::fs::remove_file(&strange).unwrap();
    assert!(error.contains(".json, .toml"), "{error}");
}

#[cfg(all(feature = "redis", feature = "toml", feature = "yaml"))]
#[test]
fn no_password_is_ever_shown() {
    let caches = Caches::new();
    let config = json!({
        "default": { "cache": "redis", "password": "hunter2", "port": "x" },
        "type": { "cache": "redis", "password": ["hunter2"] },
        "url": { "url": "redis://:hunter2@h:x" },
        "url type": { "url": ["redis://:hunter2@h"] },
        "unknown": { "cache": "redis", "password": "hunter2", "hunter": 1 },
        "good": { "cache": "redis", "password": "hunter2", "sentinel_password": "hunter2" },
    });
    let config = Config::value(config).unwrap();
    let mut shown = format!("{config:?} ");
    caches.set_config(config).unwrap();
    for alias in caches.aliases() {
        shown += &match caches.get(&alias) {
            Ok(cache) => format!("{cache:#?} "),
            Err(error) => format!("{error:?} {error} "),
        };
    }
    shown += &format!("{caches:?} {:?} ", Cache::open("redis://:hunter2@h?ttl=x").unwrap_err());
    shown += &format!("{:?} ", Config::toml("[default]\npassword = hunter2").unwrap_err());
    shown += &format!("{:?} ", Config::yaml("default:\n  password: 'hunter2\n").unwrap_err());
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[cfg(feature = "redis")]
#[tokio::test]
async fn a_url_opens_a_cache_on_a_server() {
    let server = polycache_testkit::servers::RedisServer::start().await;
    let url =
        format!("{}/0?namespace=main&ttl=60s&serializer=text&timeout=2&connections=2&plugins=timing", server.url());
    let cache = Cache::open(&url).unwrap();
    cache.set("k", "a value").await.unwrap();
    assert_eq!(server.cli(&["GET", "main:k"]).await, "a value");
    assert!(server.cli(&["PTTL", "main:k"]).await.parse::<u64>().unwrap() > 50_000);
    assert!(cache.plugin::<Timing>().is_some());
    for (url, part) in [
        (format!("{}?conections=2", server.url()), "did you mean `connections`"),
        ("nothing://".to_owned(), "known are"),
        ("localhost".to_owned(), "no URL"),
        ("memory://?ttl=soon".to_owned(), "`ttl`"),
    ] {
        let error = Cache::open(&url).unwrap_err().to_string();
        assert!(error.contains(part), "{url}: {error}");
    }
}

/// Runs itself in a process whose environment names a file.
#[test]
fn the_environment_configures_the_process() {
    const NAME: &str = "the_environment_configures_the_process";
    if std::env::var_os("POLYCACHE_CONFIG").is_some() {
        let caches = polycache::caches();
        match std::env::var("EXPECTED").unwrap().as_str() {
            "" => assert_eq!(caches.get("default").unwrap().namespace_name(), "from the file"),
            part => {
                for alias in ["default", "sessions"] {
                    let error = caches.get(alias).unwrap_err().to_string();
                    assert!(error.contains("POLYCACHE_CONFIG") && error.contains(part), "{alias}: {error}");
                }
            }
        }
        return;
    }
    let folder = std::env::temp_dir().join(format!("polycache-config-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let good = folder.join("good.json");
    std::fs::write(&good, r#"{ "default": { "cache": "memory", "namespace": "from the file" } }"#).unwrap();
    for (file, expected) in [(good, ""), (folder.join("missing.json"), "missing.json")] {
        let child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", NAME])
            .env("POLYCACHE_CONFIG", file)
            .env("EXPECTED", expected)
            .output()
            .unwrap();
        let output = String::from_utf8_lossy(&child.stdout);
        assert!(child.status.success() && output.contains("1 passed"), "{output}");
    }
    std::fs::remove_dir_all(&folder).unwrap();
}
