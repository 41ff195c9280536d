use std::sync::Arc;

use erased_serde::Serialize;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::secret_keys::{SecretKey, SecretKeys, read_header, write_header};
use super::{decode_error, encode_error};
use crate::serializer::{Context, Serializer, Visit};
use crate::{Result, Settings};

const NAME: &str = "signed";
/// The first byte of a signed value.
const VERSION: u8 = 1;

/// Signs the bytes of another serializer, by HMAC-SHA-256. It needs the feature `signed`.
///
/// Whoever can write to the server can't change a value, nor put one under another key, without an error of the kind
/// [`Decode`](crate::ErrorKind::Decode), and the other serializer doesn't see a byte of it then. So Python programs can share pickles,
/// whose reading may run code, over a server that others write to. Such a writer can read values, delete them, keep them beyond their
/// TTL, or bring back an older one of the same key. A [head](crate::Head) isn't signed.
///
/// A value takes 34 bytes and the key id more. `docs/format.md` describes the form, which Python's `hmac` checks in a few lines. Counters
/// aren't signed, so `increment` is refused.
///
/// ```
/// use polycache::serializers::{Json, SecretKeys, Signed};
/// use polycache::{Cache, Secret};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
/// let keys = SecretKeys::new("2026-11", &Secret::from("5e".repeat(32)))?; // yours is random
/// let cache = Cache::builder().serializer(Signed::new(keys, Json)).build()?;
/// cache.set("k", vec![1, 2, 3]).await?;
/// assert_eq!(cache.get::<Vec<i32>>("k").await?, Some(vec![1, 2, 3]));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Signed {
    inner: Arc<dyn Serializer>,
    keys: SecretKeys,
}

impl Signed {
    /// Signs the values of `inner`.
    #[must_use]
    pub fn new(keys: SecretKeys, inner: impl Serializer) -> Self {
        Self { inner: Arc::new(inner), keys }
    }
}

/// The signature of the header, the length of the full key in eight bytes, the full key, and the value: so each can be told from the
/// next.
fn mac(key: &SecretKey, header: &[u8], context: &Context<'_>, value: &[u8]) -> Result<Hmac<Sha256>, String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(&key.bytes).map_err(|error| error.to_string())?;
    let name = context.key();
    mac.update(header);
    mac.update(&u64::try_from(name.len()).unwrap_or(u64::MAX).to_be_bytes());
    mac.update(name.as_bytes());
    mac.update(value);
    Ok(mac)
}

impl Serializer for Signed {
    fn name(&self) -> &str {
        NAME
    }

    fn serialize(&self, value: &dyn Serialize, context: &Context<'_>, out: &mut Vec<u8>) -> Result<()> {
        let (start, key) = (out.len(), self.keys.writer());
        write_header(VERSION, key, out);
        let header = out.len();
        // The place of the signature.
        out.extend([0; 32]);
        let plain = out.len();
        self.inner.serialize(value, context, out)?;
        let parts = (out.get(start..header).unwrap_or_default(), out.get(plain..).unwrap_or_default());
        let mac = mac(key, parts.0, context, parts.1).map_err(|error| encode_error(NAME, error))?;
        if let Some(place) = out.get_mut(header..plain) {
            place.copy_from_slice(&mac.finalize().into_bytes());
        }
        Ok(())
    }

    fn deserialize(&self, bytes: &[u8], context: &Context<'_>, visit: &mut Visit<'_>) -> Result<()> {
        let value = checked(&self.keys, bytes, context).map_err(|error| decode_error(NAME, error))?;
        self.inner.deserialize(value, context, visit)
    }

    fn reads_decimal_text(&self) -> bool {
        false
    }
}

/// The value, if its signature is right.
fn checked<'a>(keys: &SecretKeys, bytes: &'a [u8], context: &Context<'_>) -> Result<&'a [u8], String> {
    let (header, rest, key) = read_header(VERSION, keys, bytes)?;
    let Some((signature, value)) = rest.split_first_chunk::<32>() else { return Err("it is cut off".to_owned()) };
    // In constant time.
    match mac(key, header, context, value)?.verify_slice(signature) {
        Ok(()) => Ok(value),
        Err(_) => Err("it was changed, or stored under another key, or its key id has another key here".to_owned()),
    }
}

/// The serializer for a configuration.
pub(super) fn from_settings(settings: &mut Settings) -> Result<Arc<dyn Serializer>> {
    Ok(Arc::new(Signed { keys: SecretKeys::from_settings(settings)?, inner: super::inner(settings)? }))
}

#[cfg(test)]
mod tests;
