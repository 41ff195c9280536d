//! Values of a configuration from the environment and from files of secrets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::PathBuf;
use std::process::Command;

use polycache::{Caches, Config, ErrorKind, Result, Ttl};

/// Tells the child that it is one.
const CHILD: &str = "OUTSIDE_CHILD";
const SECRET: &str = "hunter2";

/// Whether this is the child. If not, runs the test in one, with these variables.
fn in_child(test: &str, variables: &[(&str, &str)]) -> bool {
    if std::env::var_os(CHILD).is_some() {
        return true;
    }
    let mut child = Command::new(std::env::current_exe().unwrap());
    let child = child.args(["--exact", test, "--nocapture"]).env(CHILD, "1").envs(variables.iter().copied());
    let output = child.output().unwrap();
    let (text, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && text.contains("1 passed"), "{text}\n{errors}");
    false
}

/// A file, deleted with this.
struct File(PathBuf);

impl File {
    fn new(name: &str, content: &[u8]) -> Self {
        let path = std::env::temp_dir().join(format!("polycache-{}-{name}", std::process::id()));
        std::fs::write(&path, content).unwrap();
        Self(path)
    }

    fn named(&self) -> String {
        format!("${{file:{}}}", self.0.display())
    }
}

impl Drop for File {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).unwrap();
    }
}

fn configured(config: Result<Config>) -> Result<Caches> {
    let caches = Caches::new();
    caches.set_config(config?)?;
    Ok(caches)
}

/// A configuration with one setting of an alias beside `default`, in JSON.
fn with(setting: &str) -> Result<Caches> {
    configured(Config::json(&format!("{{ \"default\": {{ \"cache\": \"memory\" }},\n \"users\": {{ {setting} }} }}")))
}

