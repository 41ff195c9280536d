//! The keys of leases: the key that the lease is on, and a suffix.
//!
//! A prefix that covers a key covers its lease, too: so a `clear` of any namespace takes the leases along, with any separator. And a
//! lease is in its key's slot of a Redis Cluster, so that one script can use both.

use crate::key::{Key, OwnedKey};
use crate::slot::{are_letters, hash_tag, letters, slot_of_hashed};

/// The purpose of a lease; one key has separate leases for separate purposes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To compute the key's value.
    Compute,
    /// A lock.
    Lock,
    /// Not a lease, but the trace of those who wait for a lock.
    Wait,
    /// Not a lease, but the generation of a tag.
    Tag,
    /// Not a lease, but the generation that every clear of a tag in the namespace ends.
    Tags,
}

impl Purpose {
    const ALL: [Self; 5] = [Self::Compute, Self::Lock, Self::Wait, Self::Tag, Self::Tags];

    const fn name(self) -> &'static str {
        match self {
            Self::Compute => "lease",
            Self::Lock => "lock",
            Self::Wait => "wait",
            Self::Tag => "tag",
            Self::Tags => "tags",
        }
    }
}

/// The beginning of the suffix. A user's key is unlikely to have this character.
const OWN: char = '\u{1}';

/// The same as a byte.
const MARK: u8 = OWN as u8;

/// The most bytes of a suffix.
const SUFFIX: usize = "\u{1}lease{@@@@}".len();

impl Key<'_> {
    /// The key of the lease to compute this key's value. It begins with this key, and a backend's [writes that end leases] end it.
    ///
    /// [writes that end leases]: crate::backend::Backend::ending_leases
    ///
    /// ```
    /// use polycache::backend::Key;
    ///
    /// let lease = Key::new("users:7", 5, 1).lease();
    /// assert!(lease.starts_with("users:7\u{1}"));
    /// assert_eq!(lease, Key::plain("users:7").lease(), "wherever its namespace ends");
    /// ```
    #[must_use]
    pub fn lease(self) -> String {
        lease_text(self.full(), Purpose::Compute)
    }
}

/// The key of a lease on `key`, in the same namespace.
pub(crate) fn lease_key(key: Key<'_>, purpose: Purpose) -> OwnedKey {
    key.with_text(lease_text(key.full(), purpose).into())
}

/// The key of the generation of a tag, given in full, in the namespace of `key`.
pub(crate) fn tag_key(key: Key<'_>, tag: &str, purpose: Purpose) -> OwnedKey {
    key.with_text([tag, "\u{1}", purpose.name()].concat().into())
}

fn lease_text(full: &str, purpose: Purpose) -> String {
    let mut text = String::with_capacity(full.len() + SUFFIX);
    text.push_str(full);
    text.push(OWN);
    text.push_str(purpose.name());
    let open = full.find('{');
    // A hash tag of the key is the lease's too.
    if open.is_none() || hash_tag(full.as_bytes()).is_none() {
        add_letters(&mut text, full, open);
    }
    text
}

/// Adds letters that put the lease into the slot of `full`, a key without a hash tag whose first `{` is at `open`.
fn add_letters(text: &mut String, full: &str, open: Option<usize>) {
    let slot = slot_of_hashed(full.as_bytes());
    let push = |text: &mut String, hashed_from: usize| {
        let letters = letters(&text.as_bytes()[hashed_from..], slot);
        text.extend(letters.map(char::from));
    };
    // `{}` is an empty tag: Redis then hashes the whole lease, as it does the whole key.
    if open.is_some_and(|open| full[open + 1..].starts_with('}')) {
        return push(text, 0);
    }
    text.push('{');
    // An open `{` in the key begins the tag already.
    push(text, open.map_or(text.len(), |open| open + 1));
    text.push('}');
}

/// The key that the lease `text` is on, and its purpose. Both are full keys, or both without their namespace.
fn parse(text: &str) -> Option<(&str, Purpose)> {
    // The character is near the end, or this is no lease. Most keys aren't, so only their end is looked at.
    let near = text.len().saturating_sub(SUFFIX);
    let at = near + text.as_bytes()[near..].iter().rposition(|&byte| char::from(byte) == OWN)?;
    let (key, suffix) = (&text[..at], &text[at + OWN.len_utf8()..]);
    let is_of = |purpose: &Purpose| {
        let rest = suffix.strip_prefix(purpose.name())?;
        let tag = rest.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        (rest.is_empty() || are_letters(tag.unwrap_or(rest))).then_some((key, *purpose))
    };
    Purpose::ALL.iter().find_map(is_of)
}

/// The full key whose value this lease, a full key too, is to compute.
#[cfg(any(feature = "memcached", feature = "memory", test))]
pub(crate) fn leased(lease: &str) -> Option<&str> {
    parse(lease).filter(|(_, purpose)| *purpose == Purpose::Compute).map(|(key, _)| key)
}

/// Whether a key, full or without its namespace, is that of a tag's generation.
#[cfg(any(feature = "memcached", feature = "memory"))]
pub(crate) fn is_tag(text: &str) -> bool {
    parse(text).is_some_and(|(_, purpose)| matches!(purpose, Purpose::Tag | Purpose::Tags))
}

/// Whether a key, full or without its namespace, is that of one tag's generation.
pub(crate) fn is_of_one_tag(text: &str) -> bool {
    parse(text).is_some_and(|(_, purpose)| purpose == Purpose::Tag)
}

