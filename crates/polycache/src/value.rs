//! The values that backends hold.

mod decodable;
mod head;
#[cfg_attr(not(feature = "memory"), allow(dead_code, reason = "only the store in memory marks hits"))]
mod headed;
mod stored;
mod varint;

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_core::Serialize;

pub use self::decodable::Decoder;
use self::decodable::{Decodable, Decoded, object_of};
pub use self::head::Head;
use self::headed::HeadedObject;
pub(crate) use self::headed::Looked;
#[cfg(feature = "memory")]
pub(crate) use self::headed::Validity;

/// The value that a backend holds for a key: encoded bytes, or a live object of this process; either may have a [`Head`]. Cheap to clone,
/// except for bytes on their way from or to a server (`Value::from` of a `Vec`), which a clone copies.
///
/// ```
/// use polycache::Value;
/// use std::sync::Arc;
///
/// let bytes = Value::bytes(*b"42");
/// assert_eq!(bytes.as_bytes(), Some(&b"42"[..]));
///
/// let object = Value::object(Arc::new(42_u8));
/// assert_eq!(object.clone().downcast::<u8>().as_deref(), Some(&42));
/// assert_eq!(object.as_bytes(), None);
/// ```
pub struct Value(Repr);

#[derive(Clone)]
enum Repr {
    /// Bytes that no other value shares: on their way between a serializer and a server, where nobody clones them.
    Owned(Vec<u8>),
    Bytes(Arc<[u8]>),
    /// Bytes with a head, in the form that a server stores.
    Headed(Arc<[u8]>),
    /// The same, and a cache has looked at the tags: no room is left for a [`Looked`].
    Checked(Arc<[u8]>),
    /// The same, marked as a hit by the store.
    Hit(Arc<[u8]>),
    /// Bytes from a server that this program can't read.
    Unreadable(Arc<[u8]>),
    /// Bytes with a place for the object that is decoded from them.
    Decodable(Arc<Decodable>, Looked),
    /// Bytes without a head, and the object that was decoded from them.
    #[cfg_attr(not(feature = "memory"), allow(dead_code, reason = "only the store in memory makes it"))]
    Decoded(Arc<dyn Decoded>),
    /// An object that can also be encoded, for readers of another type.
    Typed(Arc<dyn Typed>),
    /// An object that can't be encoded.
    Object(Arc<dyn Any + Send + Sync>),
    HeadedObject(Arc<HeadedObject>, Looked),
}

/// An object of a type that serde knows.
trait Typed: Any + Send + Sync {
    fn as_serialize(&self) -> &dyn erased_serde::Serialize;
}

impl<T: Serialize + Any + Send + Sync> Typed for T {
    fn as_serialize(&self) -> &dyn erased_serde::Serialize {
        self
    }
}

impl Value {
    /// Encoded bytes.
    #[must_use]
    pub fn bytes(bytes: impl Into<Arc<[u8]>>) -> Self {
        Self(Repr::Bytes(bytes.into()))
    }

    /// The same value, cheap to clone from now on. For backends that keep values and hand out clones of them.
    ///
    /// ```
    /// use polycache::Value;
    ///
    /// let value = Value::from(vec![0; 1 << 20]).shared();
    /// assert_eq!(value.clone().as_bytes(), value.as_bytes()); // no second megabyte
    /// ```
    #[inline]
    #[must_use]
    pub fn shared(self) -> Self {
        // What most writes store, apart from the rest: they would move it.
        if matches!(self.0, Repr::Bytes(_) | Repr::Typed(_) | Repr::Object(_)) { self } else { self.shared_rare() }
    }

    #[inline(never)]
    fn shared_rare(self) -> Self {
        match self.0 {
            Repr::Owned(bytes) => Self(Repr::Bytes(bytes.into())),
            _ => self.looked(Looked::Nowhere),
        }
    }

    /// A live object that all readers share. It can be read only as its own type.
    #[must_use]
    pub fn object<T: Any + Send + Sync>(object: Arc<T>) -> Self {
        Self(Repr::Object(object))
    }

    /// A live object that all readers share, and that can be encoded for readers of another type.
    #[must_use]
    pub fn typed<T: Serialize + Any + Send + Sync>(object: T) -> Self {
        Self(Repr::Typed(Arc::new(object)))
    }

