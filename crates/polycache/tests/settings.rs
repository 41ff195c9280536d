//! Every setting gets the same answer, whichever way it is given.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use polycache::backend::Backend;
use polycache::backends::breaker::Breaker;
use polycache::backends::fallback::{Fallback, FallbackBuilder};
use polycache::backends::memcached::{Memcached, MemcachedConfig};
use polycache::backends::memory::Memory;
use polycache::backends::near::Near;
use polycache::backends::recovery::Recovery;
use polycache::backends::redis::{Redis, RedisConfig, Server};
use polycache::{Cache, CacheBuilder, Caches, Config, ErrorKind, Result, Ttl};

/// A setting, and how it is given in code.
struct Row {
    backend: &'static str,
    name: &'static str,
    /// Gives it to a builder. `None` where the builder's type has no such value.
    build: fn(&str) -> Option<Result<()>>,
    /// Whether a URL can say it, and in its query.
    url: Url,
    /// At the ends of its range and within.
    good: &'static [&'static str],
    /// Just past them, each with what is said of it.
    bad: &'static [(&'static str, &'static str)],
}

#[derive(Clone, Copy, PartialEq)]
enum Url {
    Query,
    /// As this, where `{}` stands.
    Place(&'static str),
    No,
}

fn time(text: &str) -> Option<Duration> {
    humantime::parse_duration(text).ok()
}

fn cache(build: impl FnOnce(CacheBuilder) -> CacheBuilder) -> Result<()> {
    build(Cache::builder()).build().map(drop)
}

fn redis(set: impl FnOnce(&mut RedisConfig)) -> Result<()> {
    let mut config = RedisConfig::default();
    set(&mut config);
    Redis::new(config).map(drop)
}

fn memcached(set: impl FnOnce(&mut MemcachedConfig)) -> Result<()> {
    let mut config = MemcachedConfig::default();
    set(&mut config);
    Memcached::new(&config).map(drop)
}

fn memory() -> Arc<dyn Backend> {
    Arc::new(Memory::new())
}

fn fallback(build: impl FnOnce(FallbackBuilder) -> FallbackBuilder) -> Result<()> {
    build(Fallback::builder()).build(Recovery::builder().build(memory())?).map(drop)
}

const DAY: &str = "1day";
const CONNECT_TIMEOUT: &[(&str, &str)] = &[
    ("0s", "`connect_timeout` is 0ns; it goes from 1ms to 86400s"),
    ("999us", "`connect_timeout` is 999µs; it goes from 1ms to 86400s"),
    ("1day 1ns", "`connect_timeout` is 86400.000000001s; it goes from 1ms to 86400s"),
];
const PORT: &[(&str, &str)] =
    &[("0", "`port` is 0; it goes from 1 to 65535"), ("65536", "`port` is 65536; it goes from 1 to 65535")];

#[rustfmt::skip] // one setting, one row
const ROWS: &[Row] = &[
    // The cache's own, the same on every backend.
    Row { backend: "memory", name: "ttl", url: Url::Query, good: &["1ns", "1ms", "31days", "1000years"],
        build: |text| time(text).map(|time| cache(|builder| builder.ttl(Ttl::After(time)))),
        bad: &[("0s", "`ttl` is 0ns; it begins at 1ns")] },
    Row { backend: "memory", name: "timeout", url: Url::Query, good: &["0s", "1ns", "1000years"],
        build: |text| time(text).map(|time| cache(|builder| builder.timeout(time))), bad: &[] },
    Row { backend: "memory", name: "lease", url: Url::Query, good: &["0s", "1ms", DAY],
        build: |text| time(text).map(|time| cache(|builder| builder.lease(time))),
        bad: &[("999us", "`lease` is 999µs; it goes from 1ms to 86400s; zero is none"),
            ("1day 1ns", "`lease` is 86400.000000001s; it goes from 1ms to 86400s; zero is none")] },
    Row { backend: "memory", name: "grace", url: Url::Query, good: &["0s", "1ns", "1000years"],
        build: |text| time(text).map(|time| cache(|builder| builder.grace(time))), bad: &[] },
    Row { backend: "memory", name: "throttle", url: Url::Query, good: &["0s", "1ns", "1000years"],
        build: |text| time(text).map(|time| cache(|builder| builder.throttle(time))), bad: &[] },
    Row { backend: "memory", name: "soft_timeout", url: Url::Query, good: &["0s", "1ns", "1000years"],
        build: |text| time(text).map(|time| cache(|builder| builder.soft_timeout(time))), bad: &[] },
    Row { backend: "memory", name: "hard_timeout", url: Url::Query, good: &["0s", "1ns", "1000years"],
        build: |text| time(text).map(|time| cache(|builder| builder.hard_timeout(time))), bad: &[] },
    Row { backend: "memory", name: "refresh_early", url: Url::Query, good: &["0", "0.8", "1"],
        build: |text| text.parse().ok().map(|part| cache(|builder| builder.refresh_early(part))),
        bad: &[("-0.1", "`refresh_early` is -0.1; it goes from 0.0 to 1.0"), ("1.1", "`refresh_early` is 1.1; it goes from 0.0 to 1.0")] },
    Row { backend: "memory", name: "ttl_jitter", url: Url::Query, good: &["0", "0.5", "1"],
        build: |text| text.parse().ok().map(|jitter| cache(|builder| builder.ttl_jitter(jitter))),
        bad: &[("-0.1", "`ttl_jitter` is -0.1; it goes from 0.0 to 1.0"), ("1.1", "`ttl_jitter` is 1.1; it goes from 0.0 to 1.0")] },
    Row { backend: "memory", name: "separator", url: Url::Query, good: &["", "abcdefgh"],
        build: |text| Some(cache(|builder| builder.separator(text))),
        bad: &[("abcdefghi", "`separator` has 9 bytes; it has at most 8 bytes and no control characters")] },
    Row { backend: "memory", name: "on_error", url: Url::Query, good: &["fail", "miss"], build: |_| None,
        bad: &[("hit", "`on_error` is \"hit\"; it is `fail` or `miss`")] },
    Row { backend: "memory", name: "on_decode_error", url: Url::Query, good: &["fail", "miss"], build: |_| None,
        bad: &[("hit", "`on_decode_error` is \"hit\"; it is `fail` or `miss`")] },
    // Memory.
    Row { backend: "memory", name: "max_entries", url: Url::Query, good: &["1", "18446744073709551615"],
        build: |text| text.parse().ok().map(|entries| Memory::builder().max_entries(entries).build().map(drop)),
        bad: &[("0", "`max_entries` is 0; it goes from 1 to 18446744073709551615"),
            ("-1", "`max_entries` is -1; it goes from 1 to 18446744073709551615"),
            ("18446744073709551616", "`max_entries` is 18446744073709551616; it goes from 1 to 18446744073709551615")] },
    Row { backend: "memory", name: "max_bytes", url: Url::Query, good: &["1", "1152921504606846976"],
        build: |text| text.parse().ok().map(|bytes| Memory::builder().max_bytes(bytes).build().map(drop)),
        bad: &[("0", "`max_bytes` is 0; it goes from 1 to 1152921504606846976"),
            ("1152921504606846977", "`max_bytes` is 1152921504606846977; it goes from 1 to 1152921504606846976")] },
    // What is around a backend, and around a serializer.
    Row { backend: "memory", name: "breaker.failures", url: Url::No, good: &["1", "4294967295"],
        build: |text| text.parse().ok().map(|failures| Breaker::builder().failures(failures).build(memory()).map(drop)),
        bad: &[("0", "`failures` is 0; it goes from 1 to 4294967295"),
            ("4294967296", "`failures` is 4294967296; it goes from 1 to 4294967295")] },
    Row { backend: "memory", name: "breaker.failure_rate", url: Url::No, good: &["0.01", "1.0"],
        build: |text| text.parse().ok().map(|rate| Breaker::builder().failure_rate(rate).build(memory()).map(drop)),
        bad: &[("0.009", "`failure_rate` is 0.009; it goes from 0.01 to 1.0"), ("1.1", "`failure_rate` is 1.1; it goes from 0.01 to 1.0")] },
    Row { backend: "memory", name: "breaker.pause", url: Url::No, good: &["1ms", "1000years"],
        build: |text| time(text).map(|time| Breaker::builder().pause(time).build(memory()).map(drop)),
        bad: &[("999us", "`pause` is 999µs; it begins at 1ms")] },
    Row { backend: "memory", name: "recovery.max_pending", url: Url::No, good: &["1"],
        build: |text| text.parse().ok().map(|keys| Recovery::builder().max_pending(keys).build(memory()).map(drop)),
        bad: &[("0", "`max_pending` is 0; it goes from 1 to 18446744073709551615")] },
    Row { backend: "memory", name: "recovery.close_timeout", url: Url::No, good: &["0s", "1000years"],
        build: |text| time(text).map(|time| Recovery::builder().close_timeout(time).build(memory()).map(drop)), bad: &[] },
    Row { backend: "memory", name: "near", url: Url::Query, good: &["0", "1", "18446744073709551615"],
        build: |_| None, bad: &[("-1", "`near` is -1; it goes from 1 to 18446744073709551615; zero is none")] },
    Row { backend: "redis", name: "near.max_entries", url: Url::No, good: &["1", "18446744073709551615"],
        build: |text| text.parse().ok().map(|entries| Near::builder().max_entries(entries).build(memory()).map(drop)),
        bad: &[("0", "`max_entries` is 0; it goes from 1 to 18446744073709551615")] },
    Row { backend: "memory", name: "near.ttl", url: Url::No, good: &["1ms", "1000years"],
        build: |text| time(text).map(|time| Near::builder().ttl(time).build(memory()).map(drop)),
        bad: &[("999us", "`ttl` is 999µs; it begins at 1ms")] },
    Row { backend: "memory", name: "near.misses", url: Url::No, good: &["0s", "1000years"],
        build: |text| time(text).map(|time| Near::builder().misses(time).build(memory()).map(drop)), bad: &[] },
    Row { backend: "redis", name: "fallback.max_bytes", url: Url::No, good: &["1", "1152921504606846976"],
        build: |text| text.parse().ok().map(|bytes| fallback(|builder| builder.max_bytes(bytes))),
        bad: &[("0", "`max_bytes` is 0; it goes from 1 to 1152921504606846976")] },
    Row { backend: "redis", name: "fallback.ttl", url: Url::No, good: &["1ms", "1000years"],
        build: |text| time(text).map(|time| fallback(|builder| builder.ttl(time))),
        bad: &[("999us", "`ttl` is 999µs; it begins at 1ms")] },
    // Redis.
    Row { backend: "redis", name: "heartbeat", url: Url::Query, good: &["0s", "2ms", DAY],
        build: |text| time(text).map(|time| redis(|config| config.heartbeat = time)),
        bad: &[("1ns", "`heartbeat` is 1ns; it goes from 2ms to 86400s; zero is none"),
            ("1999us", "`heartbeat` is 1.999ms; it goes from 2ms to 86400s; zero is none"),
            ("1day 1ns", "`heartbeat` is 86400.000000001s; it goes from 2ms to 86400s; zero is none")] },
    Row { backend: "redis", name: "connect_timeout", url: Url::Query, good: &["1ms", DAY], bad: CONNECT_TIMEOUT,
        build: |text| time(text).map(|time| redis(|config| config.connect_timeout = time)) },
    Row { backend: "redis", name: "create_connection_timeout", url: Url::No, good: &["1ms", DAY], build: |_| None,
        bad: &[("0s", "`create_connection_timeout` is 0ns; it goes from 1ms to 86400s")] },
    Row { backend: "redis", name: "connections", url: Url::Query, good: &["1", "1024"],
        build: |text| text.parse().ok().map(|connections| redis(|config| config.connections = connections)),
        bad: &[("0", "`connections` is 0; it goes from 1 to 1024"), ("1025", "`connections` is 1025; it goes from 1 to 1024"),
            ("-1", "`connections` is -1; it goes from 1 to 1024")] },
    Row { backend: "redis", name: "db", url: Url::Query, good: &["0", "4294967295"],
        build: |text| text.parse().ok().map(|db| redis(|config| config.db = db)),
        bad: &[("-1", "`db` is -1; it goes from 0 to 4294967295"), ("4294967296", "`db` is 4294967296; it goes from 0 to 4294967295")] },
    Row { backend: "redis", name: "db", url: Url::Place("redis://h/{}"), good: &["0", "4294967295"], build: |_| None,
        bad: &[("-1", "`db` is -1; it goes from 0 to 4294967295"), ("4294967296", "`db` is 4294967296; it goes from 0 to 4294967295")] },
    Row { backend: "redis", name: "port", url: Url::Place("redis://h:{}"), good: &["1", "65535"], bad: PORT,
        build: |text| text.parse().ok().map(|port| redis(|config| config.servers = vec![Server::Tcp { host: "h".into(), port }])) },
    Row { backend: "redis", name: "protocol", url: Url::Query, good: &["resp2", "resp3"], build: |_| None,
        bad: &[("resp4", "`protocol` is \"resp4\"; it is `resp2` or `resp3`")] },
    Row { backend: "redis", name: "topology", url: Url::No, good: &["standalone", "cluster"], build: |_| None,
        bad: &[("ring", "`topology` is \"ring\"; it is `standalone` or `cluster` or `sentinel`")] },
    Row { backend: "redis", name: "pool_min_size", url: Url::No, good: &["1", "4294967295"], build: |_| None,
        bad: &[("0", "`pool_min_size` is 0; it goes from 1 to 4294967295")] },
    Row { backend: "redis", name: "pool_max_size", url: Url::No, good: &["1", "4294967295"], build: |_| None,
        bad: &[("0", "`pool_max_size` is 0; it goes from 1 to 4294967295")] },
    // Memcached.
    Row { backend: "memcached", name: "heartbeat", url: Url::Query, good: &["2ms", DAY],
        build: |text| time(text).map(|time| memcached(|config| config.heartbeat = time)),
        bad: &[("0s", "`heartbeat` is 0ns; it goes from 2ms to 86400s"), ("1ns", "`heartbeat` is 1ns; it goes from 2ms to 86400s"),
            ("1day 1ns", "`heartbeat` is 86400.000000001s; it goes from 2ms to 86400s")] },
    Row { backend: "memcached", name: "connect_timeout", url: Url::Query, good: &["1ms", DAY], bad: CONNECT_TIMEOUT,
        build: |text| time(text).map(|time| memcached(|config| config.connect_timeout = time)) },
    Row { backend: "memcached", name: "generations", url: Url::Query, good: &["0s", "1000years"],
        build: |text| time(text).map(|time| memcached(|config| config.generations = Some(time))), bad: &[] },
    Row { backend: "memcached", name: "eject_after", url: Url::Query, good: &["1", "4294967295"],
        build: |text| text.parse().ok().map(|failures| memcached(|config| config.eject_after = failures)),
        bad: &[("0", "`eject_after` is 0; it goes from 1 to 4294967295"),
            ("4294967296", "`eject_after` is 4294967296; it goes from 1 to 4294967295")] },
    Row { backend: "memcached", name: "max_value", url: Url::Query, good: &["1", "4294967295"],
        build: |text| text.parse().ok().map(|bytes| memcached(|config| config.max_value = bytes)),
        bad: &[("0", "`max_value` is 0; it goes from 1 to 4294967295"),
            ("4294967296", "`max_value` is 4294967296; it goes from 1 to 4294967295")] },
    Row { backend: "memcached", name: "weights", url: Url::Query, good: &["1", "4294967295"],
        build: |text| text.parse().ok().map(|weight| memcached(|config| config.weights = vec![weight])),
        bad: &[("0", "`weights` is 0; it goes from 1 to 4294967295"), ("4294967296", "`weights` is 4294967296; it goes from 1 to 4294967295")] },
    Row { backend: "memcached", name: "port", url: Url::Place("memcached://h:{}"), good: &["1", "65535"], bad: PORT,
        build: |text| text.parse::<u16>().ok().map(|port| memcached(|config| config.servers = vec![format!("h:{port}")])) },
    Row { backend: "memcached", name: "pool_size", url: Url::No, good: &["1", "4294967295"], build: |_| None,
        bad: &[("0", "`pool_size` is 0; it goes from 1 to 4294967295")] },
    Row { backend: "memcached", name: "placement", url: Url::Query, good: &["ketama", "rendezvous"], build: |_| None,
        bad: &[("random", "`placement` is \"random\"; it is `ketama` or `rendezvous`")] },
    Row { backend: "memcached", name: "on_dead", url: Url::Query, good: &["fail", "miss", "rehash"], build: |_| None,
        bad: &[("die", "`on_dead` is \"die\"; it is `fail` or `miss` or `rehash`")] },
];

impl Row {
    /// A URL that gives it this value.
    fn url(&self, value: &str) -> Option<String> {
        let encoded = value.replace(' ', "%20");
        match self.url {
            Url::Query => Some(format!("{}://?{}={encoded}", self.backend, self.name)),
            Url::Place(place) => Some(place.replace("{}", value)),
            Url::No => None,
        }
    }

