//! The engine as a whole, with a look inside: random commands against models, and the state of the shards.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod bounded;
mod commands;
mod listener;
mod space;
mod unbounded;

use crate::{Cursor, Decision, Engine, Layout};

/// Checks every shard on its own, and the sum of their claims.
fn check<V: Clone + Send + Sync + 'static, L: Layout>(engine: &Engine<V, L>) {
    let inner = &engine.inner;
    for shard in inner.table.shards.iter() {
        shard.0.read().check();
    }
    inner.check_claims();
}

fn store<V, L: Layout>(engine: &Engine<V, L>, key: &str, value: V, weight: u64, deadline: u64)
where
    V: Clone + Send + Sync + 'static,
{
    engine.update(key, |_| (Decision::Store { value, weight, deadline }, ()));
}

/// Deletes the keys with the prefix, `places` at a time.
fn delete_prefix<V: Clone + Send + Sync + 'static, L: Layout>(engine: &Engine<V, L>, prefix: &str, places: u32) {
    let mut cursor = Some(Cursor::default());
    while let Some(from) = cursor {
        cursor = engine.delete_where(from, places, |key, _| key.starts_with(prefix));
    }
}
