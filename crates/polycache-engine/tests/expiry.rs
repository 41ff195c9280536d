//! Expiry in real time, without calls. Each test has the machine to itself, since they measure delays.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use polycache_engine::{Cause, Clock, Cursor, Decision, Engine, NEVER, Removed};

/// How long after its deadline an entry may stay in memory: too short for a thread that nobody has woken, long enough for a busy machine.
const LATEST: u64 = 5_000;

static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn after(millis: u64) -> u64 {
    Clock::System.deadline(Duration::from_millis(millis))
}

/// The values that were dropped, and how late.
#[derive(Debug, Default)]
struct Drops {
    count: AtomicUsize,
    early: AtomicUsize,
    latest: AtomicU64,
}

impl Drops {
    fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }

    fn wait_for(&self, count: usize) {
        wait_until("values are dropped", || self.count() >= count);
    }
}

/// Reports on its drop how late after its deadline that was.
#[derive(Debug)]
struct Dropped {
    deadline: u64,
    drops: Arc<Drops>,
}

impl Drop for Dropped {
    fn drop(&mut self) {
        let now = Clock::System.now();
        self.drops.early.fetch_add(usize::from(now < self.deadline), Ordering::SeqCst);
        self.drops.latest.fetch_max(now.saturating_sub(self.deadline), Ordering::SeqCst);
        self.drops.count.fetch_add(1, Ordering::SeqCst);
    }
}

fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let end = after(20_000);
    while !condition() {
        assert!(!Clock::System.has_passed(end), "{what}");
        thread::park_timeout(Duration::from_millis(1));
    }
}

type Value = Arc<Dropped>;

fn store(engine: &Engine<Value>, drops: &Arc<Drops>, key: &str, deadline: u64) {
    let value = Arc::new(Dropped { deadline, drops: Arc::clone(drops) });
    engine.update(key, |_| (Decision::Store { value, weight: 1, deadline }, ()));
}

#[test]
fn many_entries_are_freed_in_time_without_traffic() {
    const ENTRIES: usize = 100_000;
    let _alone = alone();
    for shards in [1, 8] {
        let drops = Arc::new(Drops::default());
        let engine = Engine::builder().shards(shards).build();
        for n in 0..ENTRIES {
            store(&engine, &drops, &n.to_string(), after(50));
        }
        drops.wait_for(ENTRIES);
        assert_eq!((engine.len(), engine.weight()), (0, 0));
        assert_eq!(drops.early.load(Ordering::SeqCst), 0);
        let latest = drops.latest.load(Ordering::SeqCst);
        assert!(latest <= LATEST, "{latest} ms late");
    }
}

#[test]
fn many_entries_with_one_deadline_are_freed_in_time() {
    const ENTRIES: usize = 100_000;
    let _alone = alone();
    let drops = Arc::new(Drops::default());
    let engine = Engine::builder().capacity(ENTRIES as u64).shards(8).build();
    let deadline = after(4_000);
    (0..ENTRIES).for_each(|n| store(&engine, &drops, &n.to_string(), deadline));
    assert_eq!((drops.count(), engine.len()), (0, ENTRIES));
    drops.wait_for(ENTRIES);
    assert_eq!(drops.early.load(Ordering::SeqCst), 0);
    let latest = drops.latest.load(Ordering::SeqCst);
    assert!(latest <= LATEST, "{latest} ms late");
}

#[test]
fn a_short_life_among_long_ones_ends_in_time() {
    let _alone = alone();
    let drops = Arc::new(Drops::default());
    let (first, second) = (Engine::builder().build(), Engine::builder().build());
    // The thread knows both engines, and has gone to sleep for long.
    for n in 0..1_000_u64 {
        store(&first, &drops, &n.to_string(), after(3_600_000 + n * 1_000));
        store(&second, &drops, &n.to_string(), after(7_200_000));
    }
    for round in 1..=5 {
        let engine = if round % 2 == 0 { &first } else { &second };
        store(engine, &drops, "short", after(40));
        drops.wait_for(round);
        assert_eq!(drops.early.load(Ordering::SeqCst), 0);
        let latest = drops.latest.load(Ordering::SeqCst);
        assert!(latest <= LATEST, "{latest} ms late");
    }
    // A life made shorter afterwards counts too.
    first.update("5", |_| (Decision::Expire { deadline: after(40) }, ()));
    let soon = after(40 + LATEST);
    drops.wait_for(6);
    assert!(!Clock::System.has_passed(soon));
    assert_eq!((first.len(), second.len()), (999, 1_000));
}

