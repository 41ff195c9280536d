//! Reading many keys at once.

use parking_lot::RwLockReadGuard;
use smallvec::SmallVec;

use crate::engine::Engine;
use crate::key;
use crate::layout::Layout;
use crate::shard::Shard;

/// The shards of a store on a machine with four cores; more are locked too, by way of an allocation.
const SHARDS: usize = 16;

impl<V: Send + Sync + 'static, L: Layout> Engine<V, L> {
    /// Shows `look` the value under each key that is `prefix` followed by a name, in the order of the names: `None` if there is none or it has
    /// expired. Each counts as a use of its entry. All are of one moment, since every shard is locked just once: worth it from about as
    /// many keys as there are shards. `names` and `look` run under these locks: they must be quick and not call the engine.
    ///
    /// ```
    /// use polycache_engine::{Decision, Engine, NEVER};
    ///
    /// let engine = Engine::builder().build();
    /// engine.update("users:7", |_| (Decision::Store { value: "v", weight: 1, deadline: NEVER }, ()));
    /// let mut found = Vec::new();
    /// engine.view_many("users:", ["7", "8"], |value| found.push(value.copied()));
    /// assert_eq!(found, [Some("v"), None]);
    /// ```
    pub fn view_many<'a>(
        &self,
        prefix: &str,
        names: impl IntoIterator<Item = &'a str>,
        mut look: impl FnMut(Option<&V>),
    ) {
        let table = &self.inner.table;
        let shards: SmallVec<[RwLockReadGuard<'_, Shard<V, L>>; SHARDS]> =
            table.shards.iter().map(|shard| shard.0.read()).collect();
        let mut find = |key: &str| {
            let (tag, shard) = table.locate(key);
            let found = shards[shard].get(tag, |found| key::equal(found, key.as_bytes()), &table.clock);
            look(found.map(|(value, _)| value));
        };
        let names = names.into_iter();
        if prefix.is_empty() {
            return names.for_each(find);
        }
        let mut key = String::from(prefix);
        for name in names {
            key.truncate(prefix.len());
            key.push_str(name);
            find(&key);
        }
    }
}
