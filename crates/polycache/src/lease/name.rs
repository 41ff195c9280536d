//! The keys of leases.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::backend::Key;
use crate::key::{FullKey, SEPARATOR};
use crate::slot::{SLOTS, hashed_part, slot};

/// What a lease is about; leases on one key for different purposes are apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To compute the key's value.
    Compute,
    /// A lock.
    Lock,
    /// Not a lease, but the trace of those who wait for a lock.
    Wait,
}

impl Purpose {
    pub(crate) const ALL: [Self; 3] = [Self::Compute, Self::Lock, Self::Wait];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Compute => "lease",
            Self::Lock => "lock",
            Self::Wait => "wait",
        }
    }
}

/// Begins the name of every key that is the library's own, beside its user's. No user's key is likely to begin so.
const OWN: char = '\u{1}';

impl Key<'_> {
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
        lease_key(self, Purpose::Compute).key().full().to_owned()
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

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
}
