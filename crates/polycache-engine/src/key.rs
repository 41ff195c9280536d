//! Hashing and comparing keys, without a call for those of a usual length.

use std::hash::{BuildHasher, Hasher};

use foldhash::fast::RandomState;

/// The hash of a key.
#[inline]
pub(crate) fn hash(state: &RandomState, key: &[u8]) -> u64 {
    let mut hasher = state.build_hasher();
    if let Some((first, last)) = ends(key) {
        hasher.write_u128(u128::from_ne_bytes(*first));
        hasher.write_u128(u128::from_ne_bytes(*last));
        // Or keys of one character, repeated, would all be the same.
        hasher.write_usize(key.len());
    } else {
        hasher.write(key);
    }
    hasher.finish()
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
    if !(16..=32).contains(&key.len()) {
        return None;
    }
    Some((key.first_chunk()?, key.last_chunk()?))
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
