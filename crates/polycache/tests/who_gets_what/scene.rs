//! Caches, their server, and the callers.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use polycache::backend::{Backend, Key, Want};
use polycache::backends::memory::{ManualClock, Memory};
use polycache::{Cache, CacheBuilder, ErrorKind};
use polycache_testkit::servers::{Memcached, RedisServer};
use tokio::time::{Instant, sleep, timeout};

use crate::source::{Failed, LATENCY, NEW, Source};
use crate::table::{self, Cell, Entry, Gets, Outcome, Server, Stored, What, When, cells};

/// What is stored at first.
const OLD: i32 = 1;

const HOUR: Duration = Duration::from_secs(3_600);
const SOFT: Duration = Duration::from_secs(2);
const HARD: Duration = Duration::from_secs(4);
const THROTTLE: Duration = Duration::from_secs(6);

/// The cache's timeout where the server is slow.
const TIMEOUT: Duration = Duration::from_millis(200);

/// Of a life that is to be over soon.
const BRIEF: Duration = Duration::from_secs(1);

/// How long anything may take that must come about.
const PATIENCE: Duration = Duration::from_secs(30);

const PAUSE: Duration = Duration::from_millis(5);

/// How many callers ask at once, by each process.
const CALLERS: usize = 3;

/// A program that tests start.
pub(crate) enum Program {
    Redis(RedisServer),
    Memcached(Memcached),
}

impl From<RedisServer> for Program {
    fn from(server: RedisServer) -> Self {
        Self::Redis(server)
    }
}

impl From<Memcached> for Program {
    fn from(server: Memcached) -> Self {
        Self::Memcached(server)
    }
}

impl Program {
    fn open(&self) -> Arc<dyn Backend> {
        match self {
            Self::Redis(server) => Arc::new(polycache::backends::redis::Redis::open(&server.url()).unwrap()),
            Self::Memcached(server) => {
                Arc::new(polycache::backends::memcached::Memcached::open(&server.url()).unwrap())
            }
        }
    }

    fn becomes(&self, state: Server) {
        match (self, state) {
            (_, Server::Up) => {}
            (Self::Redis(server), Server::Down) => server.kill(),
            (Self::Redis(server), Server::Slow) => server.stop(),
            (Self::Memcached(server), Server::Down) => server.kill(),
            (Self::Memcached(server), Server::Slow) => server.stop(),
        }
    }

    async fn is_mended(&self, state: Server) {
        match (self, state) {
            (_, Server::Up) => {}
            (Self::Redis(server), Server::Down) => server.restart().await,
            (Self::Redis(server), Server::Slow) => server.resume(),
            (Self::Memcached(server), Server::Down) => server.restart().await,
            (Self::Memcached(server), Server::Slow) => server.resume(),
        }
    }
}

/// A server, if there is one, and the processes that use it, as far as the cache can tell: nothing joins them but the server.
pub(crate) struct Scene {
    program: Option<Program>,
    clock: Option<ManualClock>,
    processes: Vec<Arc<dyn Backend>>,
    lease: Duration,
}

impl Scene {
    pub(crate) fn in_memory(memory: Memory, clock: ManualClock, lease: Duration) -> Self {
        Self { program: None, clock: Some(clock), processes: vec![Arc::new(memory)], lease }
    }

    pub(crate) fn on(program: Program, lease: Duration) -> Self {
        let processes = vec![program.open(), program.open()];
        Self { program: Some(program), clock: None, processes, lease }
    }

    /// Has all that the table says of such a server happen.
    pub(crate) async fn play(self, state: Server) {
        let cells = cells(state);
        let cast: Vec<(Cell, Way, [String; 2])> = cells
            .iter()
            .flat_map(|cell| [Way::Single, Way::Bulk].map(|way| (*cell, way)))
            .map(|(cell, way)| {
                let key = format!("{way:?}/{:?}/{:?}", cell.entry, cell.source);
                (cell, way, [format!("{key}/a"), format!("{key}/b")])
            })
            .collect();
        self.prepare(&cast).await;
        self.program.iter().for_each(|program| program.becomes(state));
        let timeout = if state == Server::Slow { TIMEOUT } else { PATIENCE };
        let opened = |backend| self.cache().timeout(timeout).shared_backend(backend).build().unwrap();
        let caches: Vec<Cache> = self.processes.iter().map(|backend| opened(Arc::clone(backend))).collect();
        let acts = cast.iter().map(|(cell, way, keys)| {
            let source = Source::new(cell.source);
            Act { scene: &self, state, caches: &caches, cell: *cell, way: *way, keys, source }
        });
        let acts: Vec<Act<'_>> = acts.collect();
        match self.clock {
            None => drop(join_all(acts.iter().map(Act::play)).await),
            // It is one clock for all.
            Some(_) => {
                for act in &acts {
                    act.play().await;
                }
            }
        }
        acts.iter().for_each(|act| act.source.answers());
        if state != Server::Up {
            // It waits for what is still computed.
            join_all(caches.iter().map(Cache::close)).await;
        }
        if let Some(program) = &self.program {
            program.is_mended(state).await;
        }
        let onlooker = self.onlooker();
        for act in &acts {
            act.ends(&onlooker).await;
        }
    }