/// Whether a key, full or without its namespace, is that of the generation that every clear of a tag ends.
pub(crate) fn is_of_all_tags(text: &str) -> bool {
    parse(text).is_some_and(|(_, purpose)| purpose == Purpose::Tags)
}

/// Whether this key, full or without its namespace, is that of a lease, or of another entry of the library's own.
pub(crate) fn is_lease(text: &str) -> bool {
    parse(text).is_some()
}

/// The same of a key that a user names: who could write there could end leases, free locks, and bring back what the clear of a tag has
/// hidden.
#[inline]
pub(crate) fn is_own(key: Key<'_>) -> bool {
    let (before, name) = key.pieces();
    ends_as_own(before, name)
}

/// Whether these two, joined, are a key of the library's own.
#[inline]
pub(crate) fn ends_as_own(before: &str, name: &str) -> bool {
    // Most keys are told by their last character.
    matches!(name.as_bytes().last(), None | Some(b'e' | b'k' | b't' | b'g' | b's' | b'}' | b'@'..=b'O'))
        && ends_marked_as_own(before, name)
}

#[inline(never)]
fn ends_marked_as_own(before: &str, name: &str) -> bool {
    let is_marked = match name.as_bytes().last_chunk::<SUFFIX>() {
        // All of them, without branches.
        Some(end) => end.iter().fold(false, |found, &byte| found | (byte == MARK)),
        None => ends_marked(name, SUFFIX) || ends_marked(before, SUFFIX - name.len()),
    };
    is_marked && is_lease(&[before, name].concat())
}

fn ends_marked(text: &str, within: usize) -> bool {
    text.as_bytes()[text.len().saturating_sub(within)..].contains(&MARK)
}

/// What users are told of a key: a key of theirs as it is, and a tag's generation as the tag; `None` for a lease and the like, which they
/// know nothing of.
pub(crate) fn told(text: &str) -> Option<String> {
    match parse(text) {
        None => Some(text.to_owned()),
        Some((tag, Purpose::Tag)) => Some(format!("the tag {tag}")),
        Some(_) => None,
    }
}

/// Whether a key, in full or without its namespace, is that of a lock or of a lock's waiters.
#[cfg(feature = "memory")]
pub(crate) fn is_lock(text: &str) -> bool {
    parse(text).is_some_and(|(_, purpose)| matches!(purpose, Purpose::Lock | Purpose::Wait))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{Parts, Prefix};
    use crate::slot::slot;

    #[test]
    fn a_lease_is_its_key_and_a_suffix() {
        for (full, expected) in [
            ("k", "k\u{1}lock{ALMO}"),
            ("a:b:k", "a:b:k\u{1}lock{ALMO}"),
            ("a:{b}:k", "a:{b}:k\u{1}lock"),
            ("a{b:k", "a{b:k\u{1}lock{ALMO}"),
            ("a{}k", "a{}k\u{1}lockALMO"),
        ] {
            let same_but_letters = |lease: &str| lease.replace(|c: char| ('@'..='O').contains(&c), "x");
            for namespace_len in 0..full.len() {
                let lease = lease_key(Key::new(full, namespace_len, 1), Purpose::Lock);
                assert_eq!(same_but_letters(lease.key().full()), same_but_letters(expected));
                assert!(is_lease(lease.key().full()) && is_lease(lease.key().name()) && !is_lease(full));
            }
        }
    }

    /// However the key is cut into pieces.
    #[test]
    fn keys_of_the_librarys_own_are_told_from_others() {
        for purpose in Purpose::ALL {
            for base in ["", "k", "a{}k", "a:{b}:k", "é"] {
                let own = [lease_text(base, purpose), [base, "\u{1}", purpose.name()].concat()];
                for full in own {
                    assert!(is_own(Key::plain(&full)), "{full:?}");
                    for (at, _) in full.char_indices() {
                        let prefix = Prefix::new(&full[..at], "");
                        if Parts::fit(&prefix, &full[at..]) {
                            assert!(is_own(Parts::new(&prefix, &full[at..]).key()), "{full:?} at {at}");
                        }
                    }
                    assert!(!is_own(Key::plain(&format!("{full}x"))), "{full:?}");
                }
            }
        }
        for other in ["", "k", "lease", "lock", "\u{1}", "k\u{1}", "k\u{1}tagged", "k\u{1}lease{@@@}", "\u{1}lock\u{2}"]
        {
            assert!(!is_own(Key::plain(other)), "{other:?}");
        }
    }

    /// Braces of any sort, anywhere in a key.
    #[test]
    fn leases_are_in_their_keys_slot() {
        let parts = ["", "{", "}", "{}", "{t}:", "}{", ":", "a{b", "é"];
        for full in parts.iter().flat_map(|one| parts.map(|two| [one, two].concat())).chain(["n:a}b".to_owned()]) {
            let lease = Key::plain(&full).lease();
            assert_eq!(slot(lease.as_bytes()), slot(full.as_bytes()), "{full:?}: {lease:?}");
            assert_eq!(leased(&lease), Some(&*full));
        }
        let lock = lease_key(Key::plain("k"), Purpose::Lock);
        assert_eq!(leased(lock.key().full()), None);
        for other in ["k\u{1}", "k\u{1}lease of life", "k\u{1}lease{@@@}", "lease{@@@@}"] {
            assert!(!is_lease(other), "{other:?}");
        }
    }
}
