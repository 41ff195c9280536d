//! Conversions between the caller's types and the backend's values.

use std::any::{Any, type_name};
use std::sync::Arc;

use serde_core::Serialize;
use serde_core::de::DeserializeOwned;

use super::{Cache, View};
use crate::backend::BackendInfo;
use crate::serializer::{Context, Serializer};
use crate::{Error, ErrorKind, Result, Value};

/// Room for the bytes of most values: a buffer that grows is copied.
const TYPICAL_LEN: usize = 128;

impl Cache {
    /// The value to store under `key`: live if the serializer keeps objects, else encoded.
    #[inline]
    pub(super) fn encode<T: Serialize + Send + Sync + 'static>(&self, key: &str, value: T) -> Result<Value> {
        if self.view.serializer.keeps_objects() {
            // Kept as the type that it will be read as: no reader can ask for a `&str`.
            return Ok(match (&value as &dyn Any).downcast_ref::<&'static str>() {
                Some(text) => Value::typed(String::from(*text)),
                None => Value::typed(value),
            });
        }
        self.encode_bytes(key, &value)
    }

    /// The value to store under `key`, from a value that the caller keeps. Cheap to clone.
    pub(super) fn encode_copy<T: Serialize + Clone + Send + Sync + 'static>(
        &self,
        key: &str,
        value: &T,
    ) -> Result<Value> {
        if self.view.serializer.keeps_objects() {
            return self.encode(key, value.clone());
        }
        self.encode_bytes(key, value).map(Value::shared)
    }

    fn encode_bytes(&self, key: &str, value: &dyn erased_serde::Serialize) -> Result<Value> {
        let mut bytes = Vec::with_capacity(TYPICAL_LEN);
        self.view.serializer.serialize(value, &self.context(key), &mut bytes)?;
        let value = Value::from(bytes);
        Ok(if self.info().capabilities.keeps_decoded { value.decodable() } else { value })
    }

    /// The value stored under `key`, as a `T`.
    // It is compiled into what reads a hit: called, it moves the copy once more. By value, as `decode_object` takes it.
    #[allow(clippy::inline_always, clippy::needless_pass_by_value, reason = "measured: 25 instructions of a hit's 650")]
    #[inline(always)]
    pub(super) fn decode<T: DeserializeOwned + Clone + Send + Sync + 'static>(
        &self,
        key: &str,
        value: Value,
    ) -> Result<T> {
        match value.plain_or_decoded::<T>(self.view.decoder) {
            Some(object) => Ok(object.clone()),
            None => self.decode_other(key, &value),
        }
    }

    /// A stored value that isn't a live `T`.
    #[inline(never)]
    fn decode_other<T>(&self, key: &str, value: &Value) -> Result<T>
    where
        T: DeserializeOwned + Clone + Send + Sync + 'static,
    {
        if let Some((object, has_grace)) = value.hit_ref::<T>()
            && self.trusts(has_grace)
        {
            return Ok(object.clone());
        }
        let View { serializer, decoder, .. } = &*self.view;
        if let Some(object) = value.plain_decoded::<T>(*decoder) {
            return Ok(object.clone());
        }
        self.may_read(value)?;
        if let Some(object) = value.downcast_ref::<T>() {
            return Ok(object.clone());
        }
        if let Some(object) = value.decoded::<T>(*decoder) {
            return Ok(object.clone());
        }
        let (serializer, context) = (&**serializer, self.context(key));
        value.readable()?;
        if let Some(bytes) = value.as_bytes() {
            self.check_bytes(key)?;
            let object = read(serializer, bytes, &context)?;
            value.keep_decoded(*decoder, &object);
            return Ok(object);
        }
        let Some(object) = value.as_serialize() else {
            return Err(another_type::<T>(
                "a live object of another type is stored; read it with `get_object` as its own type",
            ));
        };
        // The other type is read from the encoded form of the stored one.
        let through = if serializer.keeps_objects() { converter() } else { Some(serializer) };
        let through = through.ok_or_else(|| {
            another_type::<T>(
                "a live object of another type is stored, and converting it needs the feature `json` of polycache",
            )
        })?;
        let mut bytes = Vec::with_capacity(TYPICAL_LEN);
        through.serialize(object, &context, &mut bytes).map_err(|error| {
            another_type::<T>("a live object of another type is stored, which can't be converted").with_source(error)
        })?;
        read(through, &bytes, &context).map_err(|error| {
            another_type::<T>(&format!("a live object of another type is stored, and converting it failed: {error}"))
        })
    }

    /// The stored live object.
    #[allow(clippy::inline_always, reason = "compiled into a hit, see `decode`")]
    #[inline(always)]
    pub(super) fn decode_object<T: Any + Send + Sync>(&self, _key: &str, value: Value) -> Result<Arc<T>> {
        value.into_plain_object().or_else(|value| self.decode_other_object(value))
    }

    #[inline(never)]
    fn decode_other_object<T: Any + Send + Sync>(&self, value: Value) -> Result<Arc<T>> {
        if let Some((_, has_grace)) = value.hit_ref::<T>()
            && self.trusts(has_grace)
        {
            return value.into_object().map_err(|value| not_shared::<T>(&value));
        }
        self.may_read(&value)?;
        value.into_object().map_err(|value| not_shared::<T>(&value))
    }

    /// The value, unless it is an object that the backend can't hold. It may come from another key, for which a serializer could refuse
    /// it: so the object that was decoded from it stays behind. So do the grace and the tags of the entry that it comes from.
    pub(super) fn storable(&self, value: Value) -> Result<Value> {
        if value.is_object() {
            self.takes_objects()?;
        }
        Ok(value.undecoded().without_entry())
    }

    pub(super) fn takes_objects(&self) -> Result<()> {
        let info = self.info();
        if info.capabilities.live_objects {
            return Ok(());
        }
        let text = format!(
            "the backend {} can't hold live objects; use `set`, or a memory backend with a weigher or bounded by entries",
            info.name
        );
        Err(Error::new(ErrorKind::Unsupported, text))
    }

    /// The serializer's context for the value under `key`, given by the caller's name.
    fn context<'a>(&'a self, key: &'a str) -> Context<'a> {
        Context::within(self.view.prefix.as_str(), key, self.view.options.key_builder.as_deref())
    }
}

fn read<T: DeserializeOwned>(serializer: &dyn Serializer, bytes: &[u8], context: &Context<'_>) -> Result<T> {
    let mut read = None;
    serializer.deserialize(bytes, context, &mut |deserializer| {
        read = Some(erased_serde::deserialize::<T>(deserializer)?);
        Ok(())
    })?;
    read.ok_or_else(|| {
        let text = format!("the serializer {} read no value", serializer.name());
        Error::new(ErrorKind::Decode, text)
    })
}

/// Turns a live object into another type.
fn converter() -> Option<&'static dyn Serializer> {
    #[cfg(feature = "json")]
    return Some(&crate::serializers::Json);
    #[cfg(not(feature = "json"))]
    None
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

/// The serializer, unless it keeps live objects on a backend that can't hold them.
pub(crate) fn checked_serializer(serializer: Arc<dyn Serializer>, info: &BackendInfo) -> Result<Arc<dyn Serializer>> {
    if !serializer.keeps_objects() || info.capabilities.live_objects {
        return Ok(serializer);
    }
    let text = format!(
        "the serializer {} keeps live objects, and the backend {} can't hold those here; use `Json` or another serializer, or (in memory) bound by entries or give a weigher",
        serializer.name(),
        info.name
    );
    Err(Error::new(ErrorKind::Config, text))
}
