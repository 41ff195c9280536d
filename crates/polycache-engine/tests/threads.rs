//! Many threads on one engine.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::HashMap;
use std::ops::Range;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::thread;
use std::time::Duration;

use polycache_engine::{Cause, Clock, Cursor, Decision, Engine, ManualClock, NEVER, Present};

const THREADS: usize = 6;

/// Longer than any of these tests takes on a busy machine.
const DEADLOCK: Duration = Duration::from_secs(120);

/// Runs `work` on many threads at once; a deadlock is a failure.
fn in_threads(work: impl Fn(usize) + Send + Sync + 'static) {
    let (work, start) = (Arc::new(work), Arc::new(Barrier::new(THREADS)));
    let (done, finished) = mpsc::channel();
    let spawn = |number| {
        let (work, start, done) = (Arc::clone(&work), Arc::clone(&start), done.clone());
        thread::spawn(move || {
            let _done = Done(done);
            start.wait();
            work(number);
        })
    };
    let threads: Vec<_> = (0..THREADS).map(spawn).collect();
    for _ in &threads {
        finished.recv_timeout(DEADLOCK).expect("a deadlock");
    }
    for thread in threads {
        thread.join().unwrap_or_else(|panic| resume_unwind(panic));
    }
}

/// Reports the end of a thread even where it panics.
struct Done(mpsc::Sender<()>);

impl Drop for Done {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, range: Range<u64>) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        range.start + self.0 % (range.end - range.start)
    }
}

/// A value that knows its key and its weight, and whether it is whole.
#[derive(Debug, Clone)]
struct Value {
    key: String,
    weight: u64,
    copy: String,
    _alive: Arc<()>,
}

impl Value {
    fn verify(&self, key: &str) {
        assert_eq!(self.key, key);
        assert_eq!(self.copy, format!("{key}={}", self.weight));
    }
}

/// One random call of the engine.
fn call(engine: &Engine<Value>, random: &mut Random, alive: &Arc<()>) {
    let key = format!("{}/{}", ["a", "b", "c"][random.below(0..3) as usize], random.below(0..200));
    let weight =
        if random.below(0..500) == 0 { random.below(0..engine.capacity().min(400)) } else { random.below(0..4) };
    let deadline = match random.below(0..3) {
        0 => NEVER,
        _ => engine.clock().deadline(Duration::from_micros(random.below(0..30_000))),
    };
    let value = Value { key: key.clone(), weight, copy: format!("{key}={weight}"), _alive: Arc::clone(alive) };
    let verify = |present: Option<Present<'_, Value>>| present.inspect(|it| it.value.verify(&key)).map(|it| it.version);
    let store = Decision::Store { value, weight, deadline };
    match random.below(0..1_000) {
        0..300 => engine.get(&key).iter().for_each(|value| value.verify(&key)),
        300..400 => engine.peek(&key, |present| present.value.verify(&key)).unwrap_or_default(),
        400..650 => engine.update(&key, |present| (store, _ = verify(present))),
        650..750 => {
            let stored = engine.update(&key, |present| match verify(present) {
                Some(_) => (Decision::Keep, Some(store)),
                None => (store, None),
            });
            drop(stored);
        }
        750..820 => {
            let version = engine.peek(&key, |present| present.version);
            let stored = engine.update(&key, |present| match verify(present) {
                found if found == version => (store, None),
                _ => (Decision::Keep, Some(store)),
            });
            drop(stored);
        }
        820..900 => engine.update(&key, |present| (Decision::Expire { deadline }, _ = verify(present))),
        900..980 => engine.update(&key, |present| (Decision::Delete, _ = verify(present))),
        980..990 => {
            let mut cursor = Some(Cursor::default());
            while let Some(from) = cursor {
                cursor = engine.walk(from, 64, |key, value| value.verify(key));
            }
        }
        990..994 => {
            let mut cursor = Some(Cursor::default());
            while let Some(from) = cursor {
                cursor = engine.delete_where(from, 64, |key, _| key.starts_with("a/1"));
            }
        }
        994..996 => engine.remove_expired(),
        996..999 => drop((engine.len(), engine.weight())),
        _ => engine.clear(),
    }
}

fn hammer(capacity: u64, shards: usize, calls: usize) {
    let (alive, left) = (Arc::new(()), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&left);
    let listener = move |removed: polycache_engine::Removed<Value>| {
        removed.value.verify(&removed.key);
        count.fetch_add(1, Ordering::Relaxed);
    };
    let engine = Engine::builder().capacity(capacity).shards(shards).listener(listener).build();
    let (shared, token) = (engine.clone(), Arc::clone(&alive));
    in_threads(move |number| {
        let mut random = Random(0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(number as u64 + 1));
        for _ in 0..calls {
            call(&shared, &mut random, &token);
        }
    });
    assert!(engine.weight() <= capacity, "{} of {capacity}", engine.weight());
    assert!(left.load(Ordering::Relaxed) > calls / 10);
    engine.clear();
    assert_eq!((engine.len(), engine.weight()), (0, 0));
    // The claims are back at nothing too: otherwise this value wouldn't fit.
    if capacity < u64::MAX {
        let key = "all".to_owned();
        let value = Value { copy: format!("{key}={capacity}"), key, weight: capacity, _alive: Arc::clone(&alive) };
        let half = capacity / 2;
        for (key, weight) in [("one", half), ("two", half), ("all", capacity)] {
            let value = Value { key: key.to_owned(), weight, copy: format!("{key}={weight}"), ..value.clone() };
            engine.update(key, |_| (Decision::Store { value, weight, deadline: NEVER }, ()));
            let kept = if key == "two" { 2 } else { 1 };
            assert_eq!(engine.len(), kept, "after {key}");
        }
    }
    drop(engine);
    wait_until("every value is dropped", || Arc::strong_count(&alive) == 1);
}

