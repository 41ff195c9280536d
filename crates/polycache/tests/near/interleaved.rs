//! A read and a write at once, in every order of their steps.

use std::pin::Pin;
use std::sync::Arc;

use polycache::backend::{Backend, Entry, Key, SetOptions, Want, When};
use polycache::backends::memory::ManualClock;
use polycache::backends::near::Near;
use polycache::{Result, Ttl, Value};

use crate::stepped::{Stepped, step};

type Running<T> = Pin<Box<dyn Future<Output = Result<T>> + Send>>;

const K: Key<'static> = Key::plain("k");

/// The steps of one operation: on its way, done far, answered.
const STEPS: usize = 3;

/// All orders of a read's steps and a write's; `true` is one of the write.
fn orders() -> Vec<Vec<bool>> {
    (0_u32..1 << (2 * STEPS))
        .filter(|bits| bits.count_ones() as usize == STEPS)
        .map(|bits| (0..2 * STEPS).map(|step| bits >> step & 1 == 1).collect())
        .collect()
}

fn reads(near: &Near) -> Vec<Running<Option<Vec<u8>>>> {
    fn bytes(value: Option<Value>) -> Option<Vec<u8>> {
        value.and_then(|value| value.as_bytes().map(<[u8]>::to_vec))
    }
    let (get, look) = (near.get(K), near.look(K, Want::VALUE));
    let multi_get = near.multi_get(&[K], Want::VALUE.and(Want::TTL));
    vec![
        Box::pin(async { Ok(bytes(get.await?)) }),
        Box::pin(async { Ok(bytes(look.await?.and_then(|found| found.value))) }),
        Box::pin(async { Ok(multi_get.await?.remove(0).and_then(|found| bytes(found.value))) }),
    ]
}

fn writes(near: &Near) -> Vec<(&'static str, Running<()>)> {
    fn done<T: Send + 'static>(reply: polycache::Reply<T>) -> Running<()> {
        Box::pin(async { reply.await.map(drop) })
    }
    let always = || SetOptions::new(Ttl::Never, When::Always);
    let value = || Value::bytes(*b"2");
    vec![
        ("set", done(near.set(K, value(), always()))),
        ("add", done(near.set(K, value(), SetOptions::new(Ttl::Never, When::Absent)))),
        ("multi_set", done(near.multi_set(vec![Entry::new(K, value(), Ttl::Never)]))),
        ("increment", done(near.increment(K, 1, Ttl::Never))),
        ("expire", done(near.expire(K, Ttl::millis(1)))),
        ("delete", done(near.delete(K, When::Always))),
        ("multi_delete", done(near.multi_delete(&[K]))),
        ("clear", done(near.clear("k"))),
        ("clear all", done(near.clear(""))),
        ("raw", done(near.raw("set", &[b"k", b"2"]))),
    ]
}

fn finish<T>(running: &mut Running<T>) -> T {
    std::iter::repeat_with(|| step(running)).flatten().next().unwrap().unwrap()
}

/// What is there far, and what a read through the near cache finds.
fn far_and_near(far: &Stepped, near: &Near) -> [Option<Vec<u8>>; 2] {
    let far = far.0.get(K).now().expect("memory answers at once").unwrap();
    [far.and_then(|value| value.as_bytes().map(<[u8]>::to_vec)), finish(&mut reads(near).remove(0))]
}

/// Runs each read with each write, in each order. `until` steps of the write are taken, and then it is given up.
fn each(until: usize, was_there: bool, check: impl Fn(&str, &Stepped, &Near, bool)) {
    let clock = ManualClock::new();
    for order in orders() {
        for read in 0..3 {
            for write in 0..10 {
                let far = Arc::new(Stepped::on(&clock));
                let long = std::time::Duration::from_secs(3_600);
                let near = Near::builder().ttl(long).misses(long).manual_clock(&clock).build(far.clone()).unwrap();
                if was_there {
                    let stored = far.0.set(K, Value::bytes(*b"1"), SetOptions::new(Ttl::Never, When::Always));
                    assert!(stored.now().unwrap().unwrap());
                }
                let (mut reading, mut writing, mut name) = (None, None, "");
                let (mut written, mut is_acknowledged) = (0, false);
                for is_write in &order {
                    if !is_write {
                        // It departs when it is first polled.
                        let reading = reading.get_or_insert_with(|| reads(&near).remove(read));
                        let _ = step(reading);
                        continue;
                    }
                    if written < until {
                        let (called, writing) = writing.get_or_insert_with(|| writes(&near).remove(write));
                        name = called;
                        is_acknowledged |= step(writing).is_some();
                    } else {
                        writing = None;
                    }
                    written += 1;
                }
                if until < STEPS {
                    drop(writing);
                }
                check(&format!("{name}, read {read}, {order:?}"), &far, &near, is_acknowledged);
            }
        }
    }
}

#[test]
fn a_read_never_brings_back_what_a_write_has_replaced() {
    for was_there in [true, false] {
        each(STEPS, was_there, |name, far, near, is_acknowledged| {
            assert!(is_acknowledged, "{name}");
            let [far, near] = far_and_near(far, near);
            assert_eq!(far, near, "{name}");
        });
    }
}

/// A write that is given up, done or not, leaves nothing near that was read before or meanwhile.
#[test]
fn a_write_that_is_given_up_leaves_nothing() {
    for until in 1..STEPS {
        each(until, true, |name, far, near, _| {
            let [far, near] = far_and_near(far, near);
            assert_eq!(far, near, "{name}");
        });
    }
}
