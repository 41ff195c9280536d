//! Keys in two pieces that follow each other.
//!
//! The pieces are hashed and compared without being copied together: a processor that reads sixteen bytes which it has just written in
//! smaller pieces waits for them, for longer than the rest of a look-up takes. Each way to hold the pieces is a type of its own, so that
//! the look-up of a usual key has no code for others.

use foldhash::fast::RandomState;

use crate::key::{USUAL, finish, front, hash_pieces};

/// What a look-up asks of a key.
pub(crate) trait Probe {
    /// The hash of the whole key.
    fn hash(&self, state: &RandomState) -> u64;

    /// Whether the whole key equals this one.
    fn is(&self, key: &[u8]) -> bool;
}

/// A key of a usual length: its first and its last sixteen bytes cover all of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usual {
    ends: [u128; 2],
    len: usize,
}

impl Usual {
    /// `None` where the key is shorter or longer, or has a prefix of more than sixteen bytes.
    #[inline]
    pub(crate) fn new(prefix: &[u8], name: &[u8]) -> Option<Self> {
        let len = prefix.len() + name.len();
        (USUAL.contains(&len) && prefix.len() <= 16).then(|| Self { ends: ends_of_two(prefix, name), len })
    }
}

impl Probe for Usual {
    #[inline]
    fn hash(&self, state: &RandomState) -> u64 {
        finish(state, self.ends.into_iter(), self.len)
    }

    #[inline]
    fn is(&self, key: &[u8]) -> bool {
        match (key.first_chunk(), key.last_chunk()) {
            (Some(first), Some(last)) if key.len() == self.len => {
                self.ends == [u128::from_le_bytes(*first), u128::from_le_bytes(*last)]
            }
            _ => false,
        }
    }
}

/// A longer key, as most longer keys are: three times sixteen bytes cover all of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Long {
    first: u128,
    second: u128,
    last: u128,
    len: usize,
}

impl Long {
    #[inline]
    pub(crate) fn new(prefix: &[u8], name: &[u8]) -> Option<Self> {
        let len = prefix.len() + name.len();
        if !(33..=48).contains(&len) {
            return None;
        }
        let Some(last) = name.last_chunk() else {
            let piece = |at| piece(prefix, name, at);
            return Some(Self { first: piece(0), second: piece(16), last: piece(len - 16), len });
        };
        let last = u128::from_le_bytes(*last);
        let (first, second) = match (prefix.first_chunk(), prefix.last_chunk()) {
            // The rest of the prefix behind its first sixteen bytes, and then the name.
            (Some(first), Some(end)) => {
                let beyond = 8 * (prefix.len() as u32 - 16);
                let end = u128::from_le_bytes(*end).checked_shr(128 - beyond).unwrap_or(0);
                (u128::from_le_bytes(*first), end | front(name).checked_shl(beyond).unwrap_or(0))
            }
            _ => (front(prefix) | front(name) << (8 * prefix.len() as u32), front(&name[16 - prefix.len()..])),
        };
        Some(Self { first, second, last, len })
    }
}

impl Probe for Long {
    #[inline]
    fn hash(&self, state: &RandomState) -> u64 {
        finish(state, [self.first, self.second, self.last].into_iter(), self.len)
    }

    #[inline]
    fn is(&self, key: &[u8]) -> bool {
        // One after another: three at once would be compared by a call.
        key.len() == self.len
            && self.first == front(key)
            && self.second == front(&key[16..])
            && self.last == front(&key[self.len - 16..])
    }
}

/// Any key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pieces<'a> {
    pub(crate) prefix: &'a [u8],
    pub(crate) name: &'a [u8],
}

impl Probe for Pieces<'_> {
    fn hash(&self, state: &RandomState) -> u64 {
        let (len, piece) = (self.prefix.len() + self.name.len(), |at| piece(self.prefix, self.name, at));
        if USUAL.contains(&len) {
            return finish(state, [piece(0), piece(len - 16)].into_iter(), len);
        }
        hash_pieces(state, len, piece)
    }

    fn is(&self, key: &[u8]) -> bool {
        key.len() == self.prefix.len() + self.name.len() && key.starts_with(self.prefix) && key.ends_with(self.name)
    }
}

/// The sixteen bytes from `at` on, followed by zeros where the key ends before.
#[inline]
fn piece(prefix: &[u8], name: &[u8], at: usize) -> u128 {
    let Some(of_prefix) = prefix.len().checked_sub(at).filter(|&count| count > 0) else {
        return front(&name[at - prefix.len()..]);
    };
    if of_prefix >= 16 {
        return front(&prefix[at..]);
    }
    // The prefix ends within these sixteen bytes, and the name follows.
    front(&prefix[at..]) | front(name) << (8 * of_prefix as u32)
}

/// The first and the last sixteen bytes of a key of usual length whose prefix has sixteen bytes at the most.
#[inline]
fn ends_of_two(prefix: &[u8], name: &[u8]) -> [u128; 2] {
    let (prefix_bits, front_of_name) = (8 * prefix.len() as u32, front(name));
    let prefix = front(prefix);
    let behind = |bits: u32| front_of_name.checked_shl(bits).unwrap_or(0);
    let first = prefix | behind(prefix_bits);
    let last = match name.last_chunk::<16>() {
        Some(last) => u128::from_le_bytes(*last),
        None => {
            // The bits of the prefix that lie before the last sixteen bytes.
            let before = prefix_bits - 8 * (16 - name.len() as u32);
            prefix.checked_shr(before).unwrap_or(0) | behind(prefix_bits - before)
        }
    };
    [first, last]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key;

    #[test]
    fn a_key_in_two_pieces_is_the_whole_key() {
        let state = RandomState::default();
        let whole: Vec<u8> = (1..=70).collect();
        for len in 0..=whole.len() {
            let key = &whole[..len];
            for at in 0..=len {
                let (prefix, name) = key.split_at(at);
                is_the_whole(&Pieces { prefix, name }, key, &state);
                let usual = Usual::new(prefix, name);
                assert_eq!(usual.is_some(), (16..=32).contains(&len) && at <= 16);
                usual.iter().for_each(|usual| is_the_whole(usual, key, &state));
                let long = Long::new(prefix, name);
                assert_eq!(long.is_some(), (33..=48).contains(&len));
                long.iter().for_each(|long| is_the_whole(long, key, &state));
            }
        }
    }

    fn is_the_whole(probe: &impl Probe, whole: &[u8], state: &RandomState) {
        assert_eq!(probe.hash(state), key::hash(state, whole), "{} bytes", whole.len());
        assert!(probe.is(whole));
        for changed in 0..whole.len() {
            let mut other = whole.to_vec();
            other[changed] ^= 0x80;
            assert!(!probe.is(&other) && probe.hash(state) != key::hash(state, &other));
        }
        let (shorter, longer) = (&whole[..whole.len().saturating_sub(1)], [whole, b"x"].concat());
        assert!(!probe.is(&longer) && (whole.is_empty() || !probe.is(shorter)));
    }
}