/// The thread that removes expired entries may hold the engine a little longer.
fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let clock = Clock::System;
    let end = clock.deadline(Duration::from_secs(10));
    while !condition() {
        assert!(!clock.has_passed(end), "{what}");
        thread::yield_now();
    }
}

#[test]
fn values_belong_to_their_keys_in_a_bounded_engine() {
    hammer(500, 8, 20_000);
}

#[test]
fn values_belong_to_their_keys_in_a_single_shard() {
    hammer(100, 1, 20_000);
}

#[test]
fn values_belong_to_their_keys_in_an_unbounded_engine() {
    hammer(u64::MAX, 4, 20_000);
}

#[test]
fn no_increment_is_lost() {
    const EACH: u64 = 20_000;
    for capacity in [8, u64::MAX] {
        let engine: Engine<u64> = Engine::builder().capacity(capacity).shards(4).build();
        let shared = engine.clone();
        in_threads(move |number| {
            for n in 0..EACH {
                let key = ["a", "b", "c", "d"][(n as usize + number) % 4];
                let deadline = shared.clock().deadline(Duration::from_secs(3_600));
                shared.update(key, |present| {
                    let value = present.map_or(0, |it| *it.value) + 1;
                    (Decision::Store { value, weight: 1, deadline }, ())
                });
            }
        });
        let counts = ["a", "b", "c", "d"].map(|key| engine.get(key).unwrap());
        assert_eq!(counts, [EACH * THREADS as u64 / 4; 4]);
    }
}

#[test]
fn versions_order_the_writes_of_a_key() {
    let engine: Engine<()> = Engine::builder().shards(2).build();
    let (sender, seen) = mpsc::channel();
    let shared = engine.clone();
    in_threads(move |number| {
        for n in 0..5_000 {
            // Each thread replaces the version that it has seen: of threads that saw the same one, only one may succeed.
            let version = shared.peek("key", |present| present.version);
            let won = shared.update("key", |present| match present.map(|it| it.version) {
                now if now == version => (Decision::Store { value: (), weight: 1, deadline: NEVER }, true),
                _ => (Decision::Keep, false),
            });
            // A deletion must not bring an old version back.
            if n % 50 == number {
                shared.update("key", |_| (Decision::Delete, ()));
            }
            if let (true, Some(version)) = (won, version) {
                sender.send(version).unwrap();
            }
        }
    });
    let mut winners = HashMap::new();
    for version in seen {
        *winners.entry(version).or_insert(0) += 1;
    }
    assert!(winners.len() > 5_000 && winners.values().all(|&count| count == 1));
}

#[test]
fn an_absent_key_has_one_first_writer() {
    const ROUNDS: usize = 2_000;
    let manual = ManualClock::new();
    let engine: Engine<usize> = Engine::builder().capacity(100).clock(Clock::Manual(manual.clone())).build();
    let winners: Arc<Vec<AtomicUsize>> = Arc::new((0..ROUNDS).map(|_| AtomicUsize::new(0)).collect());
    let (counted, together) = (Arc::clone(&winners), Barrier::new(THREADS));
    in_threads(move |number| {
        for round in counted.iter() {
            together.wait();
            // A loser may be late by a round: the entry that it finds is alive until all have come together.
            let deadline = engine.clock().deadline(Duration::from_secs(1));
            let won = engine.update("key", |present| match present {
                None => (Decision::Store { value: number, weight: 1, deadline }, true),
                Some(_) => (Decision::Keep, false),
            });
            round.fetch_add(usize::from(won), Ordering::Relaxed);
            // All have tried; one of them lets the entry expire.
            if together.wait().is_leader() {
                manual.advance(Duration::from_secs(1));
            }
        }
    });
    assert!(winners.iter().all(|round| round.load(Ordering::Relaxed) == 1));
}

#[test]
fn nothing_is_evicted_from_an_engine_that_is_almost_empty() {
    let evicted = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&evicted);
    let engine: Engine<u64> = Engine::builder()
        .capacity(10_000)
        .shards(4)
        .listener(move |removed| {
            seen.fetch_or(removed.cause == Cause::Evicted, Ordering::Relaxed);
        })
        .build();
    let store = |weight| Decision::Store { value: weight, weight, deadline: NEVER };
    engine.update("small", |_| (store(1), ()));
    let shared = engine.clone();
    in_threads(move |number| {
        for _ in 0..150_000 {
            let decision = if number % 2 == 0 { store(9_000) } else { Decision::Delete };
            shared.update("large", |_| (decision, ()));
        }
    });
    assert!(!evicted.load(Ordering::Relaxed), "there was room for both");
    assert_eq!(engine.get("small"), Some(1));
}
