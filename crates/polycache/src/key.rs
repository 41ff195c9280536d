//! Keys as backends see them.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::OnceLock;

use arrayvec::ArrayString;
use compact_str::CompactString;

/// A full key, `namespace:name`, that knows where its namespace ends, and the separator behind that.
///
/// ```
/// use polycache::backend::Key;
///
/// let key = Key::new("users:7", 5, 1);
/// assert_eq!((key.full(), key.namespace(), key.name()), ("users:7", "users", "7"));
/// assert_eq!(Key::new("users7", 5, 0).name(), "7"); // no separator
/// assert_eq!(Key::plain("7").name(), "7"); // no namespace
/// ```
#[derive(Clone, Copy)]
pub struct Key<'a>(Text<'a>);

#[derive(Clone, Copy)]
enum Text<'a> {
    Whole { full: &'a str, ends: Ends },
    Parts(&'a Parts<'a>),
}

/// The ends of the namespace at the beginning of a text, and of the separator behind it; both zero without a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
struct Ends {
    namespace: u32,
    separator: u32,
}

impl Ends {
    /// Both zero if the lengths don't fit; a key of this process can't be so long.
    fn new(namespace_len: usize, separator_len: usize) -> Self {
        let end = |len: Option<usize>| len.and_then(|len| u32::try_from(len).ok());
        match (end(Some(namespace_len)), end(namespace_len.checked_add(separator_len))) {
            (Some(namespace), Some(separator)) if namespace > 0 => Self { namespace, separator },
            _ => Self::default(),
        }
    }

    #[inline]
    const fn namespace(self) -> usize {
        self.namespace as usize
    }

    #[inline]
    const fn separator(self) -> usize {
        self.separator as usize
    }
}

/// The beginning of the keys in a namespace: the namespace and its separator, or nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct Prefix {
    text: CompactString,
    ends: Ends,
}

impl Prefix {
    pub(crate) fn new(namespace: &str, separator: &str) -> Self {
        if namespace.is_empty() {
            return Self::default();
        }
        let mut text = CompactString::with_capacity(namespace.len() + separator.len());
        text.push_str(namespace);
        text.push_str(separator);
        Self { text, ends: Ends::new(namespace.len(), separator.len()) }
    }

    #[inline]
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    pub(crate) fn namespace(&self) -> &str {
        &self.text[..self.ends.namespace()]
    }
}

/// Makes the name within the namespace from the caller's key; see [`CacheBuilder::key_builder`](crate::CacheBuilder::key_builder).
pub(crate) type KeyBuilder = dyn Fn(&str) -> String + Send + Sync;

/// A short key, which is joined on the stack when somebody wants the whole of it.
pub(crate) struct Parts<'a> {
    /// The namespace and its separator.
    prefix: &'a str,
    name: &'a str,
    ends: Ends,
    full: OnceLock<ArrayString<SHORT>>,
}

/// The most bytes that are joined on the stack.
const SHORT: usize = 128;

impl<'a> Key<'a> {
    /// The key `full`. Its first `namespace_len` bytes are the namespace, and the next `separator_len` bytes the separator. It has no
    /// namespace if `namespace_len` is zero, or `full` can't be cut at these places.
    #[must_use]
    pub fn new(full: &'a str, namespace_len: usize, separator_len: usize) -> Self {
        let ends = Ends::new(namespace_len, separator_len);
        let fits = full.is_char_boundary(ends.namespace()) && full.is_char_boundary(ends.separator());
        Self(Text::Whole { full, ends: if fits { ends } else { Ends::default() } })
    }

    /// A key without a namespace.
    #[inline]
    #[must_use]
    pub const fn plain(full: &'a str) -> Self {
        Self(Text::Whole { full, ends: Ends { namespace: 0, separator: 0 } })
    }

