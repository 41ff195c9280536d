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

/// Bytes, and the object that was first decoded from them.
pub(super) struct Decodable {
    /// The bytes with their head, shared.
    bytes: Value,
    object: OnceLock<Arc<dyn Decoded>>,
}

/// An object and the bytes that it was decoded from, in one piece of memory.
pub(super) trait Decoded: Any + Send + Sync {
    fn bytes(&self) -> &Value;
}

/// In this order, so that a hit finds the first two beside the counts, in one cache line.
#[repr(C)]
struct DecodedAs<T> {
    by: Decoder,
    object: T,
    bytes: Value,
}

impl<T: Any + Send + Sync> Decoded for DecodedAs<T> {
    fn bytes(&self) -> &Value {
        &self.bytes
    }
}

/// The object, if it is a `T` that `by` has decoded.
#[inline]
pub(super) fn object_of<T: Any>(decoded: &dyn Decoded, by: Decoder) -> Option<&T> {
    let decoded = (decoded as &dyn Any).downcast_ref::<DecodedAs<T>>()?;
    (decoded.by == by).then_some(&decoded.object)
}

impl Decodable {
    pub(super) fn new(bytes: Value) -> Self {
        Self { bytes, object: OnceLock::new() }
    }

    #[inline]
    fn decoded<T: Any>(&self, by: Decoder) -> Option<&T> {
        object_of(&**self.object.get()?, by)
    }

    /// The bytes without the object.
    pub(super) fn bytes(&self) -> &Value {
        &self.bytes
    }
}

impl Value {
    /// The same bytes, which from now on keep the object that is first decoded from them; cheap to clone. A live object stays as it is.
    pub(crate) fn decodable(self) -> Self {
        match self.0 {
            Repr::Owned(_) | Repr::Bytes(_) | Repr::Headed(_) | Repr::Checked(_) | Repr::Hit(_) => {
                Self(Repr::Decodable(Arc::new(Decodable::new(self.shared())), Looked::Nowhere))
            }
            _ => self,
        }
    }

    /// The bytes alone: for another key, for which a serializer might refuse them.
    pub(crate) fn undecoded(self) -> Self {
        match self.0 {
            Repr::Decodable(decodable, _) => decodable.bytes.clone(),
            Repr::Decoded(decoded) => decoded.bytes().clone(),
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

    /// The same of bytes without a head.
    #[inline]
    pub(crate) fn plain_decoded<T: Any>(&self, by: Decoder) -> Option<&T> {
        match &self.0 {
            Repr::Decodable(decodable, _) if matches!(decodable.bytes.0, Repr::Bytes(_)) => decodable.decoded(by),
            _ => None,
        }
    }

    /// Keeps the object that `by` has decoded from these bytes, if there is a place for it; the first one stays.
    pub(crate) fn keep_decoded<T: Any + Send + Sync + Clone>(&self, by: Decoder, object: &T) {
        if let Repr::Decodable(decodable, _) = &self.0
            && decodable.object.get().is_none()
        {
            let decoded = DecodedAs { by, object: object.clone(), bytes: decodable.bytes.clone() };
            // Another thread may have been first.
            let _ = decodable.object.set(Arc::new(decoded));
        }
    }

    /// The same bytes in one piece with the object that was decoded from them, if one was and they have no head: for a store, whose reads then
    /// follow one pointer less.
    #[inline]
    pub(crate) fn in_one_piece(&self) -> Option<Self> {
        match &self.0 {
            Repr::Decodable(decodable, _) if matches!(decodable.bytes.0, Repr::Bytes(_)) => {
                decodable.object.get().map(|decoded| Self(Repr::Decoded(Arc::clone(decoded))))
            }
            _ => None,
        }
    }

    /// Whether the two are the same place for an object.
    pub(crate) fn is_same_place(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Repr::Decodable(one, _), Repr::Decodable(other, _)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }
}

impl fmt::Debug for Decodable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decodable").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}
