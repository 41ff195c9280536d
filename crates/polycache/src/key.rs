//! Keys as backends see them.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::OnceLock;

use arrayvec::ArrayString;
use compact_str::CompactString;

/// Separates a namespace from what is in it.
pub(crate) const SEPARATOR: char = ':';

/// A full key, `namespace:name`, that remembers where its namespace ends.
///
/// ```
/// use polycache::backend::Key;
///
/// let key = Key::new("users:7", 5);
/// assert_eq!((key.full(), key.namespace(), key.name()), ("users:7", "users", "7"));
/// assert_eq!(Key::new("7", 0).name(), "7");
/// ```
#[derive(Clone, Copy)]
pub struct Key<'a>(Text<'a>);

#[derive(Clone, Copy)]
enum Text<'a> {
    Whole { full: &'a str, namespace_len: usize },
    Parts(&'a Parts<'a>),
}

/// A short key, which is joined on the stack once somebody wants the whole of it.
pub(crate) struct Parts<'a> {
    /// The namespace and its separator.
    prefix: &'a str,
    name: &'a str,
    full: OnceLock<ArrayString<SHORT>>,
}

/// The most bytes that are joined on the stack.
const SHORT: usize = 128;

impl<'a> Key<'a> {
    /// The key `full`, of whose bytes the first `namespace_len` are the namespace, followed by a `:`. Zero: it is in no
    /// namespace. A length that no `:` follows counts as zero.
    #[inline]
    #[must_use]
    pub fn new(full: &'a str, namespace_len: usize) -> Self {
        let follows = full.as_bytes().get(namespace_len) == Some(&(SEPARATOR as u8));
        Self(Text::Whole { full, namespace_len: if follows { namespace_len } else { 0 } })
    }

    /// A key in no namespace.
    #[inline]
    pub(crate) const fn plain(full: &'a str) -> Self {
        Self(Text::Whole { full, namespace_len: 0 })
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

    /// The namespace; empty where the key is in none.
    #[must_use]
    pub fn namespace(self) -> &'a str {
        match self.0 {
            Text::Whole { full, namespace_len } => &full[..namespace_len],
            Text::Parts(parts) => &parts.prefix[..parts.prefix.len() - 1],
        }
    }

    /// The key within its namespace.
    #[must_use]
    pub fn name(self) -> &'a str {
        match self.0 {
            Text::Whole { full, namespace_len: 0 } => full,
            Text::Whole { full, namespace_len } => &full[namespace_len + 1..],
            Text::Parts(parts) => parts.name,
        }
    }

    /// Two pieces that follow each other, where it isn't joined yet.
    #[inline]
    pub(crate) fn parts(self) -> Option<(&'a str, &'a str)> {
        match self.0 {
            Text::Whole { .. } => None,
            Text::Parts(parts) => Some((parts.prefix, parts.name)),
        }
    }

    fn namespace_len(self) -> usize {
        self.namespace().len()
    }
}

impl<'a> Parts<'a> {
    /// Whether a key has a prefix and is short enough.
    #[inline]
    pub(crate) const fn fit(prefix: &str, name: &str) -> bool {
        !prefix.is_empty() && prefix.len() + name.len() <= SHORT
    }

    /// The parts of a key that [fits](Self::fit); its prefix ends with the separator.
    #[inline]
    pub(crate) const fn new(prefix: &'a str, name: &'a str) -> Self {
        Self { prefix, name, full: OnceLock::new() }
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
        self.full() == other.full() && self.namespace_len() == other.namespace_len()
    }
}

impl Eq for Key<'_> {}

impl Hash for Key<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.full().hash(state);
        self.namespace_len().hash(state);
    }
}

impl fmt::Debug for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({:?})", self.full())
    }
}

/// A namespace with its separator behind it, or nothing.
pub(crate) fn prefix_of(namespace: &str) -> CompactString {
    let mut prefix = CompactString::new(namespace);
    if !namespace.is_empty() {
        prefix.push(SEPARATOR);
    }
    prefix
}

/// Whether a full key is in `namespace` or one nested in it; the empty one has them all.
pub(crate) fn is_in(namespace: &str, full: &str) -> bool {
    namespace.is_empty() || full.strip_prefix(namespace).is_some_and(|rest| rest.starts_with(SEPARATOR))
}

/// A full key that is kept: one of many that a command is about.
#[derive(Debug, Clone)]
pub(crate) struct FullKey {
    text: CompactString,
    namespace_len: usize,
}

impl FullKey {
    /// The key of `name` behind a prefix, which is empty or ends with the separator.
    pub(crate) fn join(prefix: &str, name: &str) -> Self {
        let mut text = CompactString::with_capacity(prefix.len() + name.len());
        text.push_str(prefix);
        text.push_str(name);
        Self { text, namespace_len: prefix.len().saturating_sub(1) }
    }

    pub(crate) fn key(&self) -> Key<'_> {
        Key(Text::Whole { full: &self.text, namespace_len: self.namespace_len })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joins_short_and_long_names() {
        for name in ["", "k", "a:b", &"é".repeat(200)] {
            for namespace in ["n", "a:b", &"n".repeat(127), &"n".repeat(300)] {
                let prefix = prefix_of(namespace);
                let kept = FullKey::join(&prefix, name);
                let mut keys = vec![kept.key()];
                let parts = Parts::new(&prefix, name);
                if Parts::fit(&prefix, name) {
                    keys.push(parts.key());
                }
                for key in keys {
                    assert_eq!((key.namespace(), key.name()), (namespace, name));
                    assert_eq!(key.full(), format!("{namespace}:{name}"));
                    assert_eq!(kept.key(), key);
                }
            }
            assert_eq!(FullKey::join("", name).key(), Key::new(name, 0));
        }
    }

    #[test]
    fn a_namespace_length_without_separator_is_none() {
        for wrong in [2, 4, 99] {
            assert_eq!(Key::new("abc", wrong).namespace(), "");
        }
        assert_eq!(Key::new(":k", 0).name(), ":k");
    }
}