    /// The whole key, as it is stored.
    #[inline]
    #[must_use]
    pub fn full(self) -> &'a str {
        match self.0 {
            Text::Whole { full, .. } => full,
            Text::Parts(parts) => parts.full(),
        }
    }

    /// The namespace; empty if the key has none.
    #[must_use]
    pub fn namespace(self) -> &'a str {
        match self.0 {
            Text::Whole { full, ends } => &full[..ends.namespace()],
            Text::Parts(parts) => &parts.prefix[..parts.ends.namespace()],
        }
    }

    /// The key within its namespace.
    #[must_use]
    pub fn name(self) -> &'a str {
        match self.0 {
            Text::Whole { full, ends } => &full[ends.separator()..],
            Text::Parts(parts) => parts.name,
        }
    }

    /// The same key, to keep: for a wrapper whose answer has to wait.
    ///
    /// ```
    /// use polycache::backend::{Key, OwnedKey};
    ///
    /// let key: OwnedKey = Key::new("users:7", 5, 1).into_owned();
    /// assert_eq!(key.key(), Key::new("users:7", 5, 1));
    /// ```
    #[must_use]
    pub fn into_owned(self) -> OwnedKey {
        self.with_text(CompactString::new(self.full()))
    }

    /// What together is the full key: the pieces of one that isn't joined yet, or nothing and the whole.
    #[inline]
    pub(crate) const fn pieces(self) -> (&'a str, &'a str) {
        match self.0 {
            Text::Whole { full, .. } => ("", full),
            Text::Parts(parts) => (parts.prefix, parts.name),
        }
    }

    /// A key with the same namespace; `full` begins as this key does.
    pub(crate) fn with_text(self, full: CompactString) -> OwnedKey {
        OwnedKey { full, ends: self.ends() }
    }

    /// The two pieces of a key that isn't joined yet.
    #[cfg(feature = "memory")]
    #[inline]
    pub(crate) fn parts(self) -> Option<(&'a str, &'a str)> {
        match self.0 {
            Text::Whole { .. } => None,
            Text::Parts(parts) => Some((parts.prefix, parts.name)),
        }
    }

    const fn ends(self) -> Ends {
        match self.0 {
            Text::Whole { ends, .. } => ends,
            Text::Parts(parts) => parts.ends,
        }
    }
}

impl<'a> Parts<'a> {
    /// Whether a key with a namespace is short enough.
    #[inline]
    pub(crate) fn fit(prefix: &Prefix, name: &str) -> bool {
        !prefix.is_empty() && prefix.as_str().len() + name.len() <= SHORT
    }

    /// The parts of a key that [fits](Self::fit).
    #[inline]
    pub(crate) fn new(prefix: &'a Prefix, name: &'a str) -> Self {
        Self { prefix: prefix.as_str(), name, ends: prefix.ends, full: OnceLock::new() }
    }

    #[inline]
    pub(crate) const fn key(&'a self) -> Key<'a> {
        Key(Text::Parts(self))
    }

    fn full(&self) -> &str {
        self.full.get_or_init(|| {
            let mut full = ArrayString::new();
            full.push_str(self.prefix);
            full.push_str(self.name);
            full
        })
    }
}

impl PartialEq for Key<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.full() == other.full() && self.ends() == other.ends()
    }
}

impl Eq for Key<'_> {}

impl Hash for Key<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.full().hash(state);
        self.ends().hash(state);
    }
}

impl fmt::Debug for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({:?})", self.full())
    }
}

/// A [`Key`] to keep.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OwnedKey {
    full: CompactString,
    ends: Ends,
}

impl OwnedKey {
    /// The key of `name` behind a prefix.
    pub(crate) fn join(prefix: &Prefix, name: &str) -> Self {
        let mut full = CompactString::with_capacity(prefix.as_str().len() + name.len());
        full.push_str(prefix.as_str());
        full.push_str(name);
        Self { full, ends: prefix.ends }
    }

    /// The key, borrowed.
    #[must_use]
    pub fn key(&self) -> Key<'_> {
        Key(Text::Whole { full: &self.full, ends: self.ends })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joins_short_and_long_names() {
        for separator in [":", "", "::"] {
            for name in ["", "k", "a:b", &"é".repeat(200)] {
                for namespace in ["n", "a:b", &"n".repeat(127), &"n".repeat(300)] {
                    let prefix = Prefix::new(namespace, separator);
                    let kept = OwnedKey::join(&prefix, name);
                    let mut keys = vec![kept.key()];
                    let parts = Parts::new(&prefix, name);
                    if Parts::fit(&prefix, name) {
                        keys.push(parts.key());
                    }
                    for key in keys {
                        assert_eq!((key.namespace(), key.name()), (namespace, name));
                        assert_eq!(key.full(), format!("{namespace}{separator}{name}"));
                        assert_eq!(kept, key.into_owned());
                    }
                }
                let plain = OwnedKey::join(&Prefix::new("", separator), name);
                assert_eq!(plain.key(), Key::plain(name));
            }
        }
    }

    #[test]
    fn lengths_that_do_not_fit_are_none() {
        for (namespace, separator) in [(0, 1), (1, 9), (9, 0), (1, 0), (1, usize::MAX), (usize::MAX, 0)] {
            assert_eq!(Key::new("é:b", namespace, separator), Key::plain("é:b"));
        }
        assert_eq!(Key::new("é:b", 2, 1).name(), "b");
    }
}
