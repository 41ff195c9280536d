//! Hooks around commands, and the plugins that come with the crate.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use polycache::backends::memory::Memory;
use polycache::plugins::{HitMissRatio, Timing};
use polycache::{Cache, Command, CommandName, Error, ErrorKind, Held, OnError, Outcome, Plugin, Reply};
use polycache_testkit::Intercept;

#[path = "../examples/lru.rs"]
#[allow(dead_code, reason = "the example's `main` isn't run here")]
mod lru;

type Log = Arc<Mutex<Vec<String>>>;

fn taken(log: &Log) -> Vec<String> {
    std::mem::take(&mut *log.lock().unwrap())
}

/// Writes down its hooks.
#[derive(Debug, Clone)]
struct Tracer {
    name: &'static str,
    log: Log,
    /// Its hooks wait a little before they are done.
    waits: bool,
    fails_before: bool,
    fails_after: bool,
}

impl Tracer {
    fn new(name: &'static str, log: &Log) -> Self {
        Self { name, log: Arc::clone(log), waits: false, fails_before: false, fails_after: false }
    }

    fn waiting(self) -> Self {
        Self { waits: true, ..self }
    }

    fn note(&self, text: String, fails: bool) -> Reply<()> {
        let (log, waits, name) = (Arc::clone(&self.log), self.waits, self.name);
        let done = async move {
            if waits {
                yield_once().await;
            }
            log.lock().unwrap().push(text);
            if fails { Err(Error::new(ErrorKind::Plugin, format!("{name} says no"))) } else { Ok(()) }
        };
        let mut reply = Reply::pending(done);
        if waits {
            return reply;
        }
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match std::pin::Pin::new(&mut reply).poll(&mut context) {
            Poll::Ready(result) => Reply::from(result),
            Poll::Pending => panic!("nothing is waited for"),
        }
    }
}

/// As done as `reply` is, with nothing held.
fn nothing_held(reply: Reply<()>) -> Reply<Held> {
    match reply.now() {
        Ok(result) => Reply::from(result.map(|()| Held::NOTHING)),
        Err(pending) => Reply::pending(async move { pending.await.map(|()| Held::NOTHING) }),
    }
}

