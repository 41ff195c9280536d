//! Bytes, and the object that was decoded from them.

use std::any::Any;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use super::{Looked, Repr, Value};

/// Tells one way to decode bytes from another: two caches that share a backend may have different serializers.
///
/// A cache has its own. Who decodes [`Value`]s without a cache's serializer, as bindings for another language do, makes one for each of its
/// serializers, and keeps the objects beside the bytes by [`Value::keep_decoded`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Decoder(u64);

impl Decoder {
    /// One that nobody has.
    #[allow(clippy::new_without_default, reason = "no two are alike")]
    #[must_use]
    pub fn new() -> Self {
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

    /// The object that `by` has decoded from these bytes and [kept](Self::keep_decoded), if it is a `T`.
    #[must_use]
    pub fn decoded<T: Any>(&self, by: Decoder) -> Option<&T> {
        match &self.0 {
            Repr::Decodable(decodable, _) => decodable.decoded(by),
            Repr::Decoded(decoded) => object_of(&**decoded, by),
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

    /// Keeps the object that `by` has decoded from these bytes beside them, for all who get this value, if there is a place for it. There
    /// is one where a backend hands out the same bytes again and again: near a server, and in memory where entries are not counted in
    /// bytes. The first object stays, for as long as the bytes do.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> polycache::Result<()> {
    /// use std::sync::Arc;
    ///
    /// use polycache::serializers::Text;
    /// use polycache::{Cache, Decoder, Value};
    ///
    /// let (cache, by) = (Cache::builder().serializer(Text).build()?, Decoder::new());
    /// cache.set("words", "one two").await?;
    /// for is_first in [true, false] {
    ///     let value: Value = cache.get("words").await?.expect("it was stored");
    ///     assert_eq!(value.decoded::<Arc<[String]>>(by).is_none(), is_first);
    ///     let text = String::from_utf8_lossy(value.as_bytes().expect("text is bytes")).into_owned();
    ///     let words: Arc<[String]> = text.split(' ').map(str::to_owned).collect();
    ///     value.keep_decoded(by, &words);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn keep_decoded<T: Any + Send + Sync + Clone>(&self, by: Decoder, object: &T) {
        if let Repr::Decodable(decodable, _) = &self.0
            && decodable.object.get().is_none()
        {
            let decoded = DecodedAs { by, object: object.clone(), bytes: decodable.bytes.clone() };
            // Another thread may have been first.
            let _ = decodable.object.set(Arc::new(decoded));
        }
    }

    /// The same bytes in one piece with the object that was decoded from them, if one was and they have no head: for a store, whose reads
    /// then follow one pointer less.
    #[cfg(feature = "memory")]
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
    #[cfg(feature = "memory")]
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
