//! Bytes, and the object that was decoded from them.

use std::any::Any;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use super::{Looked, Repr, Value};

/// Tells the serializers of two caches apart: each decodes differently, even if both caches share a backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Decoder(u64);

impl Decoder {
    /// A new one.
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// Bytes up to this length are copied into memory of their size. The allocator then keeps the whole buffer for the next write, and finds
/// it faster than it splits one.
const COPIED: usize = 1_024;

/// Bytes, and the object that was first decoded from them.
pub(super) struct Decodable {
    /// The bytes with their head.
    bytes: Value,
    object: OnceLock<Box<dyn Any + Send + Sync>>,
}

struct Decoded<T> {
    by: Decoder,
    object: T,
}

impl Decodable {
    pub(super) fn new(bytes: Value) -> Self {
        Self { bytes, object: OnceLock::new() }
    }

    #[inline]
    fn decoded<T: Any>(&self, by: Decoder) -> Option<&T> {
        let decoded = self.object.get()?.downcast_ref::<Decoded<T>>()?;
        (decoded.by == by).then_some(&decoded.object)
    }

    /// The bytes without the object.
    pub(super) fn bytes(&self) -> &Value {
        &self.bytes
    }
}

impl Value {
    /// The same bytes, which from now on keep the object that is first decoded from them; cheap to clone. A live object stays as it is.
    pub(crate) fn decodable(self) -> Self {
        let decodable = match self.0 {
            Repr::Owned(bytes) => Decodable::new(Self::from(fitted(bytes))),
            Repr::Bytes(_) | Repr::Headed(_) | Repr::Checked(_) | Repr::Hit(_) => Decodable::new(self.shared()),
            Repr::Decodable(..) | Repr::Unreadable(_) | Repr::Typed(_) | Repr::Object(_) | Repr::HeadedObject(..) => {
                return self;
            }
        };
        Self(Repr::Decodable(Arc::new(decodable), Looked::Nowhere))
    }

    /// The bytes alone: for another key, for which a serializer might refuse them.
    pub(crate) fn undecoded(self) -> Self {
        match self.0 {
            Repr::Decodable(decodable, _) => decodable.bytes.clone(),
            _ => self,
        }
    }

    /// The object that `by` has decoded from these bytes, if it was a `T`.
    pub(crate) fn decoded<T: Any>(&self, by: Decoder) -> Option<&T> {
        match &self.0 {
            Repr::Decodable(decodable, _) => decodable.decoded(by),
            _ => None,
        }
    }

    /// The same of bytes without a head: what most hits near find.
    #[inline]
    pub(crate) fn plain_decoded<T: Any>(&self, by: Decoder) -> Option<&T> {
        match &self.0 {
            Repr::Decodable(decodable, _) if matches!(decodable.bytes.0, Repr::Owned(_) | Repr::Bytes(_)) => {
                decodable.decoded(by)
            }
            _ => None,
        }
    }

    /// Keeps the object that `by` has decoded from these bytes, if there is a place for it; the first one stays.
    pub(crate) fn keep_decoded<T: Any + Send + Sync + Clone>(&self, by: Decoder, object: &T) {
        if let Repr::Decodable(decodable, _) = &self.0
            && decodable.object.get().is_none()
        {
            // Another thread may have been first.
            let _ = decodable.object.set(Box::new(Decoded { by, object: object.clone() }));
        }
    }
}

/// The same bytes in a buffer of their size.
fn fitted(mut bytes: Vec<u8>) -> Vec<u8> {
    if bytes.len() <= COPIED {
        return bytes.as_slice().to_vec();
    }
    bytes.shrink_to_fit();
    bytes
}

impl fmt::Debug for Decodable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decodable").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}
