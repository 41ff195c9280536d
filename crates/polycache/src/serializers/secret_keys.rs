//! The keys of serializers that encrypt or sign.

use std::collections::BTreeMap;
use std::fmt;

use crate::{Error, ErrorKind, Result, Secret, Settings};

/// In bytes.
const KEY_LEN: usize = 32;
/// In bytes.
const MAX_ID_LEN: usize = 32;

/// Secret keys by their ids, for [`Sealed`](super::Sealed) and [`Signed`](super::Signed): one of them writes, all of them read.
///
/// A key is 32 bytes as 64 hexadecimal digits, such as `openssl rand -hex 32` prints. An id is a text of 1 to 32 bytes, which every value
/// has in clear text. Nobody may learn a key that still reads values.
///
/// **Rotation**, without a moment in which somebody can't read: give all processes the new key as one that reads; then have all write
/// with it, and read with the old one; remove the old key when its last value has expired.
///
/// ```
/// use polycache::Secret;
/// use polycache::serializers::SecretKeys;
///
/// let (old, new) = (Secret::from("01".repeat(32)), Secret::from("02".repeat(32)));
/// let keys = SecretKeys::new("2026-11", &new)?.reads("2026-05", &old)?;
/// assert_eq!(format!("{keys:?}"), r#"SecretKeys { writes: "2026-11", reads: ["2026-11", "2026-05"] }"#);
/// # Ok::<(), polycache::Error>(())
/// ```
#[derive(Clone)]
pub struct SecretKeys {
    writes: SecretKey,
    others: Vec<SecretKey>,
}

#[derive(Clone)]
pub(super) struct SecretKey {
    pub(super) id: String,
    pub(super) bytes: [u8; KEY_LEN],
}

impl SecretKeys {
    /// The key that writes, and reads too.
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config) if the id or the key isn't of the right form. The text doesn't show the key.
    pub fn new(id: &str, key: &Secret) -> Result<Self> {
        Ok(Self { writes: SecretKey::new(id, key)?, others: Vec::new() })
    }

    /// One more key that reads.
    ///
    /// # Errors
    /// Those of [`new`](Self::new), and [`Config`](ErrorKind::Config) if the id was given before.
    pub fn reads(mut self, id: &str, key: &Secret) -> Result<Self> {
        if self.find(id.as_bytes()).is_some() {
            return Err(wrong(format!("the key id {id:?} is given twice; give each key an id of its own")));
        }
        self.others.push(SecretKey::new(id, key)?);
        Ok(self)
    }

    pub(super) fn writer(&self) -> &SecretKey {
        &self.writes
    }

    fn find(&self, id: &[u8]) -> Option<&SecretKey> {
        [&self.writes].into_iter().chain(&self.others).find(|key| key.id.as_bytes() == id)
    }

    /// The keys of a configuration: `keys`, by id, and `key`, the id of the writing one if there are several.
    pub(super) fn from_settings(settings: &mut Settings) -> Result<Self> {
        let mut all: BTreeMap<String, Secret> = settings.require("keys")?;
        let id = match (settings.take::<String>("key")?, all.keys().next()) {
            (Some(id), _) => id,
            (None, Some(id)) if all.len() == 1 => id.clone(),
            _ => return Err(settings.error("key", "is missing; it is the id of the one of `keys` that writes")),
        };
        let Some(writes) = all.remove(&id) else {
            return Err(settings.error("key", &format!("is {id:?}, which is none of `keys`")));
        };
        let keys = Self::new(&id, &writes);
        let keys = all.iter().fold(keys, |keys, (id, key)| keys?.reads(id, key));
        keys.map_err(|error| settings.error("keys", &error.to_string()))
    }
}

impl SecretKey {
    fn new(id: &str, key: &Secret) -> Result<Self> {
        if id.is_empty() || id.len() > MAX_ID_LEN {
            return Err(wrong(format!("a key id {id:?}; it has 1 to {MAX_ID_LEN} bytes")));
        }
        match from_hex(key.reveal()) {
            Some(bytes) => Ok(Self { id: id.to_owned(), bytes }),
            None => Err(wrong(format!("the key {id:?} isn't 64 hexadecimal digits; `openssl rand -hex 32` makes one"))),
        }
    }
}

/// Writes the part before the sealed or signed one: a version, and the id of the key.
pub(super) fn write_header(version: u8, key: &SecretKey, out: &mut Vec<u8>) {
    out.push(version);
    // An id has at most 32 bytes.
    out.push(u8::try_from(key.id.len()).unwrap_or_default());
    out.extend(key.id.as_bytes());
}

/// The header, the bytes behind it, and the key that it names; a text for an error if there is none.
pub(super) fn read_header<'a, 'k>(
    version: u8,
    keys: &'k SecretKeys,
    bytes: &'a [u8],
) -> Result<(&'a [u8], &'a [u8], &'k SecretKey), String> {
    let (id_len, rest) = match bytes {
        [found, id_len, rest @ ..] if *found == version => (usize::from(*id_len), rest),
        [found, ..] if *found != version => {
            return Err(format!("it begins with the byte {found:#04x}, and this version with {version:#04x}"));
        }
        _ => return Err("it ends before the key id".to_owned()),
    };
    let Some((id, rest)) = rest.split_at_checked(id_len) else {
        return Err("it ends before the key id does".to_owned());
    };
    let header = bytes.get(..bytes.len() - rest.len()).unwrap_or_default();
    match keys.find(id) {
        Some(key) => Ok((header, rest, key)),
        None => Err(format!("its key id {:?} isn't among the keys that read", String::from_utf8_lossy(id))),
    }
}

fn from_hex(text: &str) -> Option<[u8; KEY_LEN]> {
    let mut bytes = [0; KEY_LEN];
    if text.len() != 2 * KEY_LEN {
        return None;
    }
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let digit = |at: usize| char::from(*digits.get(at)?).to_digit(16);
        *byte = u8::try_from(digit(0)? << 4 | digit(1)?).ok()?;
    }
    Some(bytes)
}

fn wrong(text: String) -> Error {
    Error::new(ErrorKind::Config, text)
}

/// Ids only.
impl fmt::Debug for SecretKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reads: Vec<&str> = [&self.writes].into_iter().chain(&self.others).map(|key| key.id.as_str()).collect();
        f.debug_struct("SecretKeys").field("writes", &self.writes.id).field("reads", &reads).finish()
    }
}

#[cfg(test)]
pub(super) mod tests;