async fn yield_once() {
    let mut yielded = false;
    poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

impl Plugin for Tracer {
    fn before(&self, command: &Command<'_>) -> Reply<Held> {
        nothing_held(self.note(format!("{} before {}", self.name, command.name()), self.fails_before))
    }

    fn after(&self, command: &Command<'_>, outcome: &Outcome<'_>, _took: Duration, _held: Held) -> Reply<()> {
        let how = if outcome.is_ok() { "done" } else { "failed" };
        self.note(format!("{} after {} {how}", self.name, command.name()), self.fails_after)
    }
}

/// A cache whose backend writes down its operations too, answering at once or later.
fn traced(log: &Log, delayed: bool) -> Cache {
    let seen = Arc::clone(log);
    let backend = Intercept::new(Arc::new(Memory::new()), move |operation| {
        seen.lock().unwrap().push(operation.to_owned());
        Reply::ready(())
    });
    if delayed {
        return Cache::builder().backend(Intercept::delayed(Arc::new(backend))).build().unwrap();
    }
    Cache::builder().backend(backend).build().unwrap()
}

/// Every mix of waiting and ready hooks and backends, with two plugins.
fn mixes() -> impl Iterator<Item = [bool; 3]> {
    (0..8).map(|n| [n & 1 != 0, n & 2 != 0, n & 4 != 0])
}

fn tracers(log: &Log, first_waits: bool, second_waits: bool) -> [Tracer; 2] {
    [("first", first_waits), ("second", second_waits)]
        .map(|(name, waits)| if waits { Tracer::new(name, log).waiting() } else { Tracer::new(name, log) })
}

#[tokio::test]
async fn hooks_run_in_the_order_given() {
    for [first_waits, second_waits, delayed] in mixes() {
        let log = Log::default();
        let [first, second] = tracers(&log, first_waits, second_waits);
        let cache = traced(&log, delayed).with_plugin(first).with_plugin(second);
        cache.set("k", 1).await.unwrap();
        let expected =
            ["first before set", "second before set", "set", "first after set done", "second after set done"];
        assert_eq!(taken(&log), expected, "{first_waits} {second_waits} {delayed}");
        assert_eq!(cache.get::<i32>("k").await.unwrap(), Some(1));
    }
}

#[tokio::test]
async fn an_error_before_stops_the_rest() {
    for [first_waits, second_waits, delayed] in mixes() {
        let log = Log::default();
        let [mut first, second] = tracers(&log, first_waits, second_waits);
        first.fails_before = true;
        let cache = traced(&log, delayed).with_plugin(first).with_plugin(second);
        let error = cache.set("k", 1).await.unwrap_err();
        assert_eq!((error.kind(), error.to_string()), (ErrorKind::Plugin, "set \"k\": first says no".to_owned()));
        let expected = ["first before set", "first after set failed", "second after set failed"];
        assert_eq!(taken(&log), expected, "{first_waits} {second_waits} {delayed}");
    }
}

#[tokio::test]
async fn an_error_after_changes_nothing() {
    for [first_waits, second_waits, delayed] in mixes() {
        let log = Log::default();
        let [mut first, second] = tracers(&log, first_waits, second_waits);
        first.fails_after = true;
        let cache = traced(&log, delayed).with_plugin(first).with_plugin(second);
        assert!(cache.add("k", 1).await.unwrap());
        let expected =
            ["first before add", "second before add", "set", "first after add done", "second after add done"];
        assert_eq!(taken(&log), expected, "{first_waits} {second_waits} {delayed}");
    }
}

#[tokio::test]
async fn after_hooks_see_the_command_fail() {
    for [first_waits, second_waits, delayed] in mixes() {
        let log = Log::default();
        let [first, second] = tracers(&log, first_waits, second_waits);
        let cache = traced(&log, delayed).with_plugin(first).with_plugin(second);
        cache.namespace("").set("k", "text").await.unwrap();
        taken(&log);
        assert_eq!(cache.get::<Vec<i32>>("k").await.unwrap_err().kind(), ErrorKind::Decode);
        let expected =
            ["first before get", "second before get", "get", "first after get failed", "second after get failed"];
        assert_eq!(taken(&log), expected);
    }
}

#[tokio::test]
async fn what_a_plugin_refuses_is_no_miss() {
    let log = Log::default();
    let mut guard = Tracer::new("guard", &log);
    guard.fails_before = true;
    let tolerant =
        Cache::builder().plugin(guard).on_error(OnError::Miss).on_decode_error(OnError::Miss).build().unwrap();
    assert_eq!(tolerant.get::<i32>("k").await.unwrap_err().kind(), ErrorKind::Plugin);
    assert_eq!(tolerant.multi_get::<i32>(&["k"]).await.unwrap_err().kind(), ErrorKind::Plugin);
}

#[test]
fn hooks_that_are_ready_keep_memory_synchronous() {
    let log = Log::default();
    let cache = Cache::memory().with_plugin(Tracer::new("only", &log));
    drop(cache.set("k", 1));
    assert_eq!(taken(&log), ["only before set", "only after set done"]);
    assert_eq!(cache.get::<i32>("k").now().expect("ready").unwrap(), Some(1));
}

/// Mirrors each written key in a namespace of its own, from both hooks.
#[derive(Debug)]
struct Mirror {
    waits: bool,
}

impl Mirror {
    fn count(&self, command: &Command<'_>, namespace: &str) -> Reply<()> {
        let (Some(key), CommandName::Set) = (command.key(), command.name()) else { return Reply::ready(()) };
        let (cache, key, waits) = (command.cache().namespace(namespace), key.to_owned(), self.waits);
        let increment = async move {
            if waits {
                yield_once().await;
            }
            cache.set("touched", true).await?;
            cache.increment(&key, 1).await.map(drop)
        };
        Reply::pending(increment)
    }
}

impl Plugin for Mirror {
    fn before(&self, command: &Command<'_>) -> Reply<Held> {
        nothing_held(self.count(command, "before"))
    }

    fn after(&self, command: &Command<'_>, _outcome: &Outcome<'_>, _took: Duration, _held: Held) -> Reply<()> {
        self.count(command, "after")
    }
}

#[tokio::test]
async fn hooks_use_the_cache_without_hooks() {
    for [waits, delayed, _] in mixes() {
        let log = Log::default();
        let cache = traced(&log, delayed).with_plugin(Mirror { waits }).with_plugin(Tracer::new("tracer", &log));
        for _ in 0..2 {
            cache.set("k", 1).await.unwrap();
        }
        for namespace in ["before", "after"] {
            assert_eq!(cache.namespace(namespace).get::<i64>("k").await.unwrap(), Some(2));
        }
        let hooks = taken(&log).iter().filter(|line| line.starts_with("tracer before set")).count();
        assert_eq!(hooks, 2);
    }
}

/// Keeps what the hooks were told about keys and namespace.
#[derive(Debug, Clone, Default)]
struct Keys(Arc<Mutex<Vec<KeysAndNamespace>>>);

type KeysAndNamespace = (Vec<String>, String);

impl Plugin for Keys {
    fn before(&self, command: &Command<'_>) -> Reply<Held> {
        let keys: Vec<String> = command.keys().map(str::to_owned).collect();
        assert_eq!(command.key(), if let [key] = &keys[..] { Some(&**key) } else { None });
        self.0.lock().unwrap().push((keys, command.namespace().to_owned()));
        Reply::ready(Held::NOTHING)
    }
}

#[tokio::test]
async fn keys_are_told_as_the_caller_gave_them() {
    let seen = Keys::default();
    let cache =
        Cache::builder().namespace("n").key_builder(|key| format!("v1/{key}")).plugin(seen.clone()).build().unwrap();
    cache.set("a:b", 1).await.unwrap();
    cache.multi_get::<i32>(&["x", "a:b", "x"]).await.unwrap();
    cache.namespace("").namespace("m").delete("").await.unwrap();
    cache.multi_set([("k", 1); 0]).await.unwrap();
    cache.clear().await.unwrap();
    let keys = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>();
    let expected = [
        (keys(&["a:b"]), "n".to_owned()),
        (keys(&["x", "a:b", "x"]), "n".to_owned()),
        (keys(&[""]), "m".to_owned()),
        (keys(&[]), "n".to_owned()),
        (keys(&[]), "n".to_owned()),
    ];
    assert_eq!(*seen.0.lock().unwrap(), expected);
}

#[tokio::test]
async fn a_plugin_belongs_to_the_view_it_is_given_to() {
    let log = Log::default();
    let plain = Cache::memory();
    let view = plain.with_plugin(Tracer::new("view", &log));
    plain.set("k", 1).await.unwrap();
    assert_eq!(taken(&log), [""; 0]);
    view.namespace("n").with_ttl(Duration::from_secs(1)).set("k", 1).await.unwrap();
    assert_eq!(taken(&log), ["view before set", "view after set done"]);
    assert!(view.plugin::<Tracer>().is_some() && plain.plugin::<Tracer>().is_none());
    assert!(view.plugin::<Timing>().is_none());
    // Not done: not told.
    view.set_enabled(false);
    view.set("k", 1).await.unwrap();
    view.get::<i32>("k").await.unwrap();
    assert_eq!(taken(&log), [""; 0]);
    view.delete("k").await.unwrap();
    assert_eq!(taken(&log), ["view before delete", "view after delete done"]);
}

#[test]
fn figures_are_right_under_eight_threads() {
    const ROUNDS: u64 = 500;

    let cache = Cache::builder().plugin(HitMissRatio::new()).plugin(Timing::new()).build().unwrap();
    cache.set("there", 1).now().expect("ready").unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..ROUNDS {
                    cache.get::<i32>("there").now().expect("ready").unwrap();
                    cache.get::<i32>("absent").now().expect("ready").unwrap();
                    cache.multi_get::<i32>(&["there", "absent"]).now().expect("ready").unwrap();
                    cache.get::<Vec<i32>>("there").now().expect("ready").unwrap_err();
                }
            });
        }
    });
    let ratio = cache.plugin::<HitMissRatio>().unwrap();
    assert_eq!((ratio.total(), ratio.hits(), ratio.ratio()), (8 * ROUNDS * 4, 8 * ROUNDS * 2, 0.5));
    let timing = cache.plugin::<Timing>().unwrap();
    let get = timing.figures(CommandName::Get).unwrap();
    assert_eq!(get.count, 8 * ROUNDS * 3);
    assert!(get.min <= get.p50 && get.p50 <= get.p99 && get.p99 <= get.p999 && get.p999 <= get.max);
    assert!(get.min <= get.average && get.average <= get.max);
    assert_eq!(timing.figures(CommandName::MultiGet).unwrap().count, 8 * ROUNDS);
    assert_eq!(timing.figures(CommandName::Set).unwrap().count, 1);
}

