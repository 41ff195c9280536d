//! Keys as backends see them.

use std::collections::HashMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{LazyLock, OnceLock};

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

    /// The key of the lease to compute this key's value, which a backend's [writes that end leases] end.
    ///
    /// [writes that end leases]: crate::backend::Backend::ending_leases
    ///
    /// ```
    /// use polycache::backend::Key;
    ///
    /// let lease = Key::new("users:7", 5).lease();
    /// assert_eq!(lease, Key::new("users:7", 0).lease(), "wherever its namespace ends");
    /// assert_ne!(lease, Key::new("users:8", 5).lease());
    /// ```
    #[must_use]
    pub fn lease(self) -> String {
        lease_key(self, Purpose::Compute).text.into_string()
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

/// Begins the name of every key that is the library's own, beside its user's. No user's key is likely to begin so.
const OWN: char = '\u{1}';

/// The key of a lease on `key`, which is the same however the key is split into namespace and name. In the innermost of its namespaces,
/// so that a `clear` of any takes it along, and in the same slot of a Redis Cluster, so that a script can have both: what decides on the
/// slot stands in the first braces.
pub(crate) fn lease_key(key: Key<'_>, purpose: Purpose) -> FullKey {
    let (full, purpose) = (key.full(), purpose.name());
    let (prefix, name) = full.split_at(full.rfind(SEPARATOR).map_or(0, |at| at + SEPARATOR.len_utf8()));
    let lease = |tag: &str| FullKey::join(prefix, &format!("{OWN}{purpose}{{{tag}}}{name}"));
    let hashed = hashed_part(full.as_bytes());
    let simple = lease(std::str::from_utf8(hashed).unwrap_or(full));
    // A tag can't hold a brace that closes it, nor be one behind a brace that stands open in the namespace.
    let is_tag = hashed_part(simple.key().full().as_bytes()) == hashed;
    if is_tag { simple } else { in_slot_of(full, prefix, lease).unwrap_or(simple) }
}

/// The first of the keys that numbers make which is in the same slot as `full`: one in 16,384 is, and everybody finds the same.
#[cold]
fn in_slot_of(full: &str, prefix: &str, make: impl Fn(&str) -> FullKey) -> Option<FullKey> {
    /// For each slot the first number that is in it.
    static NUMBERS: LazyLock<HashMap<u16, String>> = LazyLock::new(|| {
        let mut numbers = HashMap::with_capacity(SLOTS.into());
        for number in 0..MOST {
            let number = number.to_string();
            numbers.entry(slot(number.as_bytes())).or_insert(number);
            if numbers.len() == usize::from(SLOTS) {
                break;
            }
        }
        numbers
    });
    const MOST: u32 = SLOTS as u32 * 64;

    let wanted = slot(full.as_bytes());
    if !prefix.contains('{') {
        return NUMBERS.get(&wanted).map(|number| make(number));
    }
    // More than the number decides.
    let mut keys = (0..MOST).map(|number| make(&number.to_string()));
    keys.find(|key| slot(key.key().full().as_bytes()) == wanted)
}

/// The full key that this one, in full, is a lease to compute of.
#[cfg(any(feature = "memcached", test))]
pub(crate) fn leased(lease: &str) -> Option<String> {
    if !lease.contains(OWN) {
        return None;
    }
    let mark = format!("{OWN}{}{{", Purpose::Compute.name());
    lease.match_indices(&mark).find_map(|(at, _)| {
        let namespace = &lease[..at];
        let within = namespace.is_empty() || namespace.ends_with(SEPARATOR);
        let (_, name) = lease[at + mark.len()..].split_once('}').filter(|_| within)?;
        Some([namespace, name].concat())
    })
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

/// How many slots a Redis Cluster has.
pub(crate) const SLOTS: u16 = 16384;

/// The slot of a key in a Redis Cluster. Follows the "Redis cluster specification" of the Redis documentation.
pub(crate) fn slot(full: &[u8]) -> u16 {
    crc16::State::<crc16::XMODEM>::calculate(hashed_part(full)) % SLOTS
}

/// What the slot is made of: the part between the first `{` and the next `}`, if that isn't empty, else all.
fn hashed_part(full: &[u8]) -> &[u8] {
    let tag = full.iter().position(|byte| *byte == b'{').and_then(|open| {
        let rest = &full[open + 1..];
        let close = rest.iter().position(|byte| *byte == b'}').filter(|close| *close > 0)?;
        Some(&rest[..close])
    });
    tag.unwrap_or(full)
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
    fn leases_are_in_the_innermost_namespace_and_the_same_slot() {
        for (full, expected) in [
            ("k", "\u{1}lock{k}k"),
            ("a:b:k", "a:b:\u{1}lock{a:b:k}k"),
            ("a:{b}:k", "a:{b}:\u{1}lock{b}k"),
            ("a:", "a:\u{1}lock{a:}"),
            ("a{b:k", "a{b:\u{1}lock{49276}k"),
        ] {
            for namespace_len in 0..full.len() {
                let lease = lease_key(Key::new(full, namespace_len), Purpose::Lock);
                assert_eq!(lease.key().full(), expected);
                assert!(is_lease(expected) && !is_lease(full));
            }
        }
    }

    /// Whatever braces stand in a key, and wherever.
    #[test]
    fn leases_are_in_their_keys_slot() {
        let parts = ["", "{", "}", "{}", "{t}:", "}{", ":", "a{b", "é"];
        for full in parts.iter().flat_map(|one| parts.map(|two| [one, two].concat())).chain(["n:a}b".to_owned()]) {
            let lease = Key::plain(&full).lease();
            assert_eq!(slot(lease.as_bytes()), slot(full.as_bytes()), "{full:?}: {lease:?}");
            assert_eq!(leased(&lease), Some(full));
        }
        assert_eq!(leased("n:\u{1}lock{k}k"), None);
    }

    #[test]
    fn a_namespace_length_without_separator_is_none() {
        for wrong in [2, 4, 99] {
            assert_eq!(Key::new("abc", wrong).namespace(), "");
        }
        assert_eq!(Key::new(":k", 0).name(), ":k");
    }
}
