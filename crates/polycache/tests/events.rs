//! What plugins hear of, and what they hold from `before` to `after`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::fmt;
use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use polycache::backends::memory::{ManualClock, Memory};
use polycache::events::{Event, EventKinds};
use polycache::{Cache, Command, CommandName, Error, ErrorKind, Held, Outcome, Plugin, Reply, Ttl};
use polycache_testkit::Intercept;
use polycache_testkit::servers::{Memcached as MemcachedServer, RedisServer};
use tokio::sync::oneshot;

/// Writes down what it hears.
#[derive(Clone)]
struct Ear {
    kinds: EventKinds,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Ear {
    fn new(kinds: EventKinds) -> Self {
        Self { kinds, heard: Arc::default() }
    }

    fn taken(&self) -> Vec<String> {
        std::mem::take(&mut *self.heard.lock().unwrap())
    }
}

impl fmt::Debug for Ear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ear")
    }
}

impl Plugin for Ear {
    fn events(&self) -> EventKinds {
        self.kinds
    }

    fn event(&self, event: &Event<'_>) {
        assert!(self.kinds.overlaps(event.kind()));
        self.heard.lock().unwrap().push(match event {
            Event::Computed(of) => {
                assert!(of.took < Duration::from_secs(60));
                format!("{} computed: {:?}, {} waiting", of.key, of.end, of.waiting)
            }
            Event::Shared { key, .. } => format!("{key} shared"),
            Event::FillRefused { key, why } => {
                format!("{key} refused: {}", format!("{why:?}").split('(').next().unwrap())
            }
            Event::Evicted { key } => format!("{key} evicted"),
            Event::Expired { key } => format!("{key} expired"),
            Event::Connected { server } => format!("{server} connected"),
            Event::Disconnected { server } => format!("{server} lost"),
            Event::Closed => "closed".to_owned(),
            other => format!("{other:?}"),
        });
    }
}

async fn ok(number: i32) -> Result<i32, String> {
    Ok(number)
}

#[tokio::test]
async fn computations_are_told_with_those_who_wait() {
    let ear = Ear::new(EventKinds::COMPUTATIONS);
    let cache = Cache::memory().namespace("n").with_plugin(ear.clone());
    assert_eq!(cache.get_or_set("k", || ok(1)).await, Ok(1));
    assert_eq!(ear.taken(), ["n:k computed: Value, 0 waiting"]);
    assert_eq!(cache.get_or_set("k", || ok(2)).await, Ok(1));
    assert!(ear.taken().is_empty(), "a hit computes nothing");

    let failed = cache.get_or_set("e", || async { Err::<i32, _>("no".to_owned()) }).await;
    assert!(failed.is_err());
    assert_eq!(ear.taken(), ["n:e computed: Error, 0 waiting"]);

    let (send, receive) = oneshot::channel();
    let mut leads = Box::pin(cache.get_or_set("s", || async { receive.await.map_err(|error| error.to_string()) }));
    assert!(leads.as_mut().now_or_never().is_none());
    let mut waits = Box::pin(cache.get_or_set("s", || ok(2)));
    assert!(waits.as_mut().now_or_never().is_none());
    send.send(3).unwrap();
    assert_eq!((leads.await, waits.await), (Ok(3), Ok(3)));
    assert_eq!(ear.taken(), ["n:s computed: Value, 1 waiting", "n:s shared"]);

    let mut gone = Box::pin(cache.get_or_set("g", pending::<Result<i32, String>>));
    assert!(gone.as_mut().now_or_never().is_none());
    drop(gone);
    assert_eq!(ear.taken(), ["n:g computed: Abandoned, 0 waiting"]);
}

#[tokio::test]
async fn keys_that_are_computed_together_are_told_each() {
    let ear = Ear::new(EventKinds::COMPUTATIONS);
    let cache = Cache::memory().with_plugin(ear.clone());
    let compute = |keys: Vec<String>| async move { Ok::<_, String>(keys.into_iter().map(|key| (key, 1))) };
    cache.multi_get_or_set(&["a", "b"], compute).await;
    assert_eq!(ear.taken(), ["a computed: Value, 0 waiting", "b computed: Value, 0 waiting"]);
}

#[tokio::test]
async fn values_that_arent_stored_are_told() {
    let ear = Ear::new(EventKinds::FILLS);
    let memory = Memory::builder().max_bytes(1_000).build().unwrap();
    for slow in [false, true] {
        let cache = Cache::builder();
        let cache = if slow {
            cache.backend(Intercept::delayed(Arc::new(memory.clone())))
        } else {
            cache.backend(memory.clone())
        };
        let cache = cache.plugin(ear.clone()).build().unwrap();
        let overtaken = cache.get_or_set("k", || async {
            cache.delete("k").await.unwrap();
            ok(1).await
        });
        assert_eq!(overtaken.await, Ok(1));
        assert_eq!(ear.taken(), ["k refused: Overtaken"]);

        let large = cache.get_or_set("l", || async { Ok::<_, String>("x".repeat(2_000)) }).await;
        assert_eq!(large.map(|text| text.len()), Ok(2_000));
        assert_eq!(ear.taken(), ["l refused: Failed"]);
        assert_eq!(cache.get_or_set("s", || ok(1)).await, Ok(1));
        assert!(ear.taken().is_empty());
    }
}