    /// The same value with this head in place of its own. An empty head is no head.
    ///
    /// ```
    /// use polycache::{Head, Value};
    ///
    /// let value = Value::typed(42).with_head(&Head::new().with_tag("answers", 1));
    /// assert_eq!(value.downcast_ref(), Some(&42));
    /// assert!(value.head().is_some());
    /// assert!(value.with_head(&Head::new()).head().is_none());
    /// ```
    #[must_use]
    pub fn with_head(self, head: &Head<'_>) -> Self {
        Self(match self.0 {
            Repr::Owned(_) | Repr::Bytes(_) | Repr::Decoded(_) | Repr::Typed(_) | Repr::Object(_)
                if head.is_empty() =>
            {
                self.0
            }
            Repr::Owned(bytes) => Repr::Headed(stored::join(head, &bytes)),
            Repr::Bytes(bytes) => Repr::Headed(stored::join(head, &bytes)),
            Repr::Headed(stored) | Repr::Checked(stored) | Repr::Hit(stored) => {
                return Self::bytes(stored::split(&stored).1).with_head(head);
            }
            Repr::Unreadable(stored) => Repr::Unreadable(stored),
            Repr::Decodable(decodable, _) => return decodable.bytes().clone().with_head(head).decodable(),
            Repr::Decoded(decoded) => return decoded.bytes().clone().with_head(head).decodable(),
            Repr::Typed(_) | Repr::Object(_) => {
                Repr::HeadedObject(Arc::new(HeadedObject::new(head, self)), Looked::Nowhere)
            }
            Repr::HeadedObject(headed, _) => return headed.object().clone().with_head(head),
        })
    }

    /// For how long the entry stays after its TTL.
    pub(crate) fn grace(&self) -> Option<Duration> {
        self.head()?.grace()
    }

    /// The same without a grace, tags and the like, which belong to an entry.
    pub(crate) fn without_entry(self) -> Self {
        match self.head() {
            Some(head) if head.grace().is_some() || head.early().is_some() || head.is_tagged() => {
                let head = head.without_entry();
                self.with_head(&head)
            }
            _ => self,
        }
    }

    /// The head: what belongs to the value besides its bytes or object.
    #[must_use]
    pub fn head(&self) -> Option<Head<'_>> {
        match &self.0 {
            Repr::Headed(stored) | Repr::Checked(stored) | Repr::Hit(stored) => Some(stored::split(stored).0),
            Repr::HeadedObject(headed, _) => Some(headed.head()),
            Repr::Decodable(decodable, _) => decodable.bytes().head(),
            Repr::Owned(_)
            | Repr::Bytes(_)
            | Repr::Unreadable(_)
            | Repr::Decoded(_)
            | Repr::Typed(_)
            | Repr::Object(_) => None,
        }
    }

    /// The encoded bytes, without the head; `None` for a live object.
    #[must_use]
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match &self.0 {
            Repr::Owned(bytes) => Some(bytes),
            Repr::Bytes(bytes) => Some(bytes),
            Repr::Headed(stored) | Repr::Checked(stored) | Repr::Hit(stored) => Some(stored::split(stored).1),
            Repr::Unreadable(stored) => Some(stored),
            Repr::Decodable(decodable, _) => decodable.bytes().as_bytes(),
            Repr::Decoded(decoded) => decoded.bytes().as_bytes(),
            Repr::Typed(_) | Repr::Object(_) | Repr::HeadedObject(..) => None,
        }
    }

    /// The live object, if it is a `T`.
    #[must_use]
    pub fn downcast_ref<T: Any>(&self) -> Option<&T> {
        match &self.0 {
            Repr::HeadedObject(headed, _) => headed.object().plain_ref(),
            _ => self.plain_ref(),
        }
    }

    /// Whether it is bytes or an object and nothing more, as most values are that are written.
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        matches!(self.0, Repr::Owned(_) | Repr::Bytes(_) | Repr::Typed(_) | Repr::Object(_))
    }

    /// The live object, if it is a `T` and has no head: what most hits find.
    #[inline]
    pub(crate) fn plain_ref<T: Any>(&self) -> Option<&T> {
        match &self.0 {
            Repr::Typed(object) => (&**object as &dyn Any).downcast_ref(),
            Repr::Object(object) => object.downcast_ref(),
            _ => None,
        }
    }

    /// The same, and also the object that `by` has decoded from bytes without a head and that is one piece with them.
    #[inline]
    pub(crate) fn plain_or_decoded<T: Any>(&self, by: Decoder) -> Option<&T> {
        match &self.0 {
            Repr::Decoded(decoded) => object_of(&**decoded, by),
            _ => self.plain_ref(),
        }
    }

    /// The live object, if it is a `T`, shared.
    #[inline]
    #[must_use]
    pub fn downcast<T: Any + Send + Sync>(self) -> Option<Arc<T>> {
        self.into_object().ok()
    }

    /// The live object, if it is a `T`; otherwise the value.
    pub(crate) fn into_object<T: Any + Send + Sync>(self) -> Result<Arc<T>, Self> {
        match self.0 {
            Repr::HeadedObject(headed, _) => headed.object().clone().into_plain_object(),
            _ => self.into_plain_object(),
        }
    }

    /// The same of an object without a head: what most hits find.
    #[allow(clippy::inline_always, reason = "compiled into a hit, see `Cache::decode_object`")]
    #[inline(always)]
    pub(crate) fn into_plain_object<T: Any + Send + Sync>(self) -> Result<Arc<T>, Self> {
        let object: Arc<dyn Any + Send + Sync> = match self.0 {
            Repr::Typed(object) => object,
            Repr::Object(object) => object,
            other => return Err(Self(other)),
        };
        object.downcast().map_err(|object| Self(Repr::Object(object)))
    }

    /// The live object in a form that any serde format can encode; `None` for bytes, and for an object made by [`object`](Self::object).
    #[must_use]
    pub fn as_serialize(&self) -> Option<&dyn erased_serde::Serialize> {
        match &self.0 {
            Repr::Typed(object) => Some(object.as_serialize()),
            Repr::HeadedObject(headed, _) => headed.object().as_serialize(),
            _ => None,
        }
    }

    /// The address of the memory that clones share with this value: its counts, and after them the object or the bytes. Zero if clones
    /// share nothing.
    #[cfg(feature = "memory")]
    pub(crate) fn address(&self) -> usize {
        /// The two counts before the shared object or bytes.
        const COUNTS: usize = 2 * size_of::<usize>();
        fn counts_of<T: ?Sized>(shared: &Arc<T>) -> usize {
            Arc::as_ptr(shared).addr().wrapping_sub(COUNTS.max(align_of_val(&**shared)))
        }
        match &self.0 {
            Repr::Owned(_) => 0,
            Repr::Bytes(bytes)
            | Repr::Headed(bytes)
            | Repr::Checked(bytes)
            | Repr::Hit(bytes)
            | Repr::Unreadable(bytes) => counts_of(bytes),
            Repr::Decodable(decodable, _) => counts_of(decodable),
            Repr::Decoded(decoded) => counts_of(decoded),
            Repr::HeadedObject(headed, _) => counts_of(headed),
            Repr::Typed(object) => counts_of(object),
            Repr::Object(object) => counts_of(object),
        }
    }

    /// Whether this is a live object.
    #[must_use]
    pub fn is_object(&self) -> bool {
        self.as_bytes().is_none()
    }
}