fn namespace(written: &str) -> Result<String> {
    let caches = with(&format!(r#""cache": "memory", "namespace": {}"#, serde_json::json!(written)))?;
    Ok(caches.get("users")?.namespace_name().to_owned())
}

#[test]
fn variables_stand_in_any_text() {
    if !in_child("variables_stand_in_any_text", &[("NAME", "shop"), ("EMPTY", ""), ("TTL", "60"), ("_b2", "b")]) {
        return;
    }
    for (written, read) in [
        ("${NAME}", "shop"),
        ("a${NAME}:${_b2}c", "ashop:bc"),
        ("${NAME:-other}", "shop"),
        ("${EMPTY:-other}", "other"),
        ("a${EMPTY}b", "ab"),
        ("${MISSING:-}", ""),
        ("${MISSING:-a:-b $}", "a:-b $"),
        ("$NAME {NAME} $", "$NAME {NAME} $"),
        ("$${NAME}", "${NAME}"),
        ("$$${NAME}", "$${NAME}"),
    ] {
        assert_eq!(namespace(written).unwrap(), read, "{written}");
    }
    let caches = with(r#""url": "memory://?namespace=${NAME}&ttl=${TTL}", "plugins": ["${MISSING:-timing}"]"#).unwrap();
    let users = caches.get("users").unwrap();
    assert!(users.plugin::<polycache::plugins::Timing>().is_some());
    users.set("k", 1).now().expect("ready").unwrap();
    assert!(matches!(users.ttl("k").now().expect("ready").unwrap(), Some(Ttl::After(_))));
    with(r#""cache": "memory", "ttl": "${TTL}", "max_entries": "${MISSING:-10}", "plugins": [{ "class": "${MISSING:-timing}" }]"#)
        .unwrap()
        .get("users")
        .unwrap();
    #[cfg(feature = "toml")]
    assert_eq!(
        configured(Config::toml("[default]\ncache = 'memory'\nnamespace = '${NAME}'\n"))
            .unwrap()
            .get("default")
            .unwrap()
            .namespace_name(),
        "shop"
    );
    #[cfg(feature = "yaml")]
    assert_eq!(
        configured(Config::yaml("default:\n  cache: memory\n  namespace: ${NAME}\n"))
            .unwrap()
            .get("default")
            .unwrap()
            .namespace_name(),
        "shop"
    );
    // A value from code isn't filled in.
    let value = serde_json::json!({ "default": { "cache": "memory", "namespace": "${NAME}" } });
    assert_eq!(configured(Config::value(value)).unwrap().get("default").unwrap().namespace_name(), "${NAME}");
}

#[test]
fn files_hold_secrets() {
    for (content, read) in [
        ("shop", "shop"),
        ("shop\n", "shop"),
        ("shop\r\n", "shop"),
        (" shop \n\n", " shop \n"),
        ("", ""),
        ("${NAME}", "${NAME}"),
    ] {
        let file = File::new("secret", content.as_bytes());
        assert_eq!(namespace(&file.named()).unwrap(), read, "{content:?}");
    }
    let strange = File::new("strange", &[0xff]);
    for (written, said) in [
        (strange.named(), "which can't be read"),
        ("${file:/no/such/secret}".to_owned(), "the file \"/no/such/secret\", which can't be read"),
    ] {
        let error = namespace(&written).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        let error = error.to_string();
        assert!(
            error.starts_with("line 2: alias `users`: `namespace` needs the file") && error.contains(said),
            "{error}"
        );
    }
}

#[test]
fn what_is_missing_or_misspelt_is_told_when_it_is_read() {
    for (written, said) in [
        (
            "${MISSING}",
            "needs the environment variable `MISSING`, which isn't set; set it, or give a default: `${MISSING:-…}`",
        ),
        ("x${MISSING", "has a `${` without its `}`"),
        ("${}", "has a `${…}` that isn't `${NAME}`"),
        ("${hunter2 x}", "has a `${…}` that isn't `${NAME}`"),
        ("${MISSING:-${NAME}}", "has"),
    ] {
        match namespace(written) {
            Err(error) => {
                let error = error.to_string();
                assert!(error.contains("line 2: alias `users`: `namespace`") && error.contains(said), "{error}");
                assert!(!error.contains(SECRET), "{error}");
            }
            // A default ends at the first brace.
            Ok(name) => assert_eq!((written, &*name), ("${MISSING:-${NAME}}", "${NAME}")),
        }
    }
}

#[test]
fn no_error_shows_what_is_from_outside() {
    let secret = File::new("hidden", SECRET.as_bytes());
    let named = secret.named();
    let mut settings = vec![
        format!(r#""cache": "{named}""#),
        format!(r#""url": "{named}""#),
        format!(r#""url": "{named}://""#),
        format!(r#""url": "memory://?{named}=1""#),
        format!(r#""url": "memory://?max_entries={named}""#),
        format!(r#""url": "memory://?ttl={named}""#),
    ];
    for field in [
        "max_entries",
        "max_bytes",
        "unbounded",
        "ttl",
        "ttl_jitter",
        "timeout",
        "lease",
        "serializer",
        "plugins",
        "on_error",
        "enabled",
    ] {
        settings.push(format!(r#""cache": "memory", "{field}": "{named}""#));
    }
    settings.push(format!(r#""cache": "memory", "serializer": {{ "class": "{named}" }}"#));
    settings.push(format!(
        r#""cache": "memory", "plugins": [{{ "class": "timing", "{named}": "{named}", "x": "{named}" }}]"#
    ));
    for setting in settings {
        let error = with(&setting).unwrap().get("users").expect_err(&setting).to_string();
        assert!(!error.contains(SECRET), "{setting}: {error}");
        assert!(error.contains("alias `users`: "), "{setting}: {error}");
        assert!(error.contains(&*secret.0.to_string_lossy()), "{setting}: {error}");
    }
    let error = with(&format!(r#""cache": "memory", "ttl": "{named}""#)).unwrap().get("users").unwrap_err().to_string();
    let whence =
        format!("line 2: alias `users`: `ttl` is what the file {:?} says; it ", secret.0.display().to_string());
    assert!(error.starts_with(&whence), "{error}");
}

#[cfg(feature = "redis")]
#[test]
fn no_error_shows_a_password_from_outside() {
    let secret = File::new("password", SECRET.as_bytes());
    let named = secret.named();
    for setting in [
        format!(r#""url": "redis://:{named}@127.0.0.1:x""#),
        format!(r#""url": "redis://:{named}@127.0.0.1?heartbeat={named}""#),
        format!(r#""url": "redis://{named}:x""#),
        format!(r#""cache": "redis", "endpoint": "127.0.0.1", "port": "{named}""#),
        format!(r#""cache": "redis", "password": "{named}", "heartbeat": "{named}""#),
        format!(r#""cache": "redis", "password": "{named}", "topology": "{named}""#),
        format!(r#""cache": "redis", "password": "{named}", "db": "{named}""#),
    ] {
        let error = with(&setting).unwrap().get("users").expect_err(&setting);
        assert!(!format!("{error} {error:?}").contains(SECRET), "{setting}: {error}");
        assert!(error.to_string().contains("alias `users`"), "{setting}: {error}");
    }
    let caches = with(&format!(r#""cache": "redis", "password": "{named}""#)).unwrap();
    let shown = format!("{caches:?} {0:?} {0:#?}", caches.get("users").unwrap());
    assert!(!shown.contains(SECRET), "{shown}");
}

#[test]
fn variables_set_fields() {
    let variables = [
        ("POLYCACHE__USERS__NAMESPACE", "from outside"),
        ("POLYCACHE__USERS__TTL", "30"),
        ("POLYCACHE__USERS__MAX_ENTRIES", "2"),
        ("POLYCACHE__IN_TWO_WORDS__URL", "memory://?namespace=by%20url"),
        ("POLYCACHE_DISABLE", "0"),
    ];
    if !in_child("variables_set_fields", &variables) {
        return;
    }
    let text = r#"{ "default": { "cache": "memory" }, "users": { "cache": "memory", "namespace": "a", "ttl": "1h" }, "in-two.words": { "cache": "redis" } }"#;
    let config = || Config::json(text).unwrap();
    let caches = configured(config().with_environment()).unwrap();
    let users = caches.get("users").unwrap();
    assert_eq!(users.namespace_name(), "from outside");
    users.multi_set([("a", 1), ("b", 1), ("c", 1)]).now().expect("ready").unwrap();
    let kept = ["a", "b", "c"].map(|key| users.ttl(key).now().expect("ready").unwrap());
    assert_eq!(kept.iter().flatten().count(), 2);
    assert!(kept.iter().flatten().all(|ttl| matches!(ttl, Ttl::After(left) if left.as_secs() <= 30)));
    assert_eq!(caches.get("in-two.words").unwrap().namespace_name(), "by url");
    assert_eq!(configured(Ok(config())).unwrap().get("users").unwrap().namespace_name(), "a");
}

#[test]
fn a_variable_that_sets_nothing_right_is_told() {
    let text = r#"{ "default": { "cache": "memory" }, "users": { "cache": "memory", "ttl": "1h" } }"#;
    let config = || Config::json(text).unwrap().with_environment();
    match std::env::var("CASE").as_deref() {
        Err(_) => {
            for (case, name, value) in [
                ("alias", "POLYCACHE__USRES__TTL", SECRET),
                ("form", "POLYCACHE__USERS_TTL", SECRET),
                ("range", "POLYCACHE__USERS__TTL", SECRET),
                ("field", "POLYCACHE__USERS__NAMESPCE", SECRET),
                ("process", "POLYCACHE__USERS__TTL", SECRET),
            ] {
                in_child("a_variable_that_sets_nothing_right_is_told", &[("CASE", case), (name, value)]);
            }
        }
        Ok(case) => {
            let error = match case {
                "alias" | "form" => config().unwrap_err(),
                "process" => polycache::caches().get("default").unwrap_err(),
                _ => configured(config()).unwrap().get("users").unwrap_err(),
            };
            let error = error.to_string();
            let said = match case {
                "alias" => {
                    "the environment variable `POLYCACHE__USRES__TTL` names no alias; did you mean `USERS`; known are DEFAULT, USERS"
                }
                "form" => {
                    "the environment variable `POLYCACHE__USERS_TTL` names no field; it has the form POLYCACHE__ALIAS__FIELD"
                }
                "range" => "alias `users`: `ttl` is what the environment variable `POLYCACHE__USERS__TTL` says; it ",
                "field" => "alias `users`: `namespce` is unknown; did you mean `namespace`",
                _ => "the environment variable `POLYCACHE__USERS__TTL` names no alias; known are DEFAULT",
            };
            assert!(error.starts_with(said) && !error.contains(SECRET), "{error}");
        }
    }
}

#[test]
fn a_variable_of_two_aliases_is_told() {
    if !in_child("a_variable_of_two_aliases_is_told", &[("POLYCACHE__MY_CACHE__TTL", SECRET)]) {
        return;
    }
    let text =
        r#"{ "default": { "cache": "memory" }, "my-cache": { "cache": "memory" }, "my_cache": { "cache": "memory" } }"#;
    let error = Config::json(text).unwrap().with_environment().unwrap_err().to_string();
    let said = "the environment variable `POLYCACHE__MY_CACHE__TTL` names both `my-cache` and `my_cache`; ";
    assert!(error.starts_with(said) && !error.contains(SECRET), "{error}");
}

#[test]
fn the_caches_of_the_process_hear_the_environment() {
    let variables = [("POLYCACHE__DEFAULT__NAMESPACE", "from outside")];
    if in_child("the_caches_of_the_process_hear_the_environment", &variables) {
        assert_eq!(polycache::caches().get("default").unwrap().namespace_name(), "from outside");
    }
}

/// A changed secret makes the cache anew.
#[test]
fn what_is_filled_in_counts_as_a_setting() {
    let secret = File::new("rotated", b"one");
    let text = format!(r#"{{ "default": {{ "cache": "memory", "namespace": "{}" }} }}"#, secret.named());
    let caches = configured(Config::json(&text)).unwrap();
    caches.get("default").unwrap().set("k", 1).now().expect("ready").unwrap();
    for (content, found) in [("one", Some(1)), ("two", None)] {
        std::fs::write(&secret.0, content).unwrap();
        caches.set_config(Config::json(&text).unwrap()).unwrap();
        let cache = caches.get("default").unwrap();
        assert_eq!((cache.namespace_name(), cache.get::<i32>("k").now().expect("ready").unwrap()), (content, found));
    }
}
