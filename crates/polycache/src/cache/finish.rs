//! A command's result, made from the backend's answer within its time.

use std::future::Future;
use std::time::Duration;

use compact_str::CompactString;

use super::Cache;
use crate::limit::limited;
use crate::repeated::tell_repeated;
use crate::{CommandName, Error, ErrorKind, OnError, Reply, Result};

impl Cache {
    /// Makes a command's result from the backend's reply: at once if that is ready, else when it comes.
    #[inline]
    pub(super) fn finish<A: Send + 'static, B: Send + 'static>(
        &self,
        name: CommandName,
        key: Option<&str>,
        reply: Reply<A>,
        finish: impl FnOnce(&Self, &str, Result<A>) -> Result<B> + Send + 'static,
    ) -> Reply<B> {
        match reply.now() {
            Ok(result) => {
                let result = finish(self, key.unwrap_or_default(), result);
                Reply::from(result.map_err(|error| error.of(name, key)))
            }
            Err(pending) => self.wait(name, key, pending, finish),
        }
    }

    #[inline(never)]
    pub(super) fn wait<A: Send + 'static, B: Send + 'static>(
        &self,
        name: CommandName,
        key: Option<&str>,
        pending: Reply<A>,
        finish: impl FnOnce(&Self, &str, Result<A>) -> Result<B> + Send + 'static,
    ) -> Reply<B> {
        let cache = self.clone();
        // A short name needs no allocation.
        let key = key.map(CompactString::new);
        Reply::pending(async move {
            let result = cache.limited(pending).await;
            let result = finish(&cache, key.as_deref().unwrap_or_default(), result);
            result.map_err(|error| error.of(name, key.as_deref()))
        })
    }

    /// Awaits `future` for as long as a command of this cache may take.
    pub(crate) fn limited<T, F: Future<Output = Result<T>>>(
        &self,
        future: F,
    ) -> impl Future<Output = Result<T>> + use<T, F> {
        limited(self.time_limit(), self.timeout, future)
    }

    pub(super) fn time_limit(&self) -> Option<Duration> {
        (!self.timeout.is_zero()).then_some(self.timeout)
    }

    /// The result of a failed read: a miss, if the builder chose that and the backend is to blame.
    #[cold]
    pub(super) fn missed<B>(&self, error: Error, miss: B) -> Result<B> {
        let options = &self.view.options;
        let backend_trouble = error.kind().is_backend_trouble() && options.on_error == OnError::Miss;
        let decode_trouble = error.kind() == ErrorKind::Decode && options.on_decode_error == OnError::Miss;
        if backend_trouble || decode_trouble {
            tell_repeated!(WARN, (self.flights().mark(), error.kind()), %error, "a failed read counts as a miss");
            return Ok(miss);
        }
        Err(error)
    }
}
