//! The form in which a server holds a value: its bytes, behind its head if it has one. `docs/format.md` describes it.

use std::borrow::Cow;
use std::sync::Arc;

use super::head::Head;
use super::{Repr, Value, varint};
use crate::{Error, ErrorKind, Result};

/// The beginning of a value that isn't plain bytes. 0xC1 begins neither UTF-8 nor `MessagePack` nor a pickle.
const MAGIC: &[u8] = b"\xC1pc";

/// Behind the magic: plain bytes follow that begin with the magic themselves.
const ESCAPED: u8 = 0;

/// Behind the magic: the length of a head of the first version follows, then the head, then the bytes of the value.
const HEAD_1: u8 = 1;

impl Value {
    /// The bytes that a backend on a server stores for this value: its own bytes, behind its head if it has one. `None` for a live
    /// object.
    ///
    /// [`from_stored`](Self::from_stored) reads them back. Bytes without a head are stored as they are, except for those that would be
    /// taken for a head.
    ///
    /// ```
    /// use polycache::{Head, Value};
    ///
    /// let plain = Value::bytes(*b"[1,2]");
    /// assert_eq!(plain.to_stored().as_deref(), Some(&b"[1,2]"[..]));
    ///
    /// let stored = plain.with_head(&Head::new().with_tag("shop", 3)).to_stored().map(Vec::from).expect("bytes");
    /// assert_eq!(stored, b"\xC1pc\x01\x07\x08\x04shop\x03[1,2]");
    /// let back = Value::from_stored(stored);
    /// assert_eq!(back.as_bytes(), Some(&b"[1,2]"[..]));
    /// assert!(back.head().is_some_and(|head| head.tags().eq([("shop", 3)])));
    /// ```
    #[must_use]
    pub fn to_stored(&self) -> Option<Cow<'_, [u8]>> {
        match &self.0 {
            Repr::Headed(stored) | Repr::Checked(stored) | Repr::Hit(stored) | Repr::Unreadable(stored) => {
                Some(Cow::Borrowed(stored))
            }
            Repr::Decodable(decodable, _) => decodable.bytes().to_stored(),
            _ => self.as_bytes().map(|bytes| {
                if bytes.starts_with(MAGIC) {
                    Cow::Owned([MAGIC, &[ESCAPED], bytes].concat())
                } else {
                    Cow::Borrowed(bytes)
                }
            }),
        }
    }

    /// The value that a server holds as these bytes: the way back from [`to_stored`](Self::to_stored).
    ///
    /// It doesn't fail. Bytes that begin like a head and have none, or one of a newer version, are a value that no command can read. That
    /// is an error of the kind [`Decode`](ErrorKind::Decode) for its key alone, and for the reader alone.
    #[inline]
    #[must_use]
    pub fn from_stored(stored: Vec<u8>) -> Self {
        if stored.starts_with(MAGIC) { Self::from_marked(stored) } else { Self::from(stored) }
    }

    #[cold]
    fn from_marked(mut stored: Vec<u8>) -> Self {
        if stored.get(MAGIC.len()) == Some(&ESCAPED) {
            stored.drain(..=MAGIC.len());
            return Self::from(stored);
        }
        Self(match parts(&stored) {
            Ok(_) => Repr::Headed(stored.into()),
            Err(_) => Repr::Unreadable(stored.into()),
        })
    }

    /// Checks that the value can be read.
    ///
    /// # Errors
    /// [`Decode`](ErrorKind::Decode) if it begins like a head and has none, or one of a newer version.
    #[inline]
    pub(crate) fn readable(&self) -> Result<()> {
        match &self.0 {
            Repr::Unreadable(stored) => parts(stored).map(drop),
            _ => Ok(()),
        }
    }
}

/// A head and bytes, in their stored form.
pub(super) fn join(head: &Head<'_>, bytes: &[u8]) -> Arc<[u8]> {
    let head = head.as_bytes();
    let mut stored = Vec::with_capacity(MAGIC.len() + 1 + 10 + head.len() + bytes.len());
    stored.extend_from_slice(MAGIC);
    stored.push(HEAD_1);
    varint::write(head.len() as u64, &mut stored);
    stored.extend_from_slice(head);
    stored.extend_from_slice(bytes);
    stored.into()
}

/// The head and the bytes behind it, of bytes that [`join`] has made or [`parts`] has checked.
pub(super) fn split(stored: &[u8]) -> (Head<'_>, &[u8]) {
    match cut(stored) {
        Some((head, bytes)) => (Head::known(head), bytes),
        None => (Head::new(), stored),
    }
}

fn cut(stored: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = varint::read(stored.get(MAGIC.len() + 1..)?)?;
    rest.split_at_checked(usize::try_from(len).ok()?)
}

/// The head and the bytes behind it, of any bytes that begin with the magic.
fn parts(stored: &[u8]) -> Result<(Head<'_>, &[u8])> {
    let refuse = |what: &str| Err(Error::new(ErrorKind::Decode, format!("the head of what is stored {what}")));
    match stored.get(MAGIC.len()) {
        Some(&HEAD_1) => {}
        Some(version) => {
            return refuse(&format!(
                "has version {version}, and this program reads version {HEAD_1}: a newer one has written it"
            ));
        }
        None => return refuse("is cut off"),
    }
    let Some((head, bytes)) = cut(stored) else { return refuse("is cut off") };
    match Head::read(head) {
        Some(head) => Ok((head, bytes)),
        None => refuse("is malformed"),
    }
}

#[cfg(test)]
mod tests;
