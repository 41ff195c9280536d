//! What a backend holds for a key.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;

/// What a backend holds for a key: encoded bytes, or a live object of this process. Cheap to clone.
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
#[derive(Clone)]
pub struct Value(Repr);

#[derive(Clone)]
enum Repr {
    Bytes(Arc<[u8]>),
    /// An object that can also be encoded, when a reader asks for another type.
    Typed(Arc<dyn Typed>),
    /// An object and nothing more.
    Object(Arc<dyn Any + Send + Sync>),
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

    /// A live object that is shared with every reader. It can be read as its own type only.
    #[must_use]
    pub fn object<T: Any + Send + Sync>(object: Arc<T>) -> Self {
        Self(Repr::Object(object))
    }

    /// A live object that is shared with every reader, and can be encoded for readers of another type.
    #[must_use]
    pub fn typed<T: Serialize + Any + Send + Sync>(object: T) -> Self {
        Self(Repr::Typed(Arc::new(object)))
    }

    /// The encoded bytes; `None` for a live object.
    #[must_use]
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match &self.0 {
            Repr::Bytes(bytes) => Some(bytes),
            Repr::Typed(_) | Repr::Object(_) => None,
        }
    }

    /// The live object, if it is a `T`.
    #[inline]
    #[must_use]
    pub fn downcast_ref<T: Any>(&self) -> Option<&T> {
        match &self.0 {
            Repr::Typed(object) => (&**object as &dyn Any).downcast_ref(),
            Repr::Object(object) => object.downcast_ref(),
            Repr::Bytes(_) => None,
        }
    }

    /// The live object, if it is a `T`, shared.
    #[inline]
    #[must_use]
    pub fn downcast<T: Any + Send + Sync>(self) -> Option<Arc<T>> {
        match self.0 {
            Repr::Typed(object) => (object as Arc<dyn Any + Send + Sync>).downcast().ok(),
            Repr::Object(object) => object.downcast().ok(),
            Repr::Bytes(_) => None,
        }
    }

    /// The live object in a form that any serde format can encode; `None` for bytes, and for an object given without
    /// such a form.
    #[must_use]
    pub fn as_serialize(&self) -> Option<&dyn erased_serde::Serialize> {
        match &self.0 {
            Repr::Typed(object) => Some(object.as_serialize()),
            Repr::Bytes(_) | Repr::Object(_) => None,
        }
    }

    /// Whether this is a live object.
    #[must_use]
    pub fn is_object(&self) -> bool {
        self.as_bytes().is_none()
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Bytes(bytes) => write!(f, "Value({} bytes)", bytes.len()),
            Repr::Typed(_) | Repr::Object(_) => f.write_str("Value(live object)"),
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
}