    /// The ways to give it this value, by their names, as a configuration of one alias in JSON. What is a number is one there, too.
    fn aliases(&self, value: &str) -> Vec<(&'static str, serde_json::Value)> {
        let alias = |value: serde_json::Value| match self.name.split_once('.') {
            None => serde_json::json!({ "cache": self.backend, self.name: value }),
            Some((part, name)) => serde_json::json!({ "cache": self.backend, part: { name: value } }),
        };
        let mut aliases = vec![("a text", alias(value.into()))];
        if let Ok(number @ serde_json::Value::Number(_)) = serde_json::from_str(value)
            && (number.is_i64() || number.is_u64() || value.contains('.'))
        {
            aliases.push(("a number", alias(number)));
        }
        aliases.extend(self.url(value).map(|url| ("an alias's URL", serde_json::json!({ "url": url }))));
        aliases
    }
}

/// Each row with each of its values, and what is expected.
fn cases() -> impl Iterator<Item = (&'static Row, &'static str, Option<&'static str>)> {
    ROWS.iter().flat_map(|row| {
        let good = row.good.iter().map(move |value| (row, *value, None));
        good.chain(row.bad.iter().map(move |(value, text)| (row, *value, Some(*text))))
    })
}

/// An error's text is `expected`, behind the place that it may begin with.
fn check(way: &str, row: &Row, value: &str, answer: Result<()>, expected: Option<&str>) {
    let what = format!("{} of {} = {value}, by {way}", row.name, row.backend);
    match (answer, expected) {
        (Ok(()), None) => {}
        (Ok(()), Some(text)) => panic!("{what}: accepted, and not {text}"),
        (Err(error), None) => panic!("{what}: {error}"),
        (Err(error), Some(text)) => {
            assert_eq!(error.kind(), ErrorKind::Config, "{what}");
            let told = error.to_string();
            let place = told.strip_suffix(text).unwrap_or_else(|| panic!("{what}: {told}\nand not {text}"));
            assert!(place.is_empty() || place.ends_with(": "), "{what}: {told}");
        }
    }
}

fn of_config(config: Result<Config>) -> Result<()> {
    let caches = Caches::new();
    caches.set_config(config?)?;
    caches.get("default").map(drop)
}

fn toml_of(fields: &serde_json::Value) -> String {
    let (mut text, mut parts) = ("[default]\n".to_owned(), String::new());
    for (name, value) in fields.as_object().unwrap() {
        match value.as_object().and_then(|part| part.iter().next()) {
            Some((field, value)) => parts = format!("[default.{name}]\n{field} = {value}\n"),
            None => text += &format!("{name} = {value}\n"),
        }
    }
    text + &parts
}

#[tokio::test]
async fn every_setting_gets_one_answer_by_each_way() {
    for (row, value, expected) in cases() {
        if let Some(answer) = (row.build)(value) {
            check("the builder", row, value, answer, expected);
        }
        if let Some(url) = row.url(value) {
            check("a URL", row, value, Cache::open(&url).map(drop), expected);
            let opened = match row.backend {
                "redis" => Some(Redis::open(&url).map(drop)),
                "memcached" => Some(Memcached::open(&url).map(drop)),
                _ => None,
            };
            if let Some(opened) = opened {
                check("the backend's URL", row, value, opened, expected);
            }
            let upper = url.replacen(row.backend, &row.backend.to_uppercase(), 1);
            check("a URL with a scheme in upper case", row, value, Cache::open(&upper).map(drop), expected);
        }
        for (way, fields) in row.aliases(value) {
            let config = serde_json::json!({ "default": fields });
            let text = config.to_string();
            check(&format!("a value, {way}"), row, value, of_config(Config::value(&config)), expected);
            check(&format!("JSON, {way}"), row, value, of_config(Config::json(&text)), expected);
            check(&format!("YAML, {way}"), row, value, of_config(Config::yaml(&text)), expected);
            // Its integers have 64 bits, with the sign.
            if !fields[row.name].is_u64() || fields[row.name].is_i64() {
                check(&format!("TOML, {way}"), row, value, of_config(Config::toml(&toml_of(&fields))), expected);
            }
        }
    }
}

fn upper(name: &str) -> String {
    name.to_ascii_uppercase()
}

/// Runs itself in a process whose environment names a file with an alias for each case, and has a variable for each.
#[test]
fn the_environment_gives_the_same_answers() {
    const NAME: &str = "the_environment_gives_the_same_answers";
    let all: Vec<_> = cases()
        .flat_map(|(row, value, expected)| {
            row.aliases(value).into_iter().map(move |(way, fields)| (row, value, expected, way, fields))
        })
        .collect();
    // A variable sets a whole field.
    let plain = cases().filter(|(row, ..)| !row.name.contains('.'));
    if std::env::var_os("POLYCACHE_CONFIG").is_some() {
        for (number, (row, value, expected, way, _)) in all.into_iter().enumerate() {
            let answer = polycache::caches().get(&format!("case {number}")).map(drop);
            check(&format!("the environment, {way}"), row, value, answer, expected);
        }
        for (number, (row, value, expected)) in plain.enumerate() {
            let answer = polycache::caches().get(&format!("field {number}")).map(drop);
            // What a variable says may be secret, so it isn't shown.
            let variable =
                format!("what the environment variable `POLYCACHE__FIELD_{number}__{}` says", upper(row.name));
            let is = format!("`{}` is ", row.name);
            let expected = expected.map(|text| match text.split_once("; ").filter(|_| text.starts_with(&is)) {
                Some((_, bounds)) => format!("{is}{variable}; {bounds}"),
                None => text.to_owned(),
            });
            check("a variable of the environment", row, value, answer, expected.as_deref());
        }
        return;
    }
    let mut config = serde_json::json!({ "default": { "cache": "memory" } });
    for (number, (.., fields)) in all.into_iter().enumerate() {
        config[format!("case {number}")] = fields;
    }
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    for (number, (row, value, _)) in plain.enumerate() {
        config[format!("field {number}")] = serde_json::json!({ "cache": row.backend });
        child.env(format!("POLYCACHE__FIELD_{number}__{}", upper(row.name)), value);
    }
    let file = tempfile::Builder::new().suffix(".json").tempfile().unwrap();
    std::fs::write(file.path(), config.to_string()).unwrap();
    let child = child.args(["--exact", NAME, "--nocapture"]).env("POLYCACHE_CONFIG", file.path()).output().unwrap();
    let output = String::from_utf8_lossy(&child.stdout) + String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success() && output.contains("1 passed"), "{output}");
}

