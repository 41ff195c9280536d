//! The table of flights under schedules that shuttle chooses: `make model`.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use shuttle::future::block_on;
use shuttle::rand::{Rng, thread_rng};
use shuttle::sync::Mutex;
use shuttle::{check_pct, check_random, thread};

use super::sync::{AtomicUsize, Ordering};
use super::waiter::Arrival;
use super::watch::Suspects;
use super::{Flights, Leader, Part, Scope, Waiter};
use crate::Reply;
use crate::backend::Permit;
use crate::key::{Key, OwnedKey};

/// Schedules of each kind for each model; `POLYCACHE_TEST_SCHEDULES` sets another number.
const SCHEDULES: usize = 20_000;

fn check(model: impl Fn() + Send + Sync + Copy + 'static) {
    let schedules = std::env::var("POLYCACHE_TEST_SCHEDULES").map_or(SCHEDULES, |number| number.parse().unwrap());
    check_random(model, schedules);
    check_pct(model, schedules, 3);
}

fn key() -> OwnedKey {
    Key::plain("k").into_owned()
}

fn join(flights: &Arc<Flights>) -> Part<u32, ()> {
    flights.join(key().key())
}

/// Waits without limit, or for a few looks.
async fn wait(mut waiter: Waiter<u32, ()>, mut looks: usize) -> Option<Arrival<u32, ()>> {
    poll_fn(|context| {
        if looks == 0 {
            return Poll::Ready(None);
        }
        looks -= 1;
        waiter.poll(context).map(Some)
    })
    .await
}

/// A caller that leads, waits, or takes over, until it has a value.
async fn call(flights: &Arc<Flights>, compute: impl AsyncFn(&mut Leader<u32, ()>) -> u32) -> u32 {
    loop {
        let mut leader = match join(flights) {
            Part::Leads(leader, _) => leader,
            Part::Waits(waiter) => match wait(waiter, usize::MAX).await {
                Some(Arrival::Landed(result)) => return result.unwrap(),
                Some(Arrival::Leads(leader)) => leader,
                _ => continue,
            },
            Part::Circles => unreachable!("nothing is computed within a computation"),
        };
        let value = compute(&mut leader).await;
        return leader.land(Ok(value)).unwrap();
    }
}

async fn pause() {
    shuttle::future::yield_now().await;
}