    /// Settings with all that may be set.
    fn cache(&self) -> CacheBuilder {
        let timeouts = Cache::builder().soft_timeout(SOFT).hard_timeout(HARD);
        timeouts.ttl(HOUR).grace(HOUR).throttle(THROTTLE).refresh_early(0.8).lease(self.lease)
    }

    fn onlooker(&self) -> Onlooker {
        let backend = self.program.as_ref().map_or_else(|| Arc::clone(&self.processes[0]), Program::open);
        let cache = self.cache().timeout(PATIENCE).shared_backend(Arc::clone(&backend)).build().unwrap();
        Onlooker { backend, cache }
    }

    /// Stores what each cell has.
    async fn prepare(&self, cast: &[(Cell, Way, [String; 2])]) {
        let cache = Cache::builder().shared_backend(Arc::clone(&self.processes[0])).grace(HOUR).build().unwrap();
        // Early from the beginning.
        let early = cache.with_refresh_early(0.0);
        let entries: Vec<(Entry, &str)> =
            cast.iter().flat_map(|(cell, _, [a, b])| [(cell.entry, a.as_str()), (cell.entry, b.as_str())]).collect();
        for (entry, key) in &entries {
            match entry {
                Entry::Fresh => cache.with_ttl(HOUR).set(key, OLD).await.unwrap(),
                Entry::Early => early.with_ttl(HOUR).set(key, OLD).await.unwrap(),
                Entry::Stale => cache.with_ttl(BRIEF).set(key, OLD).await.unwrap(),
                Entry::None => {}
            }
        }
        self.passes(BRIEF);
        for (_, key) in entries.iter().filter(|(entry, _)| *entry == Entry::Stale) {
            while cache.exists(key).await.unwrap() {
                sleep(PAUSE).await;
            }
        }
    }

    /// Lets so much time pass for the backend. A server's time passes by itself.
    fn passes(&self, time: Duration) {
        if let Some(clock) = &self.clock {
            clock.advance(time);
        }
    }
}

/// Sees what is stored.
struct Onlooker {
    backend: Arc<dyn Backend>,
    cache: Cache,
}

impl Onlooker {
    async fn sees(&self, key: &str) -> Stored {
        // What is stale is there for the backend alone.
        let found = self.backend.look(Key::plain(key), Want::VALUE).await.unwrap();
        let Some(value) = found.and_then(|found| found.value) else { return Stored::Nothing };
        match self.cache.get::<i32>(key).await.unwrap() {
            Some(NEW) => Stored::New,
            _ if value.head().is_some_and(|head| head.rests().is_some()) => Stored::Rests,
            Some(_) => Stored::Value,
            None => Stored::Stale,
        }
    }
}

/// How callers ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Single,
    /// For two keys at once.
    Bulk,
}

/// What happens in one cell.
struct Act<'a> {
    scene: &'a Scene,
    state: Server,
    caches: &'a [Cache],
    cell: Cell,
    way: Way,
    keys: &'a [String; 2],
    source: Arc<Source>,
}

