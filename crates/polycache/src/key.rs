//! Keys as backends see them.

use std::fmt;

use arrayvec::ArrayString;

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

/// A full key on its way to the backend: borrowed where it can be, on the stack where it is short.
#[derive(Debug)]
pub(crate) struct FullKey<'a> {
    text: Text<'a>,
    namespace_len: usize,
}

#[derive(Debug)]
enum Text<'a> {
    Borrowed(&'a str),
    Short(ArrayString<SHORT>),
    Long(String),
}

/// Keys up to this many bytes, namespace included, are joined without allocating.
const SHORT: usize = 120;

impl<'a> FullKey<'a> {
    /// `namespace:name`, or the name alone where the namespace is empty.
    #[inline]
    pub(crate) fn join(namespace: &str, name: &'a str) -> Self {
        if namespace.is_empty() {
            return Self { text: Text::Borrowed(name), namespace_len: 0 };
        }
        Self { text: Self::joined(namespace, name), namespace_len: namespace.len() }
    }

    /// The same for a name that was made for the occasion.
    pub(crate) fn join_owned(namespace: &str, name: String) -> Self {
        let text = if namespace.is_empty() { Text::Long(name) } else { Self::joined(namespace, &name) };
        Self { text, namespace_len: namespace.len() }
    }

    #[inline]
    fn joined(namespace: &str, name: &str) -> Text<'a> {
        if namespace.len() + 1 + name.len() <= SHORT {
            let mut short = ArrayString::new();
            short.push_str(namespace);
            short.push(SEPARATOR);
            short.push_str(name);
            Text::Short(short)
        } else {
            Text::Long([namespace, ":", name].concat())
        }
    }

    #[inline]
    pub(crate) fn key(&self) -> Key<'_> {
        let full = match &self.text {
            Text::Borrowed(text) => text,
            Text::Short(text) => text.as_str(),
            Text::Long(text) => text.as_str(),
        };
        Key { full, namespace_len: self.namespace_len }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joins_short_and_long_names() {
        for name in ["", "k", "a:b", &"é".repeat(200)] {
            for namespace in ["n", "a:b", &"n".repeat(119), &"n".repeat(300)] {
                let full = FullKey::join(namespace, name);
                let key = full.key();
                assert_eq!(key.full(), format!("{namespace}:{name}"));
                assert_eq!((key.namespace(), key.name()), (namespace, name));
                assert_eq!(FullKey::join_owned(namespace, name.to_owned()).key(), key);
            }
            assert_eq!(FullKey::join("", name).key(), Key::new(name, 0));
            assert_eq!(FullKey::join_owned("", name.to_owned()).key().full(), name);
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
