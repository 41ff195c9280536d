//! Any key as a key of memcached.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// The longest key that the protocol takes, in bytes.
const TOKEN_MAX: usize = 250;

/// The longest key whose base64 form fits: three bytes become four characters.
const BINARY_MAX: usize = TOKEN_MAX / 4 * 3;

/// The beginning of hashed keys.
const HASHED: &[u8] = b"sha256:";

/// `sha256:` and 64 hexadecimal digits.
const HASHED_LEN: usize = HASHED.len() + 64;

/// The form in which memcached takes a key of any bytes and length.
///
/// | the key | on the wire | in the server |
/// |---|---|---|
/// | *plain*: 1 to 250 bytes, all printable ASCII without a space | as it is | as it is |
/// | with other bytes, at most 186 bytes long | base64, with the meta flag `b` | as it is |
/// | all others: longer, or empty | `sha256:` and the digest in hexadecimal | the same |
/// | a plain key of 71 bytes that begins with `sha256:` | `sha256:` and its digest | the same |
///
/// So two keys are never the same in the server, short of a collision of SHA-256: keys of the first two rows are stored as they are, and
/// the last row keeps them apart from hashed ones. A token on the wire has no space and no control character, so no key can end its line
/// or add a command. Nothing is cut off.
///
/// ```
/// use polycache_memcached::codec::WireKey;
///
/// assert_eq!(WireKey::new(b"user:7").token(), b"user:7");
/// assert_eq!(WireKey::new("größe".as_bytes()).token(), b"Z3LDtsOfZQ==");
/// assert!(WireKey::new(b"").token().starts_with(b"sha256:e3b0c44298fc1c14"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireKey<'a> {
    token: Cow<'a, [u8]>,
    /// The key that the token stands for, if the token is base64.
    decoded: Option<&'a [u8]>,
}

impl<'a> WireKey<'a> {
    /// The wire form of `key`.
    #[must_use]
    pub fn new(key: &'a [u8]) -> Self {
        if (1..=TOKEN_MAX).contains(&key.len()) && is_graphic(key) {
            if key.len() == HASHED_LEN && key.starts_with(HASHED) {
                return Self::hashed(key);
            }
            return Self { token: Cow::Borrowed(key), decoded: None };
        }
        if (1..=BINARY_MAX).contains(&key.len()) {
            return Self { token: Cow::Owned(STANDARD.encode(key).into_bytes()), decoded: Some(key) };
        }
        Self::hashed(key)
    }

    fn hashed(key: &[u8]) -> Self {
        let mut token = Vec::with_capacity(HASHED_LEN);
        token.extend_from_slice(HASHED);
        for byte in Sha256::digest(key) {
            token.extend([byte >> 4, byte & 15].map(|digit| b"0123456789abcdef"[usize::from(digit)]));
        }
        Self { token: Cow::Owned(token), decoded: None }
    }

    /// The key's form on the wire: 1 to 250 bytes of printable ASCII.
    #[must_use]
    pub fn token(&self) -> &[u8] {
        &self.token
    }

    /// Whether the token is base64, and needs the meta flag `b`. The classic commands can't take such a key.
    #[must_use]
    pub fn is_base64(&self) -> bool {
        self.decoded.is_some()
    }

    /// The key as the server keeps it: it decides which server of a fleet has the entry.
    #[must_use]
    pub fn stored(&self) -> &[u8] {
        self.decoded.unwrap_or(&self.token)
    }
}

/// Whether all bytes are printable ASCII without a space. Eight bytes at a time; the last eight may be checked twice.
fn is_graphic(key: &[u8]) -> bool {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGHS: u64 = ONES << 7;
    let all = |eight: [u8; 8]| {
        let bytes = u64::from_le_bytes(eight);
        // Adding one to a byte above `~` sets its high bit. Subtracting `!` from a byte below `!` clears the high bit that was set
        // before. A carry into the next byte comes only from a byte that has failed the test itself.
        let too_high = bytes | bytes.wrapping_add(ONES);
        let high_enough = (bytes | HIGHS) - ONES * u64::from(b'!');
        !too_high & high_enough & HIGHS == HIGHS
    };
    match key.last_chunk() {
        Some(last) => key.as_chunks().0.iter().all(|&eight| all(eight)) && all(*last),
        None => key.iter().all(u8::is_ascii_graphic),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use proptest::prelude::*;

    use super::*;

    fn stored(key: &[u8]) -> Vec<u8> {
        WireKey::new(key).stored().to_vec()
    }

    #[test]
    fn every_byte_at_every_place_is_looked_at() {
        for length in 1..30 {
            for place in 0..length {
                for byte in 0..=u8::MAX {
                    let mut key = vec![b'~'; length];
                    key[place] = byte;
                    assert_eq!(is_graphic(&key), byte.is_ascii_graphic(), "{key:?}");
                    key.fill(b'!');
                    key[place] = byte;
                    assert_eq!(is_graphic(&key), byte.is_ascii_graphic(), "{key:?}");
                }
            }
        }
    }

    #[test]
    fn each_form_ends_where_the_next_begins() {
        assert_eq!(stored(&[b'a'; 250]), [b'a'; 250]);
        assert_eq!(WireKey::new(&[b'a'; 251]).token().len(), HASHED_LEN);
        let fits = WireKey::new(&[0xff; 186]);
        assert!(fits.is_base64() && fits.token().len() == 248);
        assert!(!WireKey::new(&[0xff; 187]).is_base64());
    }

    #[test]
    fn a_plain_key_that_looks_hashed_is_hashed_itself() {
        let hashed = stored(b"");
        assert_eq!(hashed, b"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_ne!(stored(&hashed), hashed);
        assert_eq!(stored(b"sha256:short"), b"sha256:short");
    }

    fn keys() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..300),
            proptest::collection::vec(32_u8..127, 0..300),
            "[a-z:\r\n ]{0,8}".prop_map(String::into_bytes),
            // Somebody may use such a result as a key of their own.
            proptest::collection::vec(any::<u8>(), 0..300).prop_map(|key| stored(&key)),
            proptest::collection::vec(any::<u8>(), 0..300).prop_map(|key| WireKey::new(&key).token().to_vec()),
        ]
    }

    proptest! {
        #[test]
        fn a_token_is_one_word_of_legal_length(key in keys()) {
            let wire = WireKey::new(&key);
            prop_assert!((1..=TOKEN_MAX).contains(&wire.token().len()));
            prop_assert!(wire.token().iter().all(u8::is_ascii_graphic));
            if wire.is_base64() {
                prop_assert_eq!(STANDARD.decode(wire.token()).unwrap(), wire.stored());
            }
        }

        #[test]
        fn different_keys_are_different_in_the_server(a in keys(), b in keys()) {
            prop_assert_eq!(a == b, stored(&a) == stored(&b));
            prop_assert!(stored(&stored(&a)) != stored(&a) || stored(&a) == a);
        }
    }
}