fn run(threads: Vec<Box<dyn FnOnce() + Send>>) {
    let threads: Vec<_> = threads.into_iter().map(thread::spawn).collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

#[test]
fn everybody_gets_a_value_and_nothing_is_left() {
    check(|| {
        let flights = Flights::new();
        let caller = || {
            let flights = Arc::clone(&flights);
            Box::new(move || {
                let value = block_on(call(&flights, async |_| {
                    pause().await;
                    7
                }));
                assert_eq!(value, 7);
            }) as Box<dyn FnOnce() + Send>
        };
        run((0..3).map(|_| caller()).collect());
        assert!(!flights.any());
    });
}

/// Leaders and waiters that are dropped: shuttle finds a deadlock if a wake-up is lost.
#[test]
fn who_goes_wakes_another() {
    check(|| {
        let flights = Flights::new();
        let (one, other) = (Arc::clone(&flights), Arc::clone(&flights));
        let leaves = move |flights: Arc<Flights>| {
            move || {
                block_on(async {
                    match join(&flights) {
                        Part::Leads(leader, _) => {
                            pause().await;
                            drop(leader);
                        }
                        Part::Waits(waiter) => {
                            let looks = thread_rng().gen_range(0..3);
                            // It may have been told to lead, too.
                            drop(wait(waiter, looks).await);
                        }
                        Part::Circles => unreachable!("nothing is computed within a computation"),
                    }
                });
            }
        };
        let stays = |flights: &Arc<Flights>| {
            let flights = Arc::clone(flights);
            move || assert_eq!(block_on(call(&flights, async |_| 7)), 7)
        };
        run(vec![Box::new(leaves(one)), Box::new(leaves(other)), Box::new(stays(&flights)), Box::new(stays(&flights))]);
        assert!(!flights.any());
    });
}

/// A leader that waits, and is neither polled any more nor dropped: the watch over the flights lets the others go on. A leader that is
/// polled is left alone.
#[test]
fn a_leader_that_nobody_polls_keeps_nobody_waiting() {
    check(|| {
        let (flights, done) = (Flights::new(), Arc::new(AtomicUsize::new(0)));
        let is_done = |done: &AtomicUsize| done.load(Ordering::SeqCst) == 2;
        let left = {
            let (flights, done) = (Arc::clone(&flights), Arc::clone(&done));
            move || {
                let mut leader = match join(&flights) {
                    Part::Leads(leader, _) => leader,
                    Part::Waits(waiter) => return drop(waiter),
                    Part::Circles => unreachable!("nothing is computed within a computation"),
                };
                leader.rest(&Context::from_waker(Waker::noop()));
                while !is_done(&done) {
                    thread::yield_now();
                }
                // The late leader gives its result to nobody: the others have computed 7.
                assert_eq!(leader.land(Ok(1)), Ok(1));
            }
        };
        let caller = || {
            let (flights, done) = (Arc::clone(&flights), Arc::clone(&done));
            move || {
                // It begins beside the leader that is left alone, which isn't done before.
                let value = block_on(call(&flights, async |leader| {
                    pause().await;
                    assert!(leader.permit().is_some_and(Permit::holds));
                    7
                }));
                assert_eq!(value, 7);
                done.fetch_add(1, Ordering::SeqCst);
            }
        };
        let watch = {
            let (flights, done) = (Arc::clone(&flights), Arc::clone(&done));
            move || {
                let mut suspects = Suspects::default();
                while !is_done(&done) {
                    flights.look_after(&mut suspects);
                    thread::yield_now();
                }
            }
        };
        run(vec![Box::new(left), Box::new(caller()), Box::new(caller()), Box::new(watch)]);
        assert!(!flights.any());
    });
}

/// The store and its source, which two callers compute from and one writer changes.
struct World {
    flights: Arc<Flights>,
    source: Mutex<u32>,
    store: Mutex<Option<u32>>,
}

impl World {
    fn new() -> Arc<Self> {
        Arc::new(Self { flights: Flights::new(), source: Mutex::new(0), store: Mutex::new(None) })
    }
}

/// With a store that looks at the permit while it stores.
#[test]
fn nothing_old_is_stored_after_a_write_at_once() {
    check(|| {
        let world = World::new();
        let caller = |world: &Arc<World>| {
            let world = Arc::clone(world);
            Box::new(move || {
                block_on(call(&world.flights, async |leader| {
                    let value = *world.source.lock().unwrap();
                    pause().await;
                    let mut store = world.store.lock().unwrap();
                    if leader.permit().is_some_and(Permit::holds) {
                        *store = Some(value);
                    }
                    value
                }));
            }) as Box<dyn FnOnce() + Send>
        };
        let writer = Arc::clone(&world);
        let writes = move || {
            *writer.source.lock().unwrap() = 1;
            if writer.flights.any() {
                writer.flights.overtake_key("k");
            }
            *writer.store.lock().unwrap() = None;
            // The write is acknowledged: a later call or read gets nothing older.
            assert_ne!(*writer.store.lock().unwrap(), Some(0));
            assert_eq!(block_on(call(&writer.flights, async |_| *writer.source.lock().unwrap())), 1);
        };
        run(vec![caller(&world), caller(&world), Box::new(writes)]);
        assert_ne!(*world.store.lock().unwrap(), Some(0));
        assert!(!world.flights.any());
    });
}

/// With a store that takes a while and knows nothing of permits. A leader may be dropped half-way.
#[test]
fn nothing_old_is_stored_after_a_write_over_a_network() {
    check(|| {
        let world = World::new();
        let caller = |world: &Arc<World>| {
            let world = Arc::clone(world);
            Box::new(move || {
                block_on(call(&world.flights, async |leader| {
                    let value = *world.source.lock().unwrap();
                    let seat = leader.seat().clone();
                    let server = Arc::clone(&world);
                    let set = Reply::pending(async move {
                        pause().await;
                        *server.store.lock().unwrap() = Some(value);
                        pause().await;
                        Ok(true)
                    });
                    seat.send(set).await.unwrap();
                    value
                }));
            }) as Box<dyn FnOnce() + Send>
        };
        let writer = Arc::clone(&world);
        let writes = move || {
            *writer.source.lock().unwrap() = 1;
            let server = Arc::clone(&writer);
            let delete = Reply::pending(async move {
                pause().await;
                *server.store.lock().unwrap() = None;
                pause().await;
                Ok(())
            });
            block_on(writer.flights.overtaking(Scope::Keys(vec![key()]), delete)).unwrap();
            assert_ne!(*writer.store.lock().unwrap(), Some(0));
        };
        run(vec![caller(&world), caller(&world), Box::new(writes)]);
        assert_ne!(*world.store.lock().unwrap(), Some(0));
        assert!(!world.flights.any());
    });
}
