//! A listener that panics.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use super::{check, store};
use crate::{Clock, Engine, ManualClock, NEVER};

/// A store of a hundred entries, half of which expire. Its listener sends their values and panics at each tenth.
fn full(shards: usize) -> (Engine<u32>, ManualClock, Receiver<u32>) {
    let manual = ManualClock::new();
    let (sender, left) = channel();
    let listener = move |removed: crate::Removed<u32>| {
        sender.send(removed.value).unwrap();
        assert!(!removed.value.is_multiple_of(10), "{} is a tenth", removed.value);
    };
    let engine =
        Engine::builder().capacity(100).shards(shards).clock(Clock::Manual(manual.clone())).listener(listener).build();
    for n in 0..100 {
        store(&engine, &n.to_string(), n, 1, if n < 50 { 10 } else { NEVER });
    }
    (engine, manual, left)
}

fn panic_of(step: impl FnOnce()) -> String {
    *catch_unwind(AssertUnwindSafe(step)).unwrap_err().downcast().unwrap()
}

fn sorted(left: &Receiver<u32>) -> Vec<u32> {
    let mut all: Vec<u32> = left.try_iter().collect();
    all.sort_unstable();
    all
}

#[test]
fn clear_tells_every_entry_and_panics_at_the_end() {
    let (engine, _, left) = full(2);
    assert!(panic_of(|| engine.clear()).ends_with("is a tenth"));
    assert_eq!(sorted(&left), (0..100).collect::<Vec<_>>());
    assert!(engine.is_empty());
    check(&engine);
}

#[test]
fn expired_entries_are_all_told_too() {
    let (engine, manual, left) = full(1);
    manual.advance(Duration::from_millis(10));
    assert!(panic_of(|| engine.remove_expired()).ends_with("is a tenth"));
    assert_eq!(sorted(&left), (0..50).collect::<Vec<_>>());
    assert_eq!(engine.len(), 50);
    check(&engine);
}