impl Act<'_> {
    async fn play(&self) {
        let Outcome { first, next, later, stored, .. } = self.cell.outcome;
        let began = Instant::now();
        self.ask(first).await;
        if self.state == Server::Up {
            let stored = match (self.cell.source, self.cell.entry) {
                (table::Source::Flaps, Entry::Early | Entry::Stale) => Stored::Rests,
                (table::Source::Flaps, Entry::None) => Stored::Nothing,
                _ => stored,
            };
            self.comes_to_be_stored(&self.scene.onlooker(), stored).await;
        }
        self.source.comes_back();
        self.ask(next).await;
        if let Some(later) = later {
            self.later(began, next, later).await;
        }
        self.was_asked();
    }

    /// Calls, as many as at once, and each gets this in time.
    async fn ask(&self, gets: Gets) {
        let began = Instant::now();
        let calls = self.caches.iter().flat_map(|cache| (0..CALLERS).map(move |_| self.call(cache, began)));
        for (result, took) in join_all(calls).await {
            assert!(self.is(&result, gets.what), "{self}: {result:?} for {:?}", gets.what);
            self.is_in_time(took, gets.when);
        }
    }

    async fn call(&self, cache: &Cache, began: Instant) -> (Result<i32, Failed>, Duration) {
        let result = match self.way {
            Way::Single => {
                let asks = || Arc::clone(&self.source).ask(&self.keys[..1]);
                let call = cache.get_or_set(&self.keys[0], asks).detached().times_out();
                timeout(PATIENCE, call).await.expect("nobody waits for ever")
            }
            Way::Bulk => {
                let source = Arc::clone(&self.source);
                let compute = move |keys: Vec<String>| {
                    let asked = Arc::clone(&source).ask(&keys);
                    async move { asked.await.map(|value| keys.into_iter().map(move |key| (key, value))) }
                };
                let call = cache.multi_get_or_set(self.keys, compute).detached().times_out();
                let mut results = timeout(PATIENCE, call).await.expect("nobody waits for ever");
                assert!(results.len() == 2 && results[0] == results[1], "{self}: {results:?}");
                results.swap_remove(0).map(Option::unwrap)
            }
        };
        (result, began.elapsed())
    }

    fn is(&self, result: &Result<i32, Failed>, what: What) -> bool {
        *result
            == match what {
                What::Value | What::Stale => Ok(OLD),
                What::New => Ok(NEW),
                What::Error => Err(Failed::Source),
                What::HardTimeout => Err(Failed::Cache(ErrorKind::HardTimeout)),
            }
    }

    fn is_in_time(&self, took: Duration, when: When) {
        let least = match when {
            When::AtOnce => Duration::ZERO,
            When::Answered => LATENCY,
            When::SoftTimeout => SOFT,
            When::HardTimeout => HARD,
        };
        let slack = match (self.state, &self.scene.program) {
            (_, None) => Duration::ZERO,
            // Less than from one to the next.
            (Server::Up | Server::Down, _) => SOFT - LATENCY,
            (Server::Slow, _) => SOFT - LATENCY + 2 * TIMEOUT,
        };
        // A timer of tokio counts milliseconds.
        let most = least + slack + Duration::from_millis(1);
        assert!(least <= took && took <= most, "{self}: {when:?} took {took:?}, not from {least:?} to {most:?}");
    }

    /// Calls get what they got before until the throttle is over, and then something else.
    async fn later(&self, began: Instant, before: Gets, then: Gets) {
        self.scene.passes(THROTTLE);
        let mut calls = 0;
        loop {
            let (result, took) = self.call(&self.caches[calls % self.caches.len()], Instant::now()).await;
            if self.is(&result, then.what) {
                self.is_in_time(took, then.when);
                break;
            }
            assert!(self.is(&result, before.what), "{self}: {result:?}");
            assert!(began.elapsed() < PATIENCE, "{self}");
            calls += 1;
            sleep(PAUSE).await;
        }
        let rested = began.elapsed();
        let least = if self.scene.clock.is_some() { Duration::ZERO } else { THROTTLE - BRIEF };
        assert!(rested >= least, "{self}: its source rested for {rested:?}");
    }

    /// The source was asked no more often than it had to be: once for all processes that share a server and have leases, else once by each.
    /// Where nothing is stored, a caller who comes when the others have their result asks again, as may happen on a busy machine.
    fn was_asked(&self) {
        let each = self.caches.len();
        let every = each * CALLERS;
        let shared = if self.scene.lease.is_zero() || self.state != Server::Up { each } else { 1 };
        let [first, next] = match (self.state, self.cell.entry, self.cell.source) {
            (Server::Up, Entry::Fresh, _) => [0, 0],
            (Server::Up, Entry::Early | Entry::Stale, table::Source::Flaps) => [shared, shared],
            (Server::Up, Entry::None, table::Source::Flaps) => [every, shared],
            (Server::Up, Entry::None, table::Source::Fails) => [every, every],
            (Server::Up, ..) | (_, _, table::Source::Slow) => [shared, 0],
            (Server::Down | Server::Slow, ..) => [every, every],
        };
        let (least, most) = (first.min(1) + next.min(1), first + next);
        let keys = if self.way == Way::Bulk { &self.keys[..] } else { &self.keys[..1] };
        for key in keys {
            let asked = self.source.asked(key);
            assert!(least <= asked && asked <= most, "{self}: asked {asked} times, not from {least} to {most}");
        }
    }

    /// At the end this is stored.
    async fn ends(&self, onlooker: &Onlooker) {
        let Outcome { stored, stored_then, .. } = self.cell.outcome;
        let stored = match (stored_then.unwrap_or(stored), self.cell.entry) {
            (Stored::Before, Entry::Fresh | Entry::Early) => Stored::Value,
            (Stored::Before, Entry::Stale) => Stored::Stale,
            (Stored::Before, Entry::None) => Stored::Nothing,
            (stored, _) => stored,
        };
        self.comes_to_be_stored(onlooker, stored).await;
    }

    async fn comes_to_be_stored(&self, onlooker: &Onlooker, expected: Stored) {
        let mut sees = None;
        let comes = timeout(PATIENCE, async {
            while sees != Some(expected) {
                sees = Some(onlooker.sees(&self.keys[0]).await);
                if self.way == Way::Bulk && sees != Some(onlooker.sees(&self.keys[1]).await) {
                    sees = None;
                }
                sleep(PAUSE).await;
            }
        });
        let comes = comes.await;
        assert!(comes.is_ok(), "{self}: what is stored is {sees:?}, not {expected:?}");
    }
}

impl std::fmt::Display for Act<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}, {:?} server, {:?}, leases {:?}", self.way, self.state, self.cell, self.scene.lease)
    }
}
