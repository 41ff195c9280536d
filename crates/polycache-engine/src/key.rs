//! Hashing and comparing keys, without a function call for keys of a usual length.

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
    if key.len() <= 16 {
        return finish(state, std::iter::once(front(key)), key.len());
    }
    hash_pieces(state, key.len(), |at| front(&key[at..]))
}

/// The hash by pieces of sixteen bytes; the last one overlaps the one before.
#[inline]
pub(crate) fn hash_pieces(state: &RandomState, len: usize, piece: impl Fn(usize) -> u128) -> u64 {
    let last = len.saturating_sub(16);
    // Without a loop for most keys that are longer than usual.
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

/// The first and the last sixteen bytes, if these cover the key.
#[inline]
fn ends(key: &[u8]) -> Option<(&[u8; 16], &[u8; 16])> {
    if !USUAL.contains(&key.len()) {
        return None;
    }
    Some((key.first_chunk()?, key.last_chunk()?))
}

/// The lengths of most keys.
pub(crate) const USUAL: RangeInclusive<usize> = 16..=32;

/// The first sixteen bytes as a number, the first byte the lowest; fewer bytes are followed by zeros.
#[inline]
pub(crate) fn front(bytes: &[u8]) -> u128 {
    if let Some(all) = bytes.first_chunk::<16>() {
        return u128::from_le_bytes(*all);
    }
    let len = bytes.len();
    // Two reads that overlap cover all of them.
    if let (Some(first), Some(last)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        return u128::from(u64::from_le_bytes(*first)) | u128::from(u64::from_le_bytes(*last)) << (8 * (len - 8));
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        return u128::from(u32::from_le_bytes(*first)) | u128::from(u32::from_le_bytes(*last)) << (8 * (len - 4));
    }
    u128::from(match *bytes {
        [one] => u32::from(one),
        [one, two] => u32::from_le_bytes([one, two, 0, 0]),
        [one, two, three] => u32::from_le_bytes([one, two, three, 0]),
        // Four and more are dealt with above.
        _ => 0,
    })
}

#[inline]
pub(crate) fn finish(state: &RandomState, pieces: impl Iterator<Item = u128>, len: usize) -> u64 {
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
}
