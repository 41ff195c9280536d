//! Tags: entries that are cleared together.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use compact_str::CompactString;

use super::Cache;
use super::layers::Layers;
use crate::backends::tagged::{Tag, with_tags};
use crate::error::Note;
use crate::repeated::tell_repeated;
use crate::{Answer, CommandName, Error, ErrorKind, Reply, Result, Value};

/// Gives the tags of a computed value, from the caller's name for its key and the value.
#[derive(Clone)]
pub(crate) struct TagsOf(Arc<Tagger>);

type Tagger = dyn Fn(&str, &dyn Any) -> Option<Vec<String>> + Send + Sync;

impl TagsOf {
    /// `None` for a value of another type.
    pub(crate) fn new<T: 'static>(tags: impl Fn(&str, &T) -> Vec<String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(move |key, value| value.downcast_ref().map(|value| tags(key, value))))
    }
}

impl Cache {
    /// A view whose entries have these tags, besides those of this one: [`clear_tag`](Self::clear_tag) clears all entries with a tag at
    /// once. What it stores by `set`, `set_object`, `multi_set`, `add`, `cas`, `get_or_set` and their like has the tags. A counter has
    /// none.
    ///
    /// A tag belongs to the view's namespace. Every cache reads such entries; one that knows their tags, such as this view, needs one round
    /// trip for it, another one two. See the guide's chapter on tags. Costs allocations.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
    /// use polycache::Cache;
    ///
    /// let cache = Cache::memory();
    /// cache.tagged(["product:7", "shop"]).set("price:7", 5).await?;
    /// cache.tagged(["product:8", "shop"]).set("price:8", 6).await?;
    /// cache.clear_tag("product:7").await?;
    /// assert_eq!(cache.multi_get::<i32>(&["price:7", "price:8"]).await?, [None, Some(6)]);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn tagged(&self, tags: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        let Layers { tags: present, shared, .. } = &self.view.layers;
        shared.uses();
        let mut all: Vec<CompactString> = present.to_vec();
        for tag in tags {
            if !all.iter().any(|present| present == tag.as_ref()) {
                all.push(CompactString::new(tag));
            }
        }
        self.on_layers(&Layers { tags: all.into(), ..self.view.layers.clone() })
    }

    /// A view whose computed values have the tags that `tags` makes of them, besides the view's other tags: by
    /// [`get_or_set`](Self::get_or_set) and its like. `tags` gets the key, and a value of exactly the type `T`; a value of another type
    /// isn't stored. Writes such as `set` take no notice: give those the tags by [`tagged`](Self::tagged).
    ///
    /// On a server, storing such a value takes two round trips more, and it isn't stored if any tag of the namespace was cleared while it
    /// was computed: its own tags weren't known by then. Costs allocations.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
    /// let cache = polycache::Cache::memory();
    /// let users = cache.tagged_by(|_key, (_name, team): &(String, u32)| vec![format!("team:{team}")]);
    /// let compute = || async { Ok::<_, polycache::Error>(("Ada".to_owned(), 7_u32)) };
    /// users.get_or_set("user:1", compute).await?;
    /// cache.clear_tag("team:7").await?;
    /// assert!(!cache.exists("user:1").await?);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn tagged_by<T: 'static>(&self, tags: impl Fn(&str, &T) -> Vec<String> + Send + Sync + 'static) -> Self {
        self.view.layers.shared.uses();
        self.on_layers(&Layers { tags_of: Some(TagsOf::new(tags)), ..self.view.layers.clone() })
    }

    /// A view whose entries have these tags besides, and whose computed values those of `of`.
    #[cfg(feature = "macros")]
    pub(crate) fn tagged_for(&self, tags: &[String], of: Option<TagsOf>) -> Self {
        let view = self.tagged(tags);
        match of {
            of @ Some(_) => view.on_layers(&Layers { tags_of: of, ..view.view.layers.clone() }),
            None => view,
        }
    }

    /// Whether the backend keeps the clears of tags, so that nobody reads generations.
    #[cfg(feature = "macros")]
    pub(crate) fn keeps_clears(&self) -> bool {
        self.view.layers.shared.clears.is_some()
    }

    /// Clears the tag `tag` of the cache's namespace: all entries with it are gone at once, however many there are. A value whose
    /// computation began before isn't given after it, in any process. Runs even while the cache is turned off.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
    /// let cache = polycache::Cache::memory();
    /// cache.tagged(["shop"]).multi_set([("a", 1), ("b", 2)]).await?;
    /// cache.clear_tag("shop").await?;
    /// assert_eq!(cache.multi_get::<i32>(&["a", "b"]).await?, [None, None]);
    /// # Ok(()) }
    /// ```
    pub fn clear_tag(&self, tag: &str) -> Reply<()> {
        const NAME: CommandName = CommandName::ClearTag;
        let open = |cache: &Self, tag: &str| {
            let prefix = cache.view.prefix.as_str();
            let full = Tag::new(&[prefix, tag].concat());
            cache.flights().hide(prefix, &full.name);
            let cleared = cache.view.tagged.clear_tag(&full, &Tag::every(prefix));
            cache.finish(NAME, Some(tag), cleared, |_, _, result| result)
        };
        self.pass(Self::removal_gate, NAME, Some(tag), open, |()| Answer::Done, |cache, _| cache.shut(NAME, ()))
    }

    /// What a computation that begins now will need to know of tags.
    pub(crate) fn marks(&self) -> Option<Box<Marks>> {
        let layers = &self.view.layers;
        layers.is_tagged().then(|| Box::new(Marks::new(self, layers)))
    }

    /// The tags that a computed value will have, in full, if there are tags at all and these are known.
    pub(crate) fn tags_to_come(&self) -> Option<Arc<[CompactString]>> {
        let Layers { tags, tags_of, shared, .. } = &self.view.layers;
        if !shared.is_used() || tags_of.is_some() {
            return None;
        }
        let prefix = self.view.prefix.as_str();
        Some(tags.iter().map(|tag| CompactString::new([prefix, tag].concat())).collect())
    }

    /// Whether a computation that begins without a read has tags to learn.
    pub(crate) fn reads_tags(&self) -> bool {
        self.view.tagged.reads_tags()
    }

    pub(crate) fn learn_tags(&self) -> Reply<()> {
        self.view.tagged.learn()
    }

    /// Refuses a value whose tags have to be looked at first, or of which one was cleared.
    #[cold]
    pub(super) fn spares(&self, value: &Value) -> Result<()> {
        if !value.is_tagged() {
            return Ok(());
        }
        let note = match &self.view.layers.shared.clears {
            Some(_) if self.view.layers.shared.marks_hits && value.is_hit() => return Ok(()),
            Some(clears) if clears.spare(value) => return Ok(()),
            Some(_) => Note::Cleared,
            None => Note::Unchecked,
        };
        Err(Error::new(ErrorKind::Decode, "it isn't read").noted(note))
    }
}