#[test]
fn a_life_made_longer_goes_on() {
    let _alone = alone();
    let drops = Arc::new(Drops::default());
    let engine = Engine::builder().build();
    for n in 0..1_000 {
        store(&engine, &drops, &n.to_string(), after(300));
        engine.update(&n.to_string(), |_| (Decision::Expire { deadline: NEVER }, ()));
    }
    store(&engine, &drops, "other", after(500));
    drops.wait_for(1);
    assert_eq!((drops.count(), engine.len()), (1, 1_000));
}

#[test]
fn a_writer_takes_what_has_expired_where_the_thread_is_held_up() {
    let _alone = alone();
    let (teller, told) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let ends = Mutex::new((teller, released));
    let engine = Engine::builder()
        .capacity(100)
        .shards(1)
        .listener(move |removed: Removed<u64>| {
            let ends = ends.lock().unwrap();
            ends.0.send((removed.key.to_string(), removed.cause)).unwrap();
            if removed.key == "first" {
                let _ = ends.1.recv_timeout(Duration::from_secs(20));
            }
        })
        .build();
    let put = |key: String, deadline| {
        engine.update(&key, |_| (Decision::Store { value: 0, weight: 1, deadline }, ()));
    };
    put("first".to_owned(), after(1));
    assert_eq!(told.recv_timeout(Duration::from_secs(20)).unwrap().1, Cause::Expired);
    // The thread is in the listener now, and stays there.
    let deadline = after(1);
    (0..50).for_each(|n| put(format!("short/{n}"), deadline));
    (0..50).for_each(|n| put(format!("long/{n}"), NEVER));
    // The wheel's tick has passed too.
    wait_until("the entries are due", || Clock::System.coarse() > deadline + 100);
    thread::scope(|scope| {
        let writer = scope.spawn(|| (0..50).for_each(|n| put(format!("new/{n}"), NEVER)));
        // The writer isn't held up before it has something to tell the listener.
        wait_until("room is made", || engine.len() <= 100 && engine.peek("new/0", |_| ()).is_some());
        drop(release);
        writer.join().unwrap();
    });
    // The thread, free again, may have taken some of them. It tells of these while the writer goes on.
    let causes: Vec<Cause> =
        (0..50).map(|_| told.recv_timeout(Duration::from_secs(20)).unwrap()).map(|(_, cause)| cause).collect();
    assert_eq!(causes, vec![Cause::Expired; 50]);
    assert!((0..50).all(|n| engine.get(&format!("long/{n}")).is_some()));
    assert_eq!(told.try_recv(), Err(mpsc::TryRecvError::Empty));
}

#[test]
fn a_listener_that_panics_does_not_stop_the_freeing() {
    let _alone = alone();
    let drops = Arc::new(Drops::default());
    let told = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&told);
    let panics = Engine::builder()
        .shards(4)
        .listener(move |removed: Removed<Value>| {
            count.fetch_add(1, Ordering::SeqCst);
            assert!(removed.key != "7" && removed.cause == Cause::Expired, "a listener's failure");
        })
        .build();
    let other = Engine::builder().build();
    for n in 0..1_000 {
        store(&panics, &drops, &n.to_string(), after(50));
        store(&other, &drops, &n.to_string(), after(50));
    }
    drops.wait_for(2_000);
    assert!(panics.is_empty() && other.is_empty());
    assert_eq!(told.load(Ordering::SeqCst), 1_000);
}

#[test]
fn a_listener_that_panics_in_a_store_does_not_keep_what_was_stored() {
    let _alone = alone();
    let drops = Arc::new(Drops::default());
    let engine = Engine::builder()
        .listener(|removed: Removed<Value>| assert!(removed.cause == Cause::Expired, "a listener's failure"))
        .build();
    for round in 1..=5 {
        store(&engine, &drops, "key", NEVER);
        let replace = || store(&engine, &drops, "key", after(50));
        assert!(catch_unwind(AssertUnwindSafe(replace)).is_err());
        drops.wait_for(2 * round);
    }
    assert!(engine.is_empty());
}

/// Panics when it is dropped.
#[derive(Debug)]
struct FailsOnce(Arc<AtomicBool>);

impl Drop for FailsOnce {
    fn drop(&mut self) {
        assert!(self.0.swap(true, Ordering::SeqCst), "a value's failure");
    }
}

#[test]
fn a_value_that_panics_does_not_stop_the_freeing() {
    let _alone = alone();
    let (drops, failed) = (Arc::new(Drops::default()), Arc::new(AtomicBool::new(false)));
    let panics = Engine::builder().shards(1).build();
    let other = Engine::builder().shards(1).build();
    let value = Arc::new(FailsOnce(Arc::clone(&failed)));
    panics.update("key", |_| (Decision::Store { value, weight: 1, deadline: after(50) }, ()));
    wait_until("the value fails", || failed.load(Ordering::SeqCst));
    store(&other, &drops, "key", after(50));
    drops.wait_for(1);
    wait_until("it is gone all the same", || panics.is_empty());
}