#[tokio::test]
async fn entries_that_leave_by_themselves_are_told() {
    let clock = ManualClock::new();
    let told = Arc::new(AtomicUsize::new(0));
    for listens in [false, true] {
        let ear = Ear::new(EventKinds::REMOVALS);
        let mut memory = Memory::builder().max_entries(1).manual_clock(&clock);
        if listens {
            let told = Arc::clone(&told);
            memory = memory.listener(move |_| {
                told.fetch_add(1, Ordering::Relaxed);
            });
        }
        let memory = memory.build().unwrap();
        let cache = Cache::builder().backend(memory.clone()).plugin(ear.clone()).namespace("n").build().unwrap();
        cache.multi_set([("a", 1), ("b", 1)]).await.unwrap();
        assert_eq!(ear.taken().len(), 1);
        cache.clear().await.unwrap();
        cache.with_ttl(Ttl::secs(1)).set("c", 1).await.unwrap();
        cache.with_ttl(Ttl::secs(1)).set("c", 2).await.unwrap();
        clock.advance(Duration::from_secs(1));
        memory.remove_expired();
        assert_eq!(ear.taken(), ["n:c expired"], "commands show the others");
    }
    assert_eq!(told.load(Ordering::Relaxed), 4, "evicted, cleared, replaced, expired");
}

#[tokio::test]
async fn a_plugin_hears_as_long_as_a_view_has_it_and_once() {
    let ears = [EventKinds::REMOVALS, EventKinds::CLOSINGS, EventKinds::ALL].map(Ear::new);
    let memory = Memory::builder().max_entries(1).build().unwrap();
    let cache = Cache::builder().backend(memory).plugin(ears[0].clone()).build().unwrap();
    let more = cache.with_plugin(ears[1].clone()).namespace("n").with_plugin(ears[2].clone());
    cache.multi_set([("a", 1), ("b", 1)]).await.unwrap();
    assert_eq!(ears.each_ref().map(|ear| ear.taken().len()), [1, 0, 1]);
    drop(more);
    cache.multi_set([("c", 1), ("d", 1)]).await.unwrap();
    assert_eq!(ears.each_ref().map(|ear| ear.taken().len()), [2, 0, 0]);

    let more = cache.with_plugin(ears[1].clone());
    more.close().await.unwrap();
    more.close().await.unwrap();
    assert_eq!(ears[1].taken(), ["closed"]);
}

