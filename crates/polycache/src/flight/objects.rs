//! `get_or_set_object` and `multi_get_or_set_object`, for objects that serde doesn't know.

use std::any::Any;
use std::future::Future;
use std::sync::Arc;

use super::get_or_set::GetOrSet;
use super::multi_get_or_set::{MultiGetOrSet, begin};
use super::shareable::Shareable;
use crate::Cache;
use crate::cache::Live;

impl Cache {
    /// The live object under `key`; if there is none, the result of `compute`, which is stored. As [`get_or_set`](Self::get_or_set), but
    /// without serde: all readers share the object, as by [`get_object`](Self::get_object) and [`set_object`](Self::set_object).
    ///
    /// If the backend can't hold live objects, nothing is stored: callers that ask at the same time share the computed object, and a
    /// `tracing` event tells why the next one computes again. Other processes neither see the object nor wait for it.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), std::sync::Arc<std::io::Error>> {
    /// use std::sync::Arc;
    ///
    /// struct Model(Vec<f32>); // nothing that serde knows
    ///
    /// async fn load() -> Result<Arc<Model>, Arc<std::io::Error>> {
    ///     Ok(Arc::new(Model(vec![0.5; 1_000]))) // takes a while
    /// }
    ///
    /// let cache = polycache::Cache::memory();
    /// let model = cache.get_or_set_object("model", load).await?;
    /// let again = cache.get_or_set_object("model", load).await?;
    /// assert!(Arc::ptr_eq(&model, &again) && again.0.len() == 1_000);
    /// # Ok(()) }
    /// ```
    #[inline]
    pub fn get_or_set_object<'a, T, E, F, Fut>(
        &'a self,
        key: &'a str,
        compute: F,
    ) -> GetOrSet<'a, Arc<T>, E, F, Fut, Live>
    where
        T: Any + Send + Sync,
        E: Shareable,
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<Arc<T>, E>>,
    {
        GetOrSet::new(self, key, compute)
    }

    /// The live objects under `keys`, in their order; the missing ones are computed, by one call, and stored. As
    /// [`multi_get_or_set`](Self::multi_get_or_set), for objects as of [`get_or_set_object`](Self::get_or_set_object).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// use std::convert::Infallible;
    /// use std::sync::Arc;
    ///
    /// struct Model(u64); // nothing that serde knows
    ///
    /// let cache = polycache::Cache::memory();
    /// let load = |missing: Vec<String>| async move {
    ///     Ok::<_, Infallible>(missing.into_iter().map(|name| (name, Arc::new(Model(1)))).collect::<Vec<_>>())
    /// };
    /// let models = cache.multi_get_or_set_object(&["small", "large"], load).await;
    /// let [Ok(Some(small)), Ok(Some(_))] = &models[..] else { panic!("both were computed") };
    /// assert_eq!(small.0, 1);
    /// # }
    /// ```
    #[allow(clippy::type_complexity, reason = "a future's type has no name")]
    pub fn multi_get_or_set_object<'a, T, E, K, Values, F, Fut>(
        &'a self,
        keys: &'a [impl AsRef<str>],
        compute: F,
    ) -> MultiGetOrSet<impl Future<Output = Vec<Result<Option<Arc<T>>, E>>>, Live, Arc<T>, E, F>
    where
        T: Any + Send + Sync,
        E: Shareable,
        K: AsRef<str>,
        Values: IntoIterator<Item = (K, Arc<T>)>,
        F: FnMut(Vec<String>) -> Fut,
        Fut: Future<Output = Result<Values, E>>,
    {
        begin(self, keys, compute)
    }
}