#[test]
fn a_value_that_panics_with_the_last_handle_does_not_stop_the_freeing() {
    let _alone = alone();
    let (drops, failed) = (Arc::new(Drops::default()), Arc::new(AtomicBool::new(false)));
    let (sender, at_work) = mpsc::channel();
    let (gone, resume) = mpsc::channel();
    let (sender, resume) = (Mutex::new(sender), Mutex::new(resume));
    let engine = Engine::builder()
        .shards(1)
        .listener(move |_| {
            sender.lock().unwrap().send(()).unwrap();
            resume.lock().unwrap().recv().unwrap();
        })
        .build();
    let late = Arc::new(FailsOnce(Arc::clone(&failed)));
    let early = Arc::new(FailsOnce(Arc::new(AtomicBool::new(true))));
    engine.update("late", |_| (Decision::Store { value: late, weight: 1, deadline: NEVER }, ()));
    engine.update("early", |_| (Decision::Store { value: early, weight: 1, deadline: after(20) }, ()));
    // While the thread is at the engine, the other handle is dropped; the thread's handle is the last one then.
    at_work.recv().unwrap();
    drop(engine);
    gone.send(()).unwrap();
    wait_until("the value fails", || failed.load(Ordering::SeqCst));
    let other = Engine::builder().build();
    store(&other, &drops, "key", after(20));
    drops.wait_for(1);
}

#[test]
fn an_engine_that_is_dropped_drops_its_values() {
    let _alone = alone();
    let drops = Arc::new(Drops::default());
    let engine = Engine::builder().build();
    for n in 0..1_000 {
        store(&engine, &drops, &n.to_string(), if n % 2 == 0 { NEVER } else { after(3_600_000) });
    }
    let clone = engine.clone();
    drop(engine);
    assert_eq!(drops.count(), 0);
    drop(clone);
    drops.wait_for(1_000);

    // Values that expire while the engine is dropped are dropped once, too.
    for round in 0..50_usize {
        let engine = Engine::builder().build();
        for n in 0..100 {
            store(&engine, &drops, &n.to_string(), after(n % 20));
        }
        drop(engine);
        drops.wait_for(1_000 + (round + 1) * 100);
    }
    assert_eq!(drops.count(), 6_000);
}

/// Whether one look at the engine finds the entry.
fn look(engine: &Engine<u64>, key: &str, way: usize) -> bool {
    match way % 5 {
        0 => engine.get(key).is_some(),
        1 => engine.peek(key, |_| ()).is_some(),
        2 => engine.update(key, |present| (Decision::Keep, present.is_some())),
        3 => {
            engine.update(key, |present| (Decision::Expire { deadline: present_deadline(&present) }, present.is_some()))
        }
        _ => {
            let (mut cursor, mut found) = (Some(Cursor::default()), false);
            while let Some(from) = cursor {
                cursor = engine.walk(from, 1_000, |shown, _| found |= shown == key);
            }
            found
        }
    }
}

fn present_deadline(present: &Option<polycache_engine::Present<'_, u64>>) -> u64 {
    present.as_ref().map_or(NEVER, |present| present.deadline)
}

#[test]
fn no_reader_sees_a_value_after_its_deadline_nor_misses_it_before() {
    let _alone = alone();
    let engine: Engine<u64> = Engine::builder().capacity(1_000).shards(2).build();
    thread::scope(|scope| {
        for reader in 0..2 {
            let engine = &engine;
            scope.spawn(move || {
                // 400 ms: long enough that the coarse clock answers at first.
                for (round, life) in [1, 2, 3, 5, 10, 20, 30, 40, 400].into_iter().cycle().take(36).enumerate() {
                    let key = format!("{reader}/{round}");
                    let deadline = after(life);
                    engine.update(&key, |_| (Decision::Store { value: deadline, weight: 1, deadline }, ()));
                    let mut way = round;
                    loop {
                        let before = engine.clock().now();
                        let found = look(engine, &key, way);
                        let after = engine.clock().now();
                        if found {
                            assert!(before < deadline, "seen {} ms late, way {}", before - deadline, way % 5);
                        } else {
                            assert!(after >= deadline, "missed {} ms early, way {}", deadline - after, way % 5);
                        }
                        if before > deadline + 2 {
                            break;
                        }
                        way += 1;
                    }
                }
            });
        }
    });
}
