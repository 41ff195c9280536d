//! Values and listeners that call the engine: neither runs under a lock.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak, mpsc};
use std::thread;
use std::time::Duration;

use polycache_engine::{Builder, Cause, Clock, Cursor, Decision, Engine, ManualClock, NEVER};

const DEADLOCK: Duration = Duration::from_secs(20);

type Value = Arc<Caller>;
type Home = OnceLock<Engine<Value>>;

/// Calls its engine when it is dropped.
struct Caller {
    key: String,
    home: Weak<Home>,
    calls: Arc<AtomicUsize>,
}

impl Drop for Caller {
    fn drop(&mut self) {
        if let Some(engine) = self.home.upgrade().as_deref().and_then(OnceLock::get) {
            call_all(engine, &self.key);
            self.calls.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// Takes the lock of every shard, for reading and for writing.
fn call_all(engine: &Engine<Value>, key: &str) {
    drop(engine.get(key));
    engine.update(key, |_| (Decision::Keep, ()));
    assert!(engine.len() < usize::MAX);
    let mut cursor = Some(Cursor::default());
    while let Some(from) = cursor {
        cursor = engine.delete_where(from, u32::MAX, |_, _| false);
    }
}

struct World {
    home: Arc<Home>,
    manual: ManualClock,
    /// How many values have called the engine during their drop.
    dropped: Arc<AtomicUsize>,
    /// The causes that a listener was told, after it has called the engine.
    told: Option<mpsc::Receiver<Cause>>,
}

impl World {
    fn new(change: impl Fn(Builder<Value>) -> Builder<Value>, listens: bool) -> Self {
        let (home, manual) = (Arc::new(Home::new()), ManualClock::new());
        let mut builder = change(Engine::builder().shards(4).clock(Clock::Manual(manual.clone())));
        let told = listens.then(|| {
            let (sender, told) = mpsc::channel();
            let home = Arc::downgrade(&home);
            builder =
                change(Engine::builder().shards(4).clock(Clock::Manual(manual.clone()))).listener(move |removed| {
                    let home = home.upgrade().expect("the engine is there");
                    call_all(home.get().expect("it is set"), &removed.key);
                    sender.send(removed.cause).expect("somebody listens");
                });
            told
        });
        home.get_or_init(|| builder.build());
        Self { home, manual, dropped: Arc::default(), told }
    }

    fn engine(&self) -> &Engine<Value> {
        self.home.get().unwrap()
    }

    fn store(&self, key: &str, weight: u64, deadline: u64) {
        let home = Arc::downgrade(&self.home);
        let value = Arc::new(Caller { key: key.to_owned(), home, calls: Arc::clone(&self.dropped) });
        self.engine().update(key, |_| (Decision::Store { value, weight, deadline }, ()));
    }

    fn dropped(&self) -> usize {
        self.dropped.load(Ordering::SeqCst)
    }
}

/// Runs `scenario` with values that call back, with and without a listener that does. It must lose `left` values for the `expected` causes;
/// a deadlock is a failure.
fn scenario(
    change: fn(Builder<Value>) -> Builder<Value>,
    left: std::ops::RangeInclusive<usize>,
    expected: &'static [Cause],
    run: fn(&World),
) {
    for listens in [false, true] {
        let left = left.clone();
        let (done, finished) = mpsc::channel();
        let thread = thread::spawn(move || {
            let world = World::new(change, listens);
            run(&world);
            assert!(left.contains(&world.dropped()), "{} were dropped", world.dropped());
            if let Some(told) = &world.told {
                let causes: Vec<Cause> = told.try_iter().collect();
                assert_eq!(causes.len(), world.dropped());
                assert!(expected.iter().all(|cause| causes.contains(cause)), "{causes:?}");
                assert!(causes.iter().all(|cause| expected.contains(cause)), "{causes:?}");
            }
            done.send(()).unwrap();
        });
        let result = finished.recv_timeout(DEADLOCK);
        assert!(result != Err(mpsc::RecvTimeoutError::Timeout), "a deadlock");
        thread.join().expect("the scenario holds");
    }
}

#[test]
fn on_replacement() {
    scenario(
        |it| it,
        1..=1,
        &[Cause::Replaced],
        |world| {
            world.store("key", 1, NEVER);
            world.store("key", 1, NEVER);
        },
    );
}

#[test]
fn on_deletion() {
    scenario(
        |it| it,
        1..=1,
        &[Cause::Deleted],
        |world| {
            world.store("key", 1, NEVER);
            world.engine().update("key", |_| (Decision::Delete, ()));
        },
    );
}

#[test]
fn on_eviction() {
    scenario(
        |it| it.capacity(50),
        50..=100,
        &[Cause::Evicted],
        |world| {
            (0..100).for_each(|n| world.store(&n.to_string(), 1, NEVER));
        },
    );
}

#[test]
fn on_eviction_from_other_shards() {
    scenario(
        |it| it.capacity(50),
        50..=50,
        &[Cause::Evicted],
        |world| {
            (0..50).for_each(|n| world.store(&n.to_string(), 1, NEVER));
            world.store("large", 50, NEVER);
        },
    );
}

#[test]
fn on_growth_of_another_value() {
    scenario(
        |it| it.capacity(50),
        50..=50,
        &[Cause::Evicted, Cause::Replaced],
        |world| {
            (0..49).for_each(|n| world.store(&n.to_string(), 1, NEVER));
            world.store("large", 1, NEVER);
            world.store("large", 50, NEVER);
        },
    );
}

#[test]
fn on_expiry_when_asked() {
    scenario(
        |it| it,
        300..=300,
        &[Cause::Expired],
        |world| {
            (0..300).for_each(|n| world.store(&n.to_string(), 1, 10));
            world.manual.advance(Duration::from_secs(1));
            world.engine().remove_expired();
        },
    );
}

#[test]
fn on_expiry_that_a_writer_finds() {
    scenario(
        |it| it,
        4..=4,
        &[Cause::Expired],
        |world| {
            (0..4).for_each(|n| world.store(&n.to_string(), 1, 10));
            world.manual.advance(Duration::from_millis(10));
            world.engine().update("0", |_| (Decision::Keep, ()));
            world.engine().update("1", |_| (Decision::Delete, ()));
            world.engine().update("2", |_| (Decision::Expire { deadline: NEVER }, ()));
            world.store("3", 1, NEVER);
        },
    );
}

#[test]
fn on_expiry_for_want_of_room() {
    scenario(
        |it| it.capacity(40).shards(1),
        40..=40,
        &[Cause::Expired],
        |world| {
            (0..40).for_each(|n| world.store(&n.to_string(), 1, 10));
            world.manual.advance(Duration::from_secs(1));
            (0..40).for_each(|n| world.store(&format!("new/{n}"), 1, NEVER));
        },
    );
}

#[test]
fn on_expiry_without_traffic() {
    scenario(
        |it| it.clock(Clock::System),
        300..=300,
        &[Cause::Expired],
        |world| {
            let deadline = Clock::System.deadline(Duration::from_millis(20));
            (0..300).for_each(|n| world.store(&n.to_string(), 1, deadline));
            while world.dropped() < 300 {
                thread::yield_now();
            }
        },
    );
}

#[test]
fn on_clearing() {
    scenario(
        |it| it,
        300..=300,
        &[Cause::Deleted],
        |world| {
            (0..300).for_each(|n| world.store(&n.to_string(), 1, NEVER));
            world.engine().clear();
        },
    );
}

#[test]
fn on_deletion_of_many() {
    scenario(
        |it| it,
        300..=300,
        &[Cause::Deleted],
        |world| {
            (0..300).for_each(|n| world.store(&n.to_string(), 1, NEVER));
            let mut cursor = Some(Cursor::default());
            while let Some(from) = cursor {
                cursor = world.engine().delete_where(from, 100, |_, _| true);
            }
        },
    );
}
