//! The types that commands store and read: any type of serde, encoded; and [`Value`], as it is.

use serde_core::Serialize;
use serde_core::de::DeserializeOwned;

use super::Cache;
use crate::{Result, Value};

/// A type that a command can store: every type with serde's `Serialize` that is `Send + Sync + 'static`, and [`Value`].
///
/// The cache's serializer encodes a type of serde. A [`Value`] is stored as it is, not encoded; one with a live object is refused with
/// [`Unsupported`](crate::ErrorKind::Unsupported) if the backend can't hold it. This is the bound for functions that store any value of
/// their caller's:
///
/// ```
/// use polycache::{Cache, Result, Storable};
///
/// async fn remember(cache: &Cache, answer: impl Storable) -> Result<()> {
///     cache.set("answer", answer).await
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<()> {
/// let cache = Cache::memory();
/// remember(&cache, 42).await?;
/// assert_eq!(cache.get::<i32>("answer").await?, Some(42));
/// # Ok(()) }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be stored in a cache",
    label = "not a value that a cache can encode",
    note = "a stored value has serde's `Serialize` (derive it) and is `Send + Sync + 'static`, or is a `polycache::Value`",
    note = "an object that serde doesn't know is kept in memory with `set_object`, or computed with `get_or_set_object`"
)]
pub trait Storable: Send + Sync + 'static + private::Store {}

/// A type that a command can read: every type with serde's `Deserialize` that is `Clone + Send + Sync + 'static` and borrows nothing, and
/// [`Value`].
///
/// The cache's serializer decodes a type of serde. One that borrows, as in `get::<&str>`, doesn't compile: rustc says that the
/// "implementation of `Deserialize` is not general enough". Read a `String` instead, and a `Vec<T>` for a `&[T]`.
///
/// A [`Value`] is the stored value as it is:
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
/// use polycache::serializers::Json;
/// use polycache::{Cache, Value};
///
/// let cache = Cache::builder().serializer(Json).build()?;
/// cache.set("k", [1, 2]).await?;
/// let stored = cache.get::<Value>("k").await?.expect("set above");
/// assert_eq!(stored.as_bytes(), Some(&b"[1,2]"[..]));
///
/// cache.set("copy", stored).await?;
/// assert_eq!(cache.get::<Vec<u8>>("copy").await?, Some(vec![1, 2]));
/// # Ok(()) }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be read from a cache",
    label = "not a value that a cache can decode",
    note = "a value is read as a type of its own with serde's `Deserialize` (derive it) that is `Clone + Send + Sync + 'static`, or as a `polycache::Value`",
    note = "what is read borrows nothing from the cache: `String` instead of `&str`, `Vec<T>` instead of `&[T]`",
    note = "an object that serde doesn't know is read with `get_object`"
)]
pub trait Readable: Clone + Send + Sync + 'static + private::Read {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + Send + Sync + 'static> Storable for T {}

#[diagnostic::do_not_recommend]
impl Storable for Value {}

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned + Clone + Send + Sync + 'static> Readable for T {}

#[diagnostic::do_not_recommend]
impl Readable for Value {}

mod private {
    use super::{Cache, DeserializeOwned, Result, Serialize, Value};

    pub trait Store {
        /// The value to store under `key`.
        fn store(self, cache: &Cache, key: &str) -> Result<Value>;

        /// The value to store under `key`, from a value that the caller keeps. Cheap to clone.
        fn store_copy(&self, cache: &Cache, key: &str) -> Result<Value>
        where
            Self: Clone;
    }

    pub trait Read: Sized {
        /// Reads the value stored under `key`.
        fn read(cache: &Cache, key: &str, stored: Value) -> Result<Self>;
    }

    impl<T: Serialize + Send + Sync + 'static> Store for T {
        #[inline]
        fn store(self, cache: &Cache, key: &str) -> Result<Value> {
            cache.encode(key, self)
        }

        fn store_copy(&self, cache: &Cache, key: &str) -> Result<Value>
        where
            Self: Clone,
        {
            cache.encode_copy(key, self)
        }
    }

    impl Store for Value {
        #[inline]
        fn store(self, cache: &Cache, _key: &str) -> Result<Value> {
            cache.storable(self)
        }

        fn store_copy(&self, cache: &Cache, _key: &str) -> Result<Value> {
            cache.storable(self.clone()).map(Value::shared)
        }
    }

    impl<T: DeserializeOwned + Clone + Send + Sync + 'static> Read for T {
        // A call would move a hit's copy once more.
        #[allow(clippy::inline_always, reason = "measured, see `Cache::decode`")]
        #[inline(always)]
        fn read(cache: &Cache, key: &str, stored: Value) -> Result<T> {
            cache.decode(key, stored)
        }
    }

    impl Read for Value {
        #[inline]
        fn read(cache: &Cache, key: &str, stored: Value) -> Result<Value> {
            stored.readable()?;
            if !stored.is_object() {
                cache.check_bytes(key)?;
            }
            cache.may_read(&stored)?;
            Ok(stored)
        }
    }
}