/// By hand, since a hit clones its value: the arms that hits need are compiled into it, and all the others would prevent that.
impl Clone for Value {
    #[inline]
    fn clone(&self) -> Self {
        match &self.0 {
            Repr::Typed(object) => Self(Repr::Typed(Arc::clone(object))),
            Repr::Bytes(bytes) => Self(Repr::Bytes(Arc::clone(bytes))),
            Repr::Decoded(decoded) => Self(Repr::Decoded(Arc::clone(decoded))),
            _ => self.clone_rare(),
        }
    }
}

impl Value {
    #[inline(never)]
    fn clone_rare(&self) -> Self {
        Self(self.0.clone())
    }
}

/// Encoded bytes, without copying them.
impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Repr::Owned(bytes))
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.as_bytes() {
            Some(bytes) => write!(f, "Value({} bytes)", bytes.len()),
            None => f.write_str("Value(live object)"),
        }?;
        match self.head() {
            Some(head) => write!(f, " with {head:?}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_words_and_a_niche() {
        assert_eq!(size_of::<Value>(), 24);
        assert_eq!(size_of::<Option<Value>>(), 24);
    }

    #[cfg(feature = "memory")]
    #[test]
    fn the_counts_lie_before_what_is_shared() {
        #[derive(serde::Serialize)]
        #[repr(align(64))]
        struct Wide(u8);

        fn before<T: Any>(value: &Value) -> Option<usize> {
            value.downcast_ref::<T>().map(|object| std::ptr::from_ref(object).addr() - value.address())
        }
        let counts = 2 * size_of::<usize>();
        assert_eq!(before::<u8>(&Value::typed(1_u8)), Some(counts));
        assert_eq!(before::<u64>(&Value::object(Arc::new(1_u64))), Some(counts));
        assert_eq!(before::<Wide>(&Value::typed(Wide(1))), Some(64));
        let bytes = Value::bytes(*b"bytes");
        assert_eq!(bytes.as_bytes().map(|shared| shared.as_ptr().addr() - bytes.address()), Some(counts));
        assert_eq!(bytes.clone().address(), bytes.address());
        assert_eq!(Value::from(vec![1]).address(), 0, "a clone shares nothing");
    }
}
