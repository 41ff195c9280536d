//! Between the caller's types and what the backend holds.

use std::any::{Any, type_name};
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Cache;
use crate::serializer::Serializer;
use crate::serializers::Json;
use crate::{Error, ErrorKind, Result, Ttl, Value};

impl Cache {
    /// The value to store: live where the serializer keeps objects, else encoded.
    #[inline]
    pub(super) fn encode<T: Serialize + Send + Sync + 'static>(&self, value: T) -> Result<Value> {
        if self.view.serializer.keeps_objects() {
            // Kept as the type that it will be read as: no reader can ask for a `&str`.
            return Ok(match (&value as &dyn Any).downcast_ref::<&'static str>() {
                Some(text) => Value::typed(String::from(*text)),
                None => Value::typed(value),
            });
        }
        self.view.serializer.serialize(&value).map(Value::from)
    }

    /// The value to store, from one that the caller keeps.
    pub(super) fn encode_copy<T: Serialize + Clone + Send + Sync + 'static>(&self, value: &T) -> Result<Value> {
        if self.view.serializer.keeps_objects() {
            return self.encode(value.clone());
        }
        self.view.serializer.serialize(value).map(Value::bytes)
    }

    /// The stored value as a `T`.
    // It is compiled into what reads a hit: called, it moves the copy once more. By value, as `decode_object` takes it.
    #[allow(clippy::inline_always, clippy::needless_pass_by_value, reason = "measured: 25 instructions of a hit's 650")]
    #[inline(always)]
    pub(crate) fn decode<T: DeserializeOwned + Clone + Send + Sync + 'static>(&self, value: Value) -> Result<T> {
        match value.downcast_ref::<T>() {
            Some(object) => Ok(object.clone()),
            None => self.decode_other(&value),
        }
    }

    /// A stored value that isn't a live `T`.
    #[inline(never)]
    fn decode_other<T: DeserializeOwned>(&self, value: &Value) -> Result<T> {
        let serializer = &*self.view.serializer;
        if let Some(bytes) = value.as_bytes() {
            return read(serializer, bytes);
        }
        let Some(object) = value.as_serialize() else {
            return Err(another_type::<T>(
                "a live object of another type is stored; read it with `get_object` as its own type",
            ));
        };
        // What one type becomes when it's encoded is what the other is read from.
        let through: &dyn Serializer = if serializer.keeps_objects() { &Json } else { serializer };
        let bytes = through.serialize(object).map_err(|error| {
            another_type::<T>("a live object of another type is stored, which can't be converted").with_source(error)
        })?;
        read(through, &bytes).map_err(|error| {
            another_type::<T>(&format!("a live object of another type is stored, and converting it failed: {error}"))
        })
    }

    /// The stored live object.
    #[inline]
    pub(super) fn decode_object<T: Any + Send + Sync>(value: Value) -> Result<Arc<T>> {
        value.into_object().map_err(|value| not_shared::<T>(&value))
    }

    /// The TTL of one more write.
    pub(super) fn write_ttl(&self) -> Result<Ttl> {
        Ok(self.ttl.checked()?.jittered(self.view.options.ttl_jitter))
    }
}

fn read<T: DeserializeOwned>(serializer: &dyn Serializer, bytes: &[u8]) -> Result<T> {
    let mut read = None;
    serializer.deserialize(bytes, &mut |deserializer| {
        read = Some(erased_serde::deserialize::<T>(deserializer)?);
        Ok(())
    })?;
    read.ok_or_else(|| {
        let text = format!("the serializer {} read no value", serializer.name());
        Error::new(ErrorKind::Decode, text)
    })
}

#[cold]
fn not_shared<T>(value: &Value) -> Error {
    another_type::<T>(if value.is_object() {
        "a live object of another type is stored"
    } else {
        "encoded bytes are stored, not a live object; read them with `get`"
    })
}

#[cold]
fn another_type<T>(found: &str) -> Error {
    Error::new(ErrorKind::Decode, format!("can't be read as {}: {found}", type_name::<T>()))
}
