//! Keys as backends see them.

use std::fmt;

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
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key<'a> {
    full: &'a str,
    namespace_len: usize,
}

impl<'a> Key<'a> {
    /// The key `full`, of whose bytes the first `namespace_len` are the namespace, followed by a `:`. Zero: it is in no
    /// namespace. A length that no `:` follows counts as zero.
    #[inline]
    #[must_use]
    pub fn new(full: &'a str, namespace_len: usize) -> Self {
        let follows = full.as_bytes().get(namespace_len) == Some(&(SEPARATOR as u8));
        Self { full, namespace_len: if follows { namespace_len } else { 0 } }
    }

    /// A key in no namespace.
    #[inline]
    pub(crate) const fn plain(full: &'a str) -> Self {
        Self { full, namespace_len: 0 }
    }

    /// The whole key, as it is stored.
    #[inline]
    #[must_use]
    pub fn full(self) -> &'a str {
        self.full
    }

    /// The namespace; empty where the key is in none.
    #[must_use]
    pub fn namespace(self) -> &'a str {
        &self.full[..self.namespace_len]
    }

    /// The key within its namespace.
    #[must_use]
    pub fn name(self) -> &'a str {
        if self.namespace_len == 0 { self.full } else { &self.full[self.namespace_len + 1..] }
    }
}

impl fmt::Debug for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({:?})", self.full)
    }
}

/// Keys up to this many bytes, namespace included, are joined on the stack.
const SHORT: usize = 128;

/// Hands the full key of `name` in `namespace` to `operation`. A short one is joined where it stays, on the stack.
#[inline]
pub(crate) fn with_full_key<R>(namespace: &str, name: &str, operation: impl FnOnce(Key<'_>) -> R) -> R {
    if namespace.is_empty() {
        return operation(Key::plain(name));
    }
    let namespace_len = namespace.len();
    if namespace_len + 1 + name.len() > SHORT {
        return operation(Key { full: &long(namespace, name), namespace_len });
    }
    let mut short = ArrayString::<SHORT>::new();
    short.push_str(namespace);
    short.push(SEPARATOR);
    short.push_str(name);
    operation(Key { full: &short, namespace_len })
}

#[cold]
fn long(namespace: &str, name: &str) -> String {
    [namespace, ":", name].concat()
}

/// Whether a full key is in `namespace` or one nested in it; the empty one has them all.
pub(crate) fn is_in(namespace: &str, full: &str) -> bool {
    namespace.is_empty() || full.strip_prefix(namespace).is_some_and(|rest| rest.starts_with(SEPARATOR))
}

/// A full key that is kept: one of many that a command is about.
#[derive(Debug)]
pub(crate) struct FullKey {
    text: CompactString,
    namespace_len: usize,
}

impl FullKey {
    pub(crate) fn join(namespace: &str, name: &str) -> Self {
        with_full_key(namespace, name, |key| Self {
            text: CompactString::new(key.full),
            namespace_len: key.namespace_len,
        })
    }

    pub(crate) fn key(&self) -> Key<'_> {
        Key { full: &self.text, namespace_len: self.namespace_len }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joins_short_and_long_names() {
        for name in ["", "k", "a:b", &"é".repeat(200)] {
            for namespace in ["n", "a:b", &"n".repeat(127), &"n".repeat(300)] {
                let kept = FullKey::join(namespace, name);
                with_full_key(namespace, name, |key| {
                    assert_eq!(key.full(), format!("{namespace}:{name}"));
                    assert_eq!((key.namespace(), key.name()), (namespace, name));
                    assert_eq!(kept.key(), key);
                });
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