/// Calls until the plugin hears of something; the last of what it has heard.
async fn heard_while_calling(cache: &Cache, ear: &Ear) -> String {
    let started = Instant::now();
    loop {
        let _ = cache.exists("k").await;
        if let Some(last) = ear.taken().pop() {
            return last;
        }
        assert!(started.elapsed() < Duration::from_secs(30));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn connections_are_told_with_the_servers_address() {
    let (redis, memcached) = (RedisServer::start().await, MemcachedServer::start().await);
    for url in [redis.url(), memcached.url()] {
        let ear = Ear::new(EventKinds::CONNECTIONS);
        let cache = Cache::open(&url).unwrap().with_plugin(ear.clone());
        assert!(ear.taken().is_empty(), "nothing is connected to before the first command");
        let connected = heard_while_calling(&cache, &ear).await;
        let address = connected.strip_suffix(" connected").unwrap();
        assert!(url.contains(address), "{address}");

        if url == redis.url() {
            redis.kill();
        } else {
            memcached.kill();
        }
        assert_eq!(heard_while_calling(&cache, &ear).await, format!("{address} lost"));
        if url == redis.url() {
            redis.restart().await;
        } else {
            memcached.restart().await;
        }
        assert_eq!(heard_while_calling(&cache, &ear).await, format!("{address} connected"));
        cache.close().await.unwrap();
        assert!(ear.taken().is_empty(), "closing is no loss");
    }
}

/// Panics whenever it hears of something.
#[derive(Debug)]
struct Panics;

impl Plugin for Panics {
    fn events(&self) -> EventKinds {
        EventKinds::ALL
    }

    fn event(&self, _: &Event<'_>) {
        panic!("what an event");
    }
}

#[tokio::test]
async fn a_plugin_that_panics_harms_nobody() {
    let ear = Ear::new(EventKinds::ALL);
    let memory = Memory::builder().max_entries(1).build().unwrap();
    let cache = Cache::builder().backend(memory).plugin(Panics).plugin(ear.clone()).build().unwrap();
    assert_eq!(cache.get_or_set("a", || ok(1)).await, Ok(1));
    assert_eq!(cache.get_or_set("b", || ok(1)).await, Ok(1));
    assert_eq!(ear.taken().len(), 3, "two were computed, one was evicted");
    cache.close().await.unwrap();
}

/// Uses the cache while it hears of something.
#[derive(Debug)]
struct Uses(Cache);

impl Plugin for Uses {
    fn events(&self) -> EventKinds {
        EventKinds::REMOVALS | EventKinds::COMPUTATIONS
    }

    fn event(&self, event: &Event<'_>) {
        if let Event::Computed(of) = event {
            assert_eq!(self.0.get::<i32>(of.key).now().unwrap().unwrap(), Some(1));
        }
        self.0.delete("a").now().unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_plugin_may_use_the_cache() {
    let memory = Memory::builder().max_entries(1).build().unwrap();
    let cache = Cache::builder().backend(memory).build().unwrap();
    let hooked = cache.with_plugin(Uses(cache.clone()));
    for key in ["b", "c", "d"] {
        assert_eq!(hooked.get_or_set(key, || ok(1)).await, Ok(1));
    }
}

/// Counts what is held, and what came back.
#[derive(Debug, Clone, Default)]
struct Holds {
    number: usize,
    log: Arc<Mutex<Vec<String>>>,
    /// Its `before` waits before it holds.
    waits: bool,
    fails: bool,
}

#[derive(Debug)]
struct Guard(usize, Arc<Mutex<Vec<String>>>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.1.lock().unwrap().push(format!("{} dropped", self.0));
    }
}

impl Plugin for Holds {
    fn before(&self, command: &Command<'_>) -> Reply<Held> {
        if command.name() == CommandName::Delete {
            return Reply::ready(Held::NOTHING);
        }
        if self.fails {
            return Reply::error(Error::new(ErrorKind::Refused, "no"));
        }
        let held = Held::new(Guard(self.number, Arc::clone(&self.log)));
        if !self.waits {
            return Reply::ready(held);
        }
        Reply::pending(async {
            tokio::task::yield_now().await;
            Ok(held)
        })
    }

    fn after(&self, _: &Command<'_>, _: &Outcome<'_>, _: Duration, mut held: Held) -> Reply<()> {
        let held = held.take::<Guard>();
        let text = held.as_ref().map_or("nothing".to_owned(), |guard| guard.0.to_string());
        self.log.lock().unwrap().push(format!("{} after {text}", self.number));
        Reply::ready(())
    }
}

#[tokio::test]
async fn each_plugin_gets_back_what_it_holds() {
    let log = Arc::default();
    let holds = |number, waits, fails| Holds { number, log: Arc::clone(&log), waits, fails };
    let taken = || std::mem::take(&mut *log.lock().unwrap());
    for waits in [false, true] {
        let cache = Cache::memory().with_plugin(holds(1, waits, false)).with_plugin(holds(2, false, false));
        cache.set("k", 1).await.unwrap();
        assert_eq!(taken(), ["1 after 1", "1 dropped", "2 after 2", "2 dropped"]);
        cache.delete("k").await.unwrap();
        assert_eq!(taken(), ["1 after nothing", "2 after nothing"]);
        cache.with_plugin(holds(3, false, true)).set("k", 1).await.unwrap_err();
        let expected = ["1 after 1", "1 dropped", "2 after 2", "2 dropped", "3 after nothing"];
        assert_eq!(taken(), expected);
    }

    // Cancelled while it runs, or while the second plugin's hook waits.
    let silent = Cache::builder().backend(Intercept::silent(Arc::new(Memory::new()))).build().unwrap();
    let cache = silent.with_plugin(holds(1, false, false)).with_plugin(holds(2, false, false));
    assert!(cache.exists("k").now_or_never().is_none());
    assert_eq!(taken(), ["1 dropped", "2 dropped"]);
    let cache = silent.with_plugin(holds(1, false, false)).with_plugin(holds(2, true, false));
    assert!(cache.exists("k").now_or_never().is_none());
    assert!(taken().contains(&"1 dropped".to_owned()));
}

/// A span for each command, which is closed when the command is over or given up.
#[derive(Debug)]
struct Spans;

impl Plugin for Spans {
    fn before(&self, command: &Command<'_>) -> Reply<Held> {
        Reply::ready(Held::new(tracing::info_span!("cache", command = command.name().as_str())))
    }

    fn after(&self, _: &Command<'_>, _: &Outcome<'_>, _: Duration, mut held: Held) -> Reply<()> {
        assert!(held.take::<tracing::Span>().is_some());
        Reply::ready(())
    }
}

#[tokio::test]
async fn a_plugin_keeps_a_span() {
    let cache = Cache::memory().with_plugin(Spans);
    cache.set("k", 1).await.unwrap();
    assert_eq!(cache.get::<i32>("k").await.unwrap(), Some(1));
    assert_eq!(cache.get_or_set("k", || ok(2)).await, Ok(1));
}
