//! The contract of a serializer, which turns values into bytes, and bytes into values.

use std::borrow::Cow;
use std::fmt::{self, Debug};

use crate::Result;
use crate::key::KeyBuilder;

/// Reads one value from a deserializer; see [`Serializer::deserialize`].
pub type Visit<'a> = dyn FnMut(&mut dyn erased_serde::Deserializer<'_>) -> Result<(), erased_serde::Error> + 'a;

/// A serializer's knowledge of a value besides the value: the key that it is stored under.
///
/// ```
/// use polycache::serializer::{Context, Serializer};
/// use polycache::serializers::Json;
///
/// let context = Context::new("users:7");
/// let mut bytes = Vec::new();
/// Json.serialize(&[1, 2], &context, &mut bytes)?;
/// assert_eq!((bytes.as_slice(), &*context.key()), (&b"[1,2]"[..], "users:7"));
/// # Ok::<(), polycache::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The namespace and its separator.
    prefix: &'a str,
    /// The caller's name for the key.
    name: &'a str,
    builder: Option<&'a KeyBuilder>,
}

impl<'a> Context<'a> {
    /// The context of a value under this full key. For calling a serializer without a cache.
    #[must_use]
    pub const fn new(key: &'a str) -> Self {
        Self { prefix: "", name: key, builder: None }
    }

    pub(crate) const fn within(prefix: &'a str, name: &'a str, builder: Option<&'a KeyBuilder>) -> Self {
        Self { prefix, name, builder }
    }

    /// The full key, with its namespace, as the backend sees it. It is joined here: a serializer that doesn't ask pays nothing.
    #[must_use]
    pub fn key(&self) -> Cow<'a, str> {
        let name = match self.builder {
            Some(build) => Cow::Owned(build(self.name)),
            None => Cow::Borrowed(self.name),
        };
        if self.prefix.is_empty() { name } else { Cow::Owned([self.prefix, &name].concat()) }
    }
}

impl Debug for Context<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("key", &self.key()).finish()
    }
}

/// Turns the caller's types into the bytes that a backend holds, and back.
///
/// One object serves every type: both directions go through [`erased_serde`]. A serializer that wraps another (for compression,
/// encryption, a checksum) calls the inner one and changes its bytes; the example `compression` shows one.
///
/// A decoder must survive any bytes: no panic, no stack overflow (refuse nesting beyond 128), no memory out of proportion to the input,
/// and bytes after the value are an error. Its errors have the kind [`Decode`](crate::ErrorKind::Decode) and name the position, if the
/// format has one. Its result depends only on the bytes and the context: if a backend may [keep decoded
/// objects](crate::backend::Capabilities::keeps_decoded), the decoder is asked once.
///
/// Both directions get the [`Context`], which has the key. A wrapper that binds a value to its key refuses bytes that were stored under
/// another one; encryption does the same with the key as associated data:
///
/// ```
/// use polycache::serializer::{Context, Serializer, Visit};
/// use polycache::serializers::Json;
/// use polycache::{Cache, Error, ErrorKind, Result, Value};
///
/// /// Behind a checksum of the value and its key.
/// #[derive(Debug)]
/// struct Bound<S>(S);
///
/// fn sum(key: &str, bytes: &[u8]) -> [u8; 4] {
///     let all = key.bytes().chain([0]).chain(bytes.iter().copied());
///     all.fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into())).to_be_bytes()
/// }
///
/// impl<S: Serializer> Serializer for Bound<S> {
///     fn name(&self) -> &str {
///         "bound"
///     }
///
///     fn serialize(&self, value: &dyn erased_serde::Serialize, context: &Context<'_>, out: &mut Vec<u8>) -> Result<()> {
///         let start = out.len();
///         self.0.serialize(value, context, out)?;
///         out.extend(sum(&context.key(), &out[start..]));
///         Ok(())
///     }
///
///     fn deserialize(&self, bytes: &[u8], context: &Context<'_>, visit: &mut Visit<'_>) -> Result<()> {
///         match bytes.split_last_chunk() {
///             Some((bytes, last)) if *last == sum(&context.key(), bytes) => self.0.deserialize(bytes, context, visit),
///             _ => Err(Error::new(ErrorKind::Decode, "bound can't decode this: it was stored under another key")),
///         }
///     }
///
///     fn reads_decimal_text(&self) -> bool {
///         false // a counter kept as "42" has no checksum
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<()> {
/// let cache = Cache::builder().serializer(Bound(Json)).build()?;
/// cache.set("ada", vec![1, 2, 3]).await?;
/// assert_eq!(cache.get::<Vec<i32>>("ada").await?, Some(vec![1, 2, 3]));
///
/// let moved = cache.get::<Value>("ada").await?.expect("set above");
/// cache.set("eve", moved).await?;
/// assert_eq!(cache.get::<Vec<i32>>("eve").await.unwrap_err().kind(), ErrorKind::Decode);
/// # Ok(()) }
/// ```
pub trait Serializer: Debug + Send + Sync + 'static {
    /// The serializer's name in error messages, for example `"json"`.
    fn name(&self) -> &str;

    /// Encodes `value`: appends its bytes to `out`, and leaves bytes that are there already alone. After an error `out` may hold a part
    /// of the value.
    ///
    /// # Errors
    /// [`Encode`](crate::ErrorKind::Encode) if the format has no form for the value.
    fn serialize(&self, value: &dyn erased_serde::Serialize, context: &Context<'_>, out: &mut Vec<u8>) -> Result<()>;

    /// Decodes `bytes`: makes a deserializer over them, calls `visit` with it exactly once, then refuses any bytes that are left.
    ///
    /// # Errors
    /// [`Decode`](crate::ErrorKind::Decode) if the bytes aren't the format's, or not a value of the type that `visit` reads.
    fn deserialize(&self, bytes: &[u8], context: &Context<'_>, visit: &mut Visit<'_>) -> Result<()>;

    /// Whether a counter that the backend keeps as decimal text (`42`) reads back as the number. If not, `increment` is refused.
    fn reads_decimal_text(&self) -> bool;

    /// Whether values are kept as live objects, never as bytes. True only for [`Null`](crate::serializers::Null); such a serializer works
    /// only with a backend of this process.
    fn keeps_objects(&self) -> bool {
        false
    }
}
