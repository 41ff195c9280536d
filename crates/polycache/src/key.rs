//! Keys as backends see them.

use std::fmt;

use arrayvec::ArrayString;
use compact_str::CompactString;

use crate::lease::Purpose;

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

/// Begins the name of every key that is the library's own, beside its user's. No user's key is likely to begin so.
const OWN: char = '\u{1}';

/// The key of a lease on `key`, which is the same however the key is split into namespace and name. In the innermost of its namespaces,
/// so that a `clear` of any takes it along, and in the same slot of a Redis Cluster, so that a script can have both: what decides on the
/// slot stands in the first braces.
pub(crate) fn lease_key(key: Key<'_>, purpose: Purpose) -> FullKey {
    let (full, hashed, purpose) = (key.full(), hashed_part(key.full()), purpose.name());
    let (namespace, name) = full.rsplit_once(SEPARATOR).unwrap_or(("", full));
    FullKey::join(namespace, &format!("{OWN}{purpose}{{{hashed}}}{name}"))
}

/// Whether a name within a namespace is that of a lease, maybe in a namespace nested in it.
pub(crate) fn is_lease(name: &str) -> bool {
    let begins = |rest: &str| {
        Purpose::ALL.iter().any(|purpose| rest.strip_prefix(purpose.name()).is_some_and(|rest| rest.starts_with('{')))
    };
    name.match_indices(OWN).any(|(at, own)| {
        let within = name[..at].is_empty() || name[..at].ends_with(SEPARATOR);
        within && begins(&name[at + own.len()..])
    })
}

/// What a Redis Cluster makes the slot of: what stands in the first braces, or else all.
fn hashed_part(full: &str) -> &str {
    let tag = full.split_once('{').and_then(|(_, rest)| rest.split_once('}'));
    match tag {
        Some((tag, _)) if !tag.is_empty() => tag,
        _ => full,
    }
}

/// A full key that is kept: one of many that a command is about.
#[derive(Debug, Clone)]
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
    fn leases_are_in_the_innermost_namespace_and_the_same_slot() {
        for (full, expected) in [
            ("k", "\u{1}lock{k}k"),
            ("a:b:k", "a:b:\u{1}lock{a:b:k}k"),
            ("a:{b}:k", "a:{b}:\u{1}lock{b}k"),
            ("a:", "a:\u{1}lock{a:}"),
            ("{}a:k", "{}a:\u{1}lock{{}a:k}k"),
        ] {
            for namespace_len in 0..full.len() {
                let lease = lease_key(Key::new(full, namespace_len), Purpose::Lock);
                assert_eq!(lease.key().full(), expected);
                assert!(is_lease(expected) && !is_lease(full));
            }
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