#[tokio::test]
async fn figures_begin_with_the_first_call() {
    let timing = Timing::new();
    let cache = Cache::memory().with_plugin(timing.clone());
    assert!(timing.figures(CommandName::Set).is_none());
    cache.set("k", 1).await.unwrap();
    let figures = timing.figures(CommandName::Set).unwrap();
    assert!(figures.count == 1 && figures.min > Duration::ZERO && figures.min == figures.max);
    assert_eq!(HitMissRatio::new().ratio(), 0.0);
}

const LRU_KEYS: usize = 10;

async fn lru_keeps_its_bound(delayed: bool) {
    let memory = Memory::builder().unbounded().build().unwrap();
    let builder = Cache::builder().plugin(lru::Lru::new(LRU_KEYS));
    let cache = match delayed {
        true => builder.backend(Intercept::delayed(Arc::new(memory.clone()))),
        false => builder.backend(memory.clone()),
    };
    let cache = cache.build().unwrap();
    for n in 0..50_usize {
        let view = if n.is_multiple_of(3) { cache.namespace("n") } else { cache.clone() };
        match n % 4 {
            0 => view.set(&n.to_string(), n).await.unwrap(),
            1 => assert!(view.add(&n.to_string(), n).await.unwrap()),
            2 => drop(view.increment(&n.to_string(), 1).await.unwrap()),
            _ => view.multi_set((0..20).map(|m| (format!("{n} {m}"), m))).await.unwrap(),
        }
        assert!(memory.len() <= LRU_KEYS, "{} after {n}", memory.len());
    }
    assert_eq!(memory.len(), LRU_KEYS);

    cache.clear().await.unwrap();
    for n in 0..LRU_KEYS {
        cache.set(&n.to_string(), n).await.unwrap();
    }
    assert_eq!(cache.get::<usize>("0").await.unwrap(), Some(0));
    cache.set("new", 1).await.unwrap();
    assert!(cache.exists("0").await.unwrap() && cache.exists("new").await.unwrap());
    assert!(!cache.exists("1").await.unwrap(), "the least recently used one makes room");
}

#[tokio::test]
async fn the_lru_example_keeps_its_bound() {
    lru_keeps_its_bound(false).await;
    lru_keeps_its_bound(true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_lru_example_keeps_its_bound_among_many_tasks() {
    let memory = Memory::builder().unbounded().build().unwrap();
    let delayed = Intercept::delayed(Arc::new(memory.clone()));
    let cache = Cache::builder().backend(delayed).plugin(lru::Lru::new(LRU_KEYS)).build().unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..16 {
        let cache = cache.clone();
        tasks.spawn(async move {
            for n in 0..100 {
                let key = ((task * 7 + n * 3) % 40).to_string();
                cache.set(&key, n).await.unwrap();
                cache.get::<i32>(&key).await.unwrap();
                if n % 5 == 0 {
                    cache.delete(&key).await.unwrap();
                }
            }
        });
    }
    tasks.join_all().await;
    assert!(memory.len() <= LRU_KEYS, "{}", memory.len());
}
