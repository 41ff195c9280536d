//! Hashing and comparing keys, without a call for those of a usual length.

use std::hash::{BuildHasher, Hasher};
use std::ops::RangeInclusive;

use foldhash::fast::RandomState;

/// The hash of a key.
#[inline]
pub(crate) fn hash(state: &RandomState, key: &[u8]) -> u64 {
    match ends(key) {
        Some((first, last)) => {
            finish(state, [u128::from_le_bytes(*first), u128::from_le_bytes(*last)].into_iter(), key.len())
        }
        None => hash_unusual(state, key),
    }
}

#[inline(never)]
fn hash_unusual(state: &RandomState, key: &[u8]) -> u64 {
    hash_pieces(state, key.len(), |at| front(&key[at..]))
}

/// The hash by pieces of sixteen bytes; the last one overlaps the one before.
#[inline]
fn hash_pieces(state: &RandomState, len: usize, piece: impl Fn(usize) -> u128) -> u64 {
    let last = len.saturating_sub(16);
    // Most keys that are longer than usual, without a loop.
    if (17..=32).contains(&last) {
        return finish(state, [0, 16, last].map(piece).into_iter(), len);
    }
    finish(state, (0..last.div_ceil(16)).map(|number| piece(16 * number)).chain([piece(last)]), len)
}

/// Whether two keys are the same.
#[inline]
pub(crate) fn equal(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    match (ends(one), ends(other)) {
        (Some(ends), Some(others)) => ends == others,
        _ => one == other,
    }
}

/// The first and the last sixteen bytes, where they are all there is.
#[inline]
fn ends(key: &[u8]) -> Option<(&[u8; 16], &[u8; 16])> {
    if !USUAL.contains(&key.len()) {
        return None;
    }
    Some((key.first_chunk()?, key.last_chunk()?))
}

/// The lengths of most keys.
const USUAL: RangeInclusive<usize> = 16..=32;

/// A key in two pieces that follow each other. It is hashed and compared without being written anywhere: a processor that reads sixteen bytes
/// which it has just written in smaller pieces waits for them, and for longer than all else in a look-up takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Joined<'a> {
    prefix: &'a [u8],
    name: &'a [u8],
    /// Its first and its last sixteen bytes, where it has a usual length.
    ends: Option<[u128; 2]>,
}

impl<'a> Joined<'a> {
    #[inline]
    pub(crate) fn new(prefix: &'a [u8], name: &'a [u8]) -> Self {
        let len = prefix.len() + name.len();
        let ends = if USUAL.contains(&len) && prefix.len() <= 16 { Some(ends_of_two(prefix, name)) } else { None };
        Self { prefix, name, ends }
    }

    /// The hash that the whole key has.
    #[inline]
    pub(crate) fn hash(&self, state: &RandomState) -> u64 {
        match self.ends {
            Some(ends) => finish(state, ends.into_iter(), self.len()),
            None if USUAL.contains(&self.len()) => {
                finish(state, [self.piece(0), self.piece(self.len() - 16)].into_iter(), self.len())
            }
            None => hash_pieces(state, self.len(), |at| self.piece(at)),
        }
    }

    #[inline]
    pub(crate) fn is(&self, key: &[u8]) -> bool {
        if key.len() != self.len() {
            return false;
        }
        match (self.ends, ends(key)) {
            (Some(own), Some((first, last))) => own == [u128::from_le_bytes(*first), u128::from_le_bytes(*last)],
            _ => key.starts_with(self.prefix) && key.ends_with(self.name),
        }
    }

    #[inline]
    const fn len(&self) -> usize {
        self.prefix.len() + self.name.len()
    }

    /// The sixteen bytes from `at` on, with zeros behind a key that is shorter.
    #[inline]
    fn piece(&self, at: usize) -> u128 {
        let Some(of_prefix) = self.prefix.len().checked_sub(at).filter(|&count| count > 0) else {
            return front(&self.name[at - self.prefix.len()..]);
        };
        if of_prefix >= 16 {
            return front(&self.prefix[at..]);
        }
        let bits = 8 * of_prefix as u32;
        // The prefix has at least as many bytes as are taken from its end.
        let from_prefix = front(&self.prefix[at..]);
        from_prefix | front(self.name) << bits
    }
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
            // So many of the prefix's bits are before the last sixteen bytes.
            let before = prefix_bits - 8 * (16 - name.len() as u32);
            prefix.checked_shr(before).unwrap_or(0) | behind(prefix_bits - before)
        }
    };
    [first, last]
}

/// The first sixteen bytes, the first of them the lowest, with zeros behind those that are fewer.
#[inline]
fn front(bytes: &[u8]) -> u128 {
    if let Some(all) = bytes.first_chunk::<16>() {
        return u128::from_le_bytes(*all);
    }
    let len = bytes.len();
    // Two reads that overlap are all of it.
    if let (Some(first), Some(last)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        return u128::from(u64::from_le_bytes(*first)) | u128::from(u64::from_le_bytes(*last)) << (8 * (len - 8));
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        return u128::from(u32::from_le_bytes(*first)) | u128::from(u32::from_le_bytes(*last)) << (8 * (len - 4));
    }
    bytes.iter().rev().fold(0, |sum, &byte| sum << 8 | u128::from(byte))
}

#[inline]
fn finish(state: &RandomState, pieces: impl Iterator<Item = u128>, len: usize) -> u64 {
    let mut hasher = state.build_hasher();
    pieces.for_each(|piece| hasher.write_u128(piece));
    // Otherwise all keys that repeat one character would have the same hash.
    hasher.write_usize(len);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// Texts that differ little: repeated characters, with one changed.
    fn texts() -> Vec<Vec<u8>> {
        let changed = |len: usize, at: usize| (0..len).map(|place| if place == at { b'y' } else { b'x' }).collect();
        (0..70).flat_map(|len| (0..=len).map(move |at| changed(len, at))).collect()
    }

    #[test]
    fn keys_are_equal_if_all_their_bytes_are() {
        let texts = texts();
        for one in &texts {
            for other in &texts {
                assert_eq!(equal(one, other), one == other);
            }
        }
    }

    #[test]
    fn keys_that_differ_a_little_differ_in_their_hash() {
        let state = RandomState::default();
        let texts = texts();
        let hashes: HashSet<u64> = texts.iter().map(|text| hash(&state, text)).collect();
        assert_eq!(hashes.len(), texts.len());
        assert!(texts.iter().all(|text| hash(&state, text) == hash(&state, &text.clone())));
    }

    #[test]
    fn a_key_in_two_pieces_is_the_whole_key() {
        let state = RandomState::default();
        let whole: Vec<u8> = (1..=70).collect();
        for len in 0..=whole.len() {
            let key = &whole[..len];
            for at in 0..=len {
                let joined = Joined::new(&key[..at], &key[at..]);
                assert_eq!(joined.hash(&state), hash(&state, key), "{len} bytes, cut at {at}");
                assert!(joined.is(key));
                for changed in 0..len {
                    let mut other = key.to_vec();
                    other[changed] ^= 0x80;
                    assert!(!joined.is(&other) && joined.hash(&state) != hash(&state, &other));
                }
                assert!(!joined.is(&whole[..len.saturating_sub(1)]) || len == 0);
            }
        }
    }
}