/// What is said twice is refused, whichever of the two would win.
#[test]
fn nothing_is_given_twice() {
    let twice = "the database is named twice, as /3 and by `db=4`; leave one of the two out";
    for (url, text) in
        [("redis://h/3?db=4", twice), ("redis://h?db=3&db=4", "`db` is set twice; leave one of the two out")]
    {
        for error in [Cache::open(url).unwrap_err(), Redis::open(url).unwrap_err()] {
            assert!(error.to_string().ends_with(text), "{url}: {error}");
        }
    }
    for fields in [
        serde_json::json!({ "cache": "redis", "endpoint": "a", "servers": ["b"] }),
        serde_json::json!({ "cache": "redis", "port": 1, "servers": ["b"] }),
        serde_json::json!({ "cache": "memcached", "endpoint": "a", "servers": ["b"] }),
        serde_json::json!({ "cache": "redis", "connect_timeout": 1, "create_connection_timeout": 2 }),
    ] {
        let error = of_config(Config::value(serde_json::json!({ "default": fields }))).unwrap_err();
        assert!(error.to_string().contains(" is given beside "), "{error}");
    }
}

/// A heartbeat that the runtime's timers can't have is never a panic. Whenever the server is silent for that long, and be it since its
/// process has to wait for a processor, it counts as gone.
#[tokio::test]
async fn the_shortest_heartbeat_works() {
    let redis = polycache_testkit::servers::RedisServer::start().await;
    let memcached = polycache_testkit::servers::Memcached::start().await;
    for url in [redis.url(), memcached.url()] {
        let cache = Cache::open(&format!("{url}?heartbeat=2ms")).unwrap();
        answered(async || cache.set("k", 1).await).await;
        assert_eq!(answered(async || cache.get::<i32>("k").await).await, Some(1));
    }
}

/// What the server answers, asked again while it counts as gone.
async fn answered<T>(ask: impl AsyncFn() -> Result<T>) -> T {
    loop {
        match ask().await {
            Err(error) if error.kind() == ErrorKind::Unavailable => {}
            answer => return answer.unwrap(),
        }
    }
}

#[test]
fn an_endpoint_is_a_host() {
    for backend in ["redis", "memcached"] {
        let open = |endpoint: &str| {
            let config = serde_json::json!({ "default": { "cache": backend, "endpoint": endpoint } });
            let caches = Caches::new();
            caches.set_config(Config::value(&config)?)?;
            caches.get("default").map(drop)
        };
        for host in ["127.0.0.1", "cache.example.com", "::1", "fe80::1:6379"] {
            open(host).unwrap();
        }
        for other in ["127.0.0.1:6379", "redis://127.0.0.1", "localhost:1"] {
            let error = open(other).unwrap_err().to_string();
            assert!(error.contains("`endpoint` is a host") && error.contains("`port`"), "{error}");
        }
    }
}
