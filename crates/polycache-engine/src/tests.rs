//! The engine as a whole, with a look inside: random commands against models, and what the shards hold.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod bounded;
mod commands;
mod listener;
mod space;
mod unbounded;

use crate::{Cursor, Decision, Engine};

/// Checks every shard on its own, and that together they have claimed what is counted.
fn check<V: Clone + Send + Sync + 'static>(engine: &Engine<V>) {
    let inner = &engine.inner;
    for shard in inner.table.shards.iter() {
        shard.0.read().check();
    }
    inner.check_claims();
}

fn store<V: Clone + Send + Sync + 'static>(engine: &Engine<V>, key: &str, value: V, weight: u64, deadline: u64) {
    engine.update(key, |_| (Decision::Store { value, weight, deadline }, ()));
}

/// Deletes what has the prefix, going on in steps of `places`.
fn delete_prefix<V: Clone + Send + Sync + 'static>(engine: &Engine<V>, prefix: &str, places: u32) {
    let mut cursor = Some(Cursor::default());
    while let Some(from) = cursor {
        cursor = engine.delete_where(from, places, |key, _| key.starts_with(prefix));
    }
}
