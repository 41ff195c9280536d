//! The forms in which computed values are kept.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use super::Cache;
use crate::backends::graced::Age;
use crate::{Readable, Reply, Result, Storable, Ttl, Value};

/// The way a computed value is read and stored. Sealed: only [`Encoded`] and [`Live`] exist.
#[diagnostic::on_unimplemented(
    message = "`{T}` can't be cached",
    label = "not a value that a cache can keep",
    note = "a cached value is `Clone + Send + Sync + 'static`, and serde's `Serialize` and `Deserialize`, or is a `polycache::Value`",
    note = "an object without serde is kept in memory as an `Arc<T>`, by `#[cached(object)]` or `get_or_set_object`",
    note = "of a `Result` the value in `Ok` is cached; with `cache_errors` all of it"
)]
pub trait Form<T: Clone + Send + Sync + 'static>: private::Keep<T> {}

/// Read as by [`get`](Cache::get) and stored as by [`set`](Cache::set): any type of serde, by the cache's serializer.
#[derive(Debug, Clone, Copy)]
pub struct Encoded;

/// Read as by [`get_object`](Cache::get_object) and stored as by [`set_object`](Cache::set_object): an `Arc` of any type, which all
/// readers share.
#[derive(Debug, Clone, Copy)]
pub struct Live;

#[diagnostic::do_not_recommend]
impl<T: Storable + Readable> Form<T> for Encoded {}

#[diagnostic::do_not_recommend]
impl<T: Any + Send + Sync> Form<Arc<T>> for Live {}

pub(crate) mod private {
    use super::{Age, Any, Arc, Cache, Duration, Encoded, Live, Readable, Reply, Result, Storable, Ttl, Value};

    /// Reads a stored value.
    pub trait Reads<T> {
        /// Reads the value stored under `key`.
        fn read(cache: &Cache, key: &str, stored: Value) -> Result<T>;

        /// The same of one that is so old.
        fn read_aged(cache: &Cache, key: &str, stored: Value, age: Age) -> Result<T> {
            let _ = age;
            Self::read(cache, key, stored)
        }
    }

    impl<T: Readable> Reads<T> for Encoded {
        #[allow(clippy::inline_always, reason = "this is the hit of `multi_get`")]
        #[inline(always)]
        fn read(cache: &Cache, key: &str, stored: Value) -> Result<T> {
            T::read(cache, key, stored)
        }
    }

    impl<T: Any + Send + Sync> Reads<Arc<T>> for Live {
        fn read(cache: &Cache, key: &str, stored: Value) -> Result<Arc<T>> {
            cache.decode_object(key, stored)
        }
    }

    pub trait Keep<T>: Reads<T> + Send + Sync + 'static {
        /// The life of a computation's lease, if it takes one.
        fn lease_life(cache: &Cache) -> Option<Duration>;

        fn get(cache: &Cache, key: &str) -> Reply<Option<T>>;

        fn multi_get(cache: &Cache, keys: &[impl AsRef<str>]) -> Reply<Vec<Option<T>>>;

        /// What there is for who would compute it otherwise: as by `get`, and also a stale value whose source isn't to be asked yet.
        fn serve(cache: &Cache, key: &str) -> Reply<Option<T>>
        where
            T: Send + 'static,
        {
            if cache.has_grace() { cache.serve(key, Self::read_aged) } else { Self::get(cache, key) }
        }

        /// As by `get`, and also a stale value, with its age. For caches with a grace.
        fn aged(cache: &Cache, key: &str) -> Reply<Option<(T, Age)>>
        where
            T: Send + 'static,
        {
            cache.aged(key, Self::read_aged)
        }

        /// As by `multi_get`, and also stale values, with the age of each.
        fn multi_aged(cache: &Cache, keys: &[impl AsRef<str>]) -> Reply<Vec<Option<(T, Age)>>>
        where
            T: Clone + Send + 'static,
        {
            cache.multi_aged(keys, Self::read_aged)
        }

        /// As by `serve`, but not what is to be renewed.
        fn serve_calm(cache: &Cache, key: &str) -> Reply<Option<T>>
        where
            T: Send + 'static,
        {
            cache.serve_calm(key, Self::read_aged)
        }

        /// Whether a leader looks once more before it computes: a stale value may be there whose source isn't to be asked yet. Who takes a
        /// lease looks then.
        fn looks_again(cache: &Cache) -> bool {
            cache.has_grace() && Self::lease_life(cache).is_none()
        }

        /// What there is to be replaced, be it stale.
        fn present(cache: &Cache, key: &str) -> Reply<Option<T>>
        where
            T: Send + 'static,
        {
            cache.serve_stale(key, Self::read_aged)
        }

        /// The value that tags are made of.
        fn plain(value: &T) -> &dyn Any
        where
            T: 'static,
        {
            value
        }

        /// The TTL that a value brings, if that isn't the cache's.
        fn ttl(value: &T) -> Option<Ttl> {
            let _ = value;
            None
        }

        /// The value to store under `key`, from a value that the caller keeps. Cheap to clone.
        fn store(cache: &Cache, key: &str, value: &T) -> Result<Value>;
    }

    impl<T: Storable + Readable> Keep<T> for Encoded {
        #[inline]
        fn lease_life(cache: &Cache) -> Option<Duration> {
            cache.lease_life()
        }

        #[allow(clippy::inline_always, reason = "this is the hit of `get_or_set`")]
        #[inline(always)]
        fn get(cache: &Cache, key: &str) -> Reply<Option<T>> {
            cache.get(key)
        }

        fn multi_get(cache: &Cache, keys: &[impl AsRef<str>]) -> Reply<Vec<Option<T>>> {
            cache.multi_get(keys)
        }

        fn store(cache: &Cache, key: &str, value: &T) -> Result<Value> {
            value.store_copy(cache, key)
        }
    }

    impl<T: Any + Send + Sync> Keep<Arc<T>> for Live {
        /// No other process could find the object.
        fn lease_life(_cache: &Cache) -> Option<Duration> {
            None
        }

        #[inline]
        fn get(cache: &Cache, key: &str) -> Reply<Option<Arc<T>>> {
            cache.get_object(key)
        }

        fn multi_get(cache: &Cache, keys: &[impl AsRef<str>]) -> Reply<Vec<Option<Arc<T>>>> {
            cache.multi_read::<Self, _>(keys)
        }

        fn store(cache: &Cache, _key: &str, value: &Arc<T>) -> Result<Value> {
            cache.takes_objects().map(|()| Value::object(Arc::clone(value)))
        }
    }
}
