//! The tags of what a call stores.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use super::multi::{MultiCall, Pairs};
use super::shape::Shape;
use super::{CachedCall, Many};
use crate::Cache;
use crate::cache::TagsOf;

/// The tags of what a call stores.
#[derive(Clone, Default)]
pub(super) struct CallTags {
    /// Those of every value.
    all: Vec<String>,
    /// Those of one value.
    of: Option<TagsOf>,
}

/// Gives the tags of one of many values.
pub(super) type TagsOfOne<K, V> = Arc<dyn Fn(&K, &V) -> Vec<String> + Send + Sync>;

impl CallTags {
    /// The cache that gives these tags.
    pub(super) fn on(&self, cache: &Cache) -> Cache {
        if self.all.is_empty() && self.of.is_none() {
            return cache.clone();
        }
        cache.tagged_for(&self.all, self.of.clone())
    }

    /// Those of values whose key has one of these names.
    pub(super) fn of_names<K, V>(&mut self, names: &[String], keys: &[K], of: TagsOfOne<K, V>)
    where
        K: Clone + Send + Sync + 'static,
        V: 'static,
    {
        let keys: HashMap<String, K> = names.iter().cloned().zip(keys.iter().cloned()).collect();
        let tags = move |name: &str, value: &V| keys.get(name).map(|key| of(key, value)).unwrap_or_default();
        self.of = Some(TagsOf::new(tags));
    }
}

impl<S: Shape, Fut, C, O> CachedCall<S, Fut, C, O> {
    /// Stores with these tags, as by [`Cache::tagged`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
    /// use polycache::functions::{CallBuilder, Whole};
    ///
    /// let cache = polycache::Cache::memory();
    /// let answer = || CallBuilder::new(&cache, "answer").compute::<Whole<i32>, _>(async { 42 }).tags(["answers"]);
    /// assert_eq!(answer().await, 42);
    /// cache.clear_tag("answers").await?;
    /// assert!(!cache.exists("answer").await?);
    /// # Ok(()) }
    /// ```
    pub fn tags(mut self, tags: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.call_tags().all.extend(tags.into_iter().map(Into::into));
        self
    }

    /// Stores with the tags that `tags` makes of the computed value, as by [`Cache::tagged_by`].
    pub fn tags_by(mut self, tags: impl Fn(&S::Value) -> Vec<String> + Send + Sync + 'static) -> Self {
        self.call_tags().of = Some(TagsOf::new(move |_, value| tags(value)));
        self
    }

    fn call_tags(&mut self) -> &mut CallTags {
        self.work.way.get_or_insert_default().tags.get_or_insert_default()
    }
}

impl<S, C> MultiCall<'_, S, C>
where
    S: Shape,
    S::Value: Pairs,
{
    /// Stores all values with these tags, as by [`Cache::tagged`].
    pub fn tags(mut self, tags: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.work.tags.all.extend(tags.into_iter().map(Into::into));
        self
    }

    /// Stores each value with the tags that `tags` makes of its key and the value, as by [`Cache::tagged_by`].
    pub fn tags_by(
        mut self,
        tags: impl Fn(&<S::Value as Pairs>::Key, &<S::Value as Pairs>::Value) -> Vec<String> + Send + Sync + 'static,
    ) -> Self {
        self.work.tags_of = Some(Arc::new(tags));
        self
    }
}

impl<S: Shape> Many<'_, S>
where
    S::Value: Pairs,
    <S::Value as Pairs>::Key: Hash,
{
    /// The cache that gives each value its tags.
    pub(super) fn tagged(&self, cache: &Cache) -> Cache {
        let mut tags = self.tags.clone();
        if let (Some(of), Ok(names)) = (&self.tags_of, &self.names) {
            tags.of_names(&names.names, &names.keys, Arc::clone(of));
        }
        tags.on(cache)
    }
}
