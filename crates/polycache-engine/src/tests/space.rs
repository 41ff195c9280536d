//! The room that entries take, in the slab and of the capacity.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{check, store};
use crate::slab::MAX_REFERENCES;
use crate::{Cause, Engine, NEVER};

const MIB: u64 = 1 << 20;

/// The values are the weights.
fn large_engine() -> Engine<u64> {
    Engine::builder().capacity(64 * MIB).shards(8).build()
}

fn put(engine: &Engine<u64>, key: &str, weight: u64) {
    store(engine, key, weight, weight, NEVER);
    assert_eq!(engine.get(key), Some(weight), "just stored");
    assert!(engine.weight() <= engine.capacity());
}

#[test]
fn a_key_that_is_overwritten_takes_no_more_room() {
    let engine = Engine::builder().capacity(1_000).shards(4).build();
    for n in 0..1_000_000_u64 {
        let life = Duration::from_millis(1_000 + n % 100_000);
        store(&engine, "key", n, 1, engine.clock().deadline(life));
    }
    assert_eq!((engine.len(), engine.weight()), (1, 1));
    assert_eq!(engine.get("key"), Some(999_999));
    let ends: u32 = engine.inner.table.shards.iter().map(|shard| shard.0.read().slab.end()).sum();
    assert!(ends <= 128, "a single piece of slots: {ends}");
    check(&engine);
}

#[test]
fn the_index_keeps_its_hints_as_it_grows() {
    let engine = Engine::builder().shards(1).pointee(|&value: &u64| value as usize * 64).build();
    for n in 0..5_000 {
        store(&engine, &n.to_string(), n, 1, NEVER);
    }
    check(&engine);
}

#[test]
fn freed_slots_are_used_again() {
    let engine = Engine::builder().capacity(100).shards(1).build();
    for n in 0..100_000_u64 {
        store(&engine, &n.to_string(), n, 1, NEVER);
        if n % 1_000 == 0 {
            engine.clear();
        }
    }
    assert!(engine.inner.table.shards[0].0.read().slab.end() <= 256);
    check(&engine);
}

#[test]
fn a_value_of_almost_the_whole_capacity_fits_and_gives_way_later() {
    let engine = large_engine();
    for n in 0..2_000_u64 {
        put(&engine, &format!("before/{n}"), 40_000);
    }
    let full = engine.weight();
    assert!(full > 60 * MIB);
    put(&engine, "large", 60 * MIB);
    assert!(engine.len() > 1, "it takes no more than it needs");
    check(&engine);
    let mut written = 0;
    while engine.peek("large", |_| ()).is_some() {
        put(&engine, &format!("after/{written}"), 40_000);
        written += 1;
        assert!(written < 20_000, "it stays for ever");
    }
    check(&engine);
}

/// The MiB of the smallest of eight shards, once `fill` has filled a store. The median of nine stores: chance decides which keys lie in
/// which shard, and in one of a hundred stores a shard came off badly.
fn smallest_shard(fill: impl Fn(&Engine<u64>)) -> u64 {
    let mut smallest = std::array::from_fn::<u64, 9, _>(|_| {
        let engine = large_engine();
        fill(&engine);
        check(&engine);
        engine.inner.table.shards.iter().map(|shard| shard.0.read().weight() / MIB).min().unwrap()
    });
    smallest.sort_unstable();
    smallest[4]
}

#[test]
fn after_a_large_value_all_shards_share_the_capacity_again() {
    for by_replacement in [false, true] {
        let smallest = smallest_shard(|engine| {
            for n in 0..2_000_u64 {
                put(engine, &format!("before/{n}"), 40_000);
            }
            put(engine, "large", 60 * MIB);
            if by_replacement {
                put(engine, "large", 1);
            }
            for n in 0..10_000_u64 {
                put(engine, &format!("after/{n}"), 40_000);
            }
            assert!(engine.peek("large", |_| ()).is_none());
            assert!(engine.weight() > 56 * MIB);
        });
        assert!(smallest >= 5, "{smallest} MiB");
    }
}

#[test]
fn a_large_value_that_another_shard_pushes_out_leaves_its_room_to_all() {
    let smallest = smallest_shard(|engine| {
        put(engine, "large", 60 * MIB);
        for n in 0..20 {
            put(engine, &format!("medium/{n}"), 5 * MIB);
        }
        for n in 0..10_000_u64 {
            put(engine, &format!("small/{n}"), 40_000);
        }
    });
    assert!(smallest >= 4, "{smallest} MiB");
}

#[test]
fn a_value_that_grows_over_its_shard_pushes_out_the_others() {
    let engine = large_engine();
    for n in 0..1_000_u64 {
        put(&engine, &format!("other/{n}"), 60_000);
    }
    for weight in [1, 10, 30, 64, 3, 64].map(|mib| mib * MIB) {
        put(&engine, "growing", weight);
        check(&engine);
    }
    assert_eq!((engine.len(), engine.weight()), (1, 64 * MIB));
    put(&engine, "growing", 1);
    put(&engine, "other", 64 * MIB - 1);
    assert_eq!(engine.len(), 2);
    put(&engine, "third", 64 * MIB);
    assert_eq!((engine.len(), engine.weight()), (1, 64 * MIB));
    check(&engine);
}

#[test]
fn expired_entries_make_room_before_live_ones_are_evicted() {
    let manual = crate::ManualClock::new();
    let (sender, left) = std::sync::mpsc::channel();
    let engine = Engine::builder()
        .capacity(100)
        .shards(1)
        .clock(crate::Clock::Manual(manual.clone()))
        .listener(move |removed| sender.send(removed.cause).unwrap())
        .build();
    for n in 0..50 {
        store(&engine, &format!("short/{n}"), n, 1, 10);
        store(&engine, &format!("long/{n}"), n, 1, NEVER);
    }
    manual.advance(Duration::from_millis(200));
    for n in 0..50 {
        store(&engine, &format!("new/{n}"), n, 1, NEVER);
    }
    let causes: Vec<Cause> = left.try_iter().collect();
    assert_eq!(causes, vec![Cause::Expired; 50]);
    assert!((0..50).all(|n| engine.get(&format!("long/{n}")).is_some()));
    check(&engine);
}

#[test]
fn an_entry_may_weigh_as_much_as_can_be_counted() {
    for weight in [1 << 59, u64::MAX] {
        let engine = Engine::builder().capacity(1 << 60).entry_weight(weight).build();
        put(&engine, "key", 1);
    }
}

#[test]
fn a_write_looks_at_so_many_entries_and_no_more() {
    const ENTRIES: usize = 20_000;
    let engine = Engine::builder().capacity(ENTRIES as u64).shards(1).build();
    for n in 0..ENTRIES {
        store(&engine, &n.to_string(), n, 1, NEVER);
    }
    let fully_credited = || {
        let shard = engine.inner.table.shards[0].0.read();
        let credits = |index| shard.slab.slot(index).references.load(Ordering::Relaxed);
        (0..shard.slab.end()).filter(|&index| credits(index) == MAX_REFERENCES).count()
    };
    for _ in 0..MAX_REFERENCES {
        (0..ENTRIES).for_each(|n| assert!(engine.get(&n.to_string()).is_some()));
    }
    assert_eq!(fully_credited(), ENTRIES);
    store(&engine, "another", 0, 1, NEVER);
    assert_eq!(engine.len(), ENTRIES);
    assert!(fully_credited() > ENTRIES * 3 / 4);
    check(&engine);
}