/// A value's read, where an entry whose tag was cleared is none.
pub(super) fn unless_cleared<T>(read: Result<T>) -> Result<Option<T>> {
    match read {
        Err(error) if error.note() == Some(Note::Cleared) => Ok(None),
        read => read.map(Some),
    }
}

/// What was known of tags when a computation began.
pub(crate) struct Marks {
    /// The view's tags in full, with their generations; `None` if one wasn't known.
    own: Option<Vec<(CompactString, u64)>>,
    /// The generation that the clear of any tag ends, or, where the backend keeps the clears, that of all tags. `None` if it wasn't known.
    every: Option<u64>,
}

impl Marks {
    fn new(cache: &Cache, layers: &Layers) -> Self {
        let Layers { shared, tags, tags_of, .. } = layers;
        shared.uses();
        let prefix = cache.view.prefix.as_str();
        let now = shared.clears.as_ref().map(|clears| clears.now());
        let own = tags.iter().map(|tag| {
            let full = CompactString::new([prefix, tag].concat());
            let generation = now.or_else(|| shared.known.get(&full))?;
            Some((full, generation))
        });
        let every = now.or_else(|| tags_of.as_ref().and_then(|_| shared.known.get(&Tag::every(prefix).name)));
        Self { own: own.collect(), every }
    }

    /// The value to store with its tags; `None` if it can't be stored: a tag may have been cleared since the computation began.
    pub(crate) fn attach(
        self,
        cache: &Cache,
        key: &str,
        computed: &dyn Any,
        value: Result<Value>,
    ) -> Reply<Option<Value>> {
        let (value, own) = match (value, self.own) {
            (Ok(value), Some(own)) => (value, own),
            (Ok(_), None) => return Reply::ready(None),
            (Err(error), _) => return Reply::error(error),
        };
        let Layers { tags_of, shared, .. } = &cache.view.layers;
        let prefix = cache.view.prefix.as_str();
        let mut more: Vec<CompactString> = Vec::new();
        let Some(of_value) = tags_of.as_ref().map_or(Some(Vec::new()), |TagsOf(tags)| tags(key, computed)) else {
            tell_repeated!(
                WARN,
                (cache.flights().mark(), "tagged_by"),
                key,
                "a computed value isn't stored: it is of another type than the one for which `tagged_by` tells the tags"
            );
            return Reply::ready(None);
        };
        for tag in of_value {
            let full = CompactString::new([prefix, &tag].concat());
            if !own.iter().any(|(present, _)| *present == full) && !more.contains(&full) {
                more.push(full);
            }
        }
        let value = with_tags(value, own.iter().map(|(tag, number)| (&**tag, *number)));
        let Some(every) = self.every.filter(|_| !more.is_empty()) else {
            // Without a generation of every tag's nobody can tell whether one of these was cleared.
            return Reply::ready(more.is_empty().then_some(value));
        };
        if shared.clears.is_some() {
            return Reply::ready(Some(with_tags(value, more.iter().map(|tag| (&**tag, every)))));
        }
        let (tagged, asked) = (Arc::clone(&cache.view.tagged), Tag::every(prefix));
        Reply::pending(async move {
            let more: Vec<Tag> = more.iter().map(|tag| Tag::new(tag)).collect();
            let numbers = tagged.generations(&more).await?;
            // Not before: a tag is cleared after this one.
            if tagged.generations(&[asked]).await? != [every] {
                return Ok(None);
            }
            Ok(Some(with_tags(value, more.iter().zip(numbers).map(|(tag, number)| (&*tag.name, number)))))
        })
    }
}

impl fmt::Debug for TagsOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TagsOf")
    }
}
