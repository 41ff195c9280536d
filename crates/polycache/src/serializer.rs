//! The contract of a serializer: how values become bytes, and bytes values.

use std::fmt::Debug;

use crate::Result;

/// Reads one value out of a deserializer; see [`Serializer::deserialize`].
pub type Visit<'a> = dyn FnMut(&mut dyn erased_serde::Deserializer<'_>) -> Result<(), erased_serde::Error> + 'a;

/// Translates between the caller's types and the bytes a backend holds.
///
/// One object serves every type: both directions go through [`erased_serde`]. A serializer that wraps another (for
/// compression, encryption, a checksum) calls the inner one and changes its bytes; the example `compression` shows one.
///
/// A decoder must survive any bytes: no panic, no stack overflow (refuse nesting beyond 128), no memory out of proportion
/// to the input, and bytes after the value are an error. Its errors have the kind
/// [`Decode`](crate::ErrorKind::Decode) and name the position, where the format has one.
///
/// ```
/// use polycache::serializer::{Serializer, Visit};
/// use polycache::serializers::Json;
/// use polycache::{Cache, Error, ErrorKind, Result};
///
/// /// JSON with a version byte in front.
/// #[derive(Debug)]
/// struct Versioned(Json);
///
/// impl Serializer for Versioned {
///     fn name(&self) -> &str {
///         "versioned json"
///     }
///
///     fn serialize(&self, value: &dyn erased_serde::Serialize) -> Result<Vec<u8>> {
///         let mut bytes = vec![1];
///         bytes.extend(self.0.serialize(value)?);
///         Ok(bytes)
///     }
///
///     fn deserialize(&self, bytes: &[u8], visit: &mut Visit<'_>) -> Result<()> {
///         match bytes.split_first() {
///             Some((1, json)) => self.0.deserialize(json, visit),
///             _ => Err(Error::new(ErrorKind::Decode, "not version 1, at byte 0")),
///         }
///     }
///
///     fn reads_decimal_text(&self) -> bool {
///         false // a counter kept as "42" has no version byte
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<()> {
/// let cache = Cache::builder().serializer(Versioned(Json)).build()?;
/// cache.set("k", vec![1, 2, 3]).await?;
/// assert_eq!(cache.get::<Vec<i32>>("k").await?, Some(vec![1, 2, 3]));
/// # Ok(()) }
/// ```
pub trait Serializer: Debug + Send + Sync + 'static {
    /// What error messages call it, for example `"json"`.
    fn name(&self) -> &str;

    /// Encodes `value`.
    ///
    /// # Errors
    /// [`Encode`](crate::ErrorKind::Encode) where the format has no form for the value.
    fn serialize(&self, value: &dyn erased_serde::Serialize) -> Result<Vec<u8>>;

    /// Decodes `bytes`: makes a deserializer over them, calls `visit` with it exactly once, then refuses what is left
    /// over.
    ///
    /// # Errors
    /// [`Decode`](crate::ErrorKind::Decode) where the bytes aren't the format's, or not a value of the type that
    /// `visit` reads.
    fn deserialize(&self, bytes: &[u8], visit: &mut Visit<'_>) -> Result<()>;

    /// Whether a counter that the backend keeps as decimal text (`42`) reads back as the number. Where it doesn't,
    /// `increment` is refused.
    fn reads_decimal_text(&self) -> bool;

    /// Whether values are kept as live objects, never as bytes. True for [`Null`](crate::serializers::Null) alone; such
    /// a serializer works with a backend of this process only.
    fn keeps_objects(&self) -> bool {
        false
    }
}
