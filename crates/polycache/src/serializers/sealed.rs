use std::sync::Arc;

use chacha20poly1305::aead::inout::InOutBuf;
use chacha20poly1305::aead::{AeadInOut, Generate, KeyInit};
use chacha20poly1305::{Tag, XChaCha20Poly1305, XNonce};
use erased_serde::Serialize;

use super::secret_keys::{SecretKey, SecretKeys, read_header, write_header};
use super::{decode_error, encode_error};
use crate::serializer::{Context, Serializer, Visit};
use crate::{Result, Settings};

const NAME: &str = "sealed";
/// The first byte of a sealed value.
const VERSION: u8 = 1;

/// Encrypts the bytes of another serializer, by XChaCha20-Poly1305. It needs the feature `sealed`.
///
/// A server, and whoever reads its memory, its disk or the way to it, learns keys, lengths and times, but no value. Whoever can write
/// there can't change a value, nor put one under another key, without an error of the kind [`Decode`](crate::ErrorKind::Decode): the full
/// key is authenticated with the value. Such a writer can delete a value, keep it beyond its TTL, or bring back an older one of the same
/// key. A [head](crate::Head) isn't sealed.
///
/// Each value has a random nonce of 24 bytes, which doesn't run out; it takes 42 bytes and the key id more. `docs/format.md` describes
/// the form. Counters aren't sealed, so `increment` is refused.
///
/// ```
/// use polycache::serializers::{Json, Sealed, SecretKeys};
/// use polycache::{Cache, ErrorKind, Secret, Value};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
/// let keys = SecretKeys::new("2026-11", &Secret::from("5e".repeat(32)))?; // yours is random
/// let cache = Cache::builder().serializer(Sealed::new(keys, Json)).build()?;
/// cache.set("iban:7", "DE02 1203 0000 0000 2020 51").await?;
/// assert_eq!(cache.get::<String>("iban:7").await?.as_deref(), Some("DE02 1203 0000 0000 2020 51"));
///
/// let moved = cache.get::<Value>("iban:7").await?.expect("set above");
/// cache.set("iban:8", moved).await?;
/// assert_eq!(cache.get::<String>("iban:8").await.unwrap_err().kind(), ErrorKind::Decode);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Sealed {
    inner: Arc<dyn Serializer>,
    keys: SecretKeys,
}

impl Sealed {
    /// Seals the values of `inner`.
    #[must_use]
    pub fn new(keys: SecretKeys, inner: impl Serializer) -> Self {
        Self { inner: Arc::new(inner), keys }
    }
}

fn cipher(key: &SecretKey) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(&key.bytes.into())
}

/// The bytes that are authenticated with a value: the header, whose length the header tells, and the full key.
fn associated(header: &[u8], context: &Context<'_>) -> Vec<u8> {
    [header, context.key().as_bytes()].concat()
}

impl Serializer for Sealed {
    fn name(&self) -> &str {
        NAME
    }

    fn serialize(&self, value: &dyn Serialize, context: &Context<'_>, out: &mut Vec<u8>) -> Result<()> {
        let nonce = XNonce::try_generate()
            .map_err(|error| encode_error(NAME, format_args!("the system has no random bytes: {error}")))?;
        let (start, key) = (out.len(), self.keys.writer());
        write_header(VERSION, key, out);
        let associated = associated(out.get(start..).unwrap_or_default(), context);
        out.extend(nonce);
        let plain = out.len();
        self.inner.serialize(value, context, out)?;
        let buffer = InOutBuf::from(out.get_mut(plain..).unwrap_or_default());
        let tag = cipher(key)
            .encrypt_inout_detached(&nonce, &associated, buffer)
            .map_err(|_| encode_error(NAME, "it is too long"))?;
        out.extend(tag);
        Ok(())
    }

    fn deserialize(&self, bytes: &[u8], context: &Context<'_>, visit: &mut Visit<'_>) -> Result<()> {
        let plain = open(&self.keys, bytes, context).map_err(|error| decode_error(NAME, error))?;
        self.inner.deserialize(&plain, context, visit)
    }

    fn reads_decimal_text(&self) -> bool {
        false
    }
}

fn open(keys: &SecretKeys, bytes: &[u8], context: &Context<'_>) -> Result<Vec<u8>, String> {
    let (header, rest, key) = read_header(VERSION, keys, bytes)?;
    let parts = rest.split_first_chunk::<24>().and_then(|(nonce, rest)| Some((nonce, rest.split_last_chunk::<16>()?)));
    let Some((nonce, (sealed, tag))) = parts else { return Err("it is cut off".to_owned()) };
    let mut plain = sealed.to_vec();
    let (nonce, tag) = (XNonce::from(*nonce), Tag::from(*tag));
    let opened = cipher(key).decrypt_inout_detached(
        &nonce,
        &associated(header, context),
        InOutBuf::from(plain.as_mut_slice()),
        &tag,
    );
    match opened {
        Ok(()) => Ok(plain),
        Err(_) => Err("it was changed, or stored under another key, or its key id has another key here".to_owned()),
    }
}

/// The serializer for a configuration.
pub(super) fn from_settings(settings: &mut Settings) -> Result<Arc<dyn Serializer>> {
    Ok(Arc::new(Sealed { keys: SecretKeys::from_settings(settings)?, inner: super::inner(settings)? }))
}

#[cfg(test)]
mod tests;
