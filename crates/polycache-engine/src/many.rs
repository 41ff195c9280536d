//! Reading many keys at once.

use parking_lot::RwLockReadGuard;
use smallvec::SmallVec;

use crate::engine::{Engine, Table};
use crate::joined::{Long, Pieces, Probe, Usual};
use crate::key;
use crate::layout::Layout;
use crate::shard::Shard;

/// The shards of a store on a machine with four cores; more are locked too, by way of an allocation.
const SHARDS: usize = 16;

impl<V: Send + Sync + 'static, L: Layout> Engine<V, L> {
    /// Shows `look` the value under each key that is `prefix` followed by a name, in the order of the names: `None` if there is none or it
    /// has expired. Each counts as a use of its entry. All are of one moment, since every shard is locked just once: worth it from about as
    /// many keys as there are shards. The locks are held from the first result until the iterator is dropped. `names`, `look` and whoever
    /// takes the results run under them: they must be quick and not call the engine.
    ///
    /// ```
    /// use polycache_engine::{Decision, Engine, NEVER};
    ///
    /// let engine = Engine::builder().build();
    /// engine.update("users:7", |_| (Decision::Store { value: "v", weight: 1, deadline: NEVER }, ()));
    /// let found: Vec<_> = engine.view_many("users:", ["7", "8"].into_iter(), |value| value.copied()).collect();
    /// assert_eq!(found, [Some("v"), None]);
    /// ```
    pub fn view_many<'a, R>(
        &'a self,
        prefix: &'a str,
        names: impl ExactSizeIterator<Item = &'a str>,
        look: impl FnMut(Option<&V>) -> R,
    ) -> impl ExactSizeIterator<Item = R> {
        Many { table: &self.table, shards: None, prefix: prefix.as_bytes(), names, look }
    }
}

/// The results of [`Engine::view_many`].
struct Many<'a, V, L: Layout, N, F> {
    table: &'a Table<V, L>,
    shards: Option<Shards<'a, V, L>>,
    prefix: &'a [u8],
    names: N,
    look: F,
}

type Shards<'a, V, L> = SmallVec<[RwLockReadGuard<'a, Shard<V, L>>; SHARDS]>;

impl<'a, V, L: Layout, R, N: Iterator<Item = &'a str>, F: FnMut(Option<&V>) -> R> Iterator for Many<'a, V, L, N, F> {
    type Item = R;

    #[inline]
    fn next(&mut self) -> Option<R> {
        let Self { table, shards, prefix, names, look } = self;
        let name = names.next()?.as_bytes();
        let shards = shards.get_or_insert_with(|| table.shards.iter().map(|shard| shard.0.read()).collect());
        if prefix.is_empty() {
            let (tag, shard) = table.place(key::hash(&table.hasher, name));
            let found = shards[shard].get(tag, |found| key::equal(found, name), &table.clock);
            return Some(look(found.map(|(value, _)| value)));
        }
        let found = match Usual::new(prefix, name) {
            Some(usual) => find(table, shards, &usual),
            None => find_unusual(table, shards, prefix, name),
        };
        Some(look(found))
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.names.size_hint()
    }
}

impl<'a, V, L: Layout, R, N, F> ExactSizeIterator for Many<'a, V, L, N, F>
where
    N: ExactSizeIterator<Item = &'a str>,
    F: FnMut(Option<&V>) -> R,
{
}

#[inline]
fn find<'s, V, L: Layout>(table: &Table<V, L>, shards: &'s Shards<'_, V, L>, key: &impl Probe) -> Option<&'s V> {
    let (tag, shard) = table.place(key.hash(&table.hasher));
    shards[shard].get(tag, |found| key.is(found), &table.clock).map(|(value, _)| value)
}

#[inline(never)]
fn find_unusual<'s, V, L: Layout>(
    table: &Table<V, L>,
    shards: &'s Shards<'_, V, L>,
    prefix: &[u8],
    name: &[u8],
) -> Option<&'s V> {
    match Long::new(prefix, name) {
        Some(long) => find(table, shards, &long),
        None => find(table, shards, &Pieces { prefix, name }),
    }
}
