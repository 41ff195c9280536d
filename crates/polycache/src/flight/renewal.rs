//! `get_or_renew`: a computation that is shown the value that it is to replace.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::get_or_set::GetOrSet;
use super::shareable::Shareable;
use crate::backend::WallClock;
use crate::cache::{Form, Items, Keep as _};
use crate::{Cache, Item, Readable, Reply, Storable};

impl Cache {
    /// The value under `key` with what belongs to it; if there is none, the result of `compute`, which is stored. As
    /// [`get_or_set`](Self::get_or_set), but `compute` is given the [`Item`] that it is to replace, where one is stale or to be [refreshed
    /// early](crate::CacheBuilder::refresh_early), and returns an [`Item`], which may have a TTL and an `ETag` of its own. It returns the
    /// one that it was given if that is unchanged: then it is stored anew, for another TTL.
    ///
    /// Callers are told how fresh the value is, and its age. Values are stored behind a [head](crate::Head): a number is no counter.
    ///
    /// ```
    /// use polycache::backends::memory::{ManualClock, Memory};
    /// use polycache::{Cache, Freshness, Item, Ttl};
    /// use std::time::Duration;
    ///
    /// /// From a server that is asked "if none match".
    /// async fn fetch(present: Option<Item<String>>) -> Result<Item<String>, String> {
    ///     match present {
    ///         Some(item) if item.etag() == Some("v7") => Ok(item), // "not modified"
    ///         _ => Ok(Item::new("7 euros".to_owned()).with_etag("v7").with_ttl(Ttl::secs(60))),
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let clock = ManualClock::new();
    /// let memory = Memory::builder().manual_clock(&clock).build()?;
    /// let cache = Cache::builder().backend(memory).ttl(Ttl::secs(30)).grace(Duration::from_secs(3_600)).build()?;
    /// assert_eq!(cache.get_or_renew("price", fetch).await?.value, "7 euros");
    ///
    /// clock.advance(Duration::from_secs(50));
    /// let item = cache.get_or_renew("price", fetch).await?;
    /// assert_eq!((item.freshness(), item.age()), (Freshness::Fresh, Duration::from_secs(50)));
    ///
    /// clock.advance(Duration::from_secs(20));
    /// let item = cache.get_or_renew("price", fetch).await?; // asks, and finds it unchanged
    /// assert_eq!((&*item.value, item.age()), ("7 euros", Duration::ZERO));
    /// # Ok(()) }
    /// ```
    #[allow(clippy::type_complexity, reason = "a closure's type has no name")]
    pub fn get_or_renew<'a, T, E, F, Fut>(
        &'a self,
        key: &'a str,
        compute: F,
    ) -> GetOrSet<'a, Item<T>, E, impl FnOnce() -> Renewal<T, F, Fut> + use<'a, T, E, F, Fut>, Renewal<T, F, Fut>, Items>
    where
        T: Storable + Readable,
        E: Shareable,
        F: FnOnce(Option<Item<T>>) -> Fut,
        Fut: Future<Output = Result<Item<T>, E>>,
    {
        GetOrSet::new(self, key, move || Renewal {
            present: Items::present(&self.bare(), key),
            clock: self.info().clock.clone(),
            compute: Some(compute),
            computing: None,
        })
    }
}

pin_project! {
    /// The computation of [`Cache::get_or_renew`]: it looks for the present value first.
    pub struct Renewal<T, F, Fut> {
        present: Reply<Option<Item<T>>>,
        clock: WallClock,
        compute: Option<F>,
        #[pin]
        computing: Option<Fut>,
    }
}

impl<T, E, F, Fut> Future for Renewal<T, F, Fut>
where
    Items: Form<Item<T>>,
    T: Storable + Readable,
    F: FnOnce(Option<Item<T>>) -> Fut,
    Fut: Future<Output = Result<Item<T>, E>>,
{
    type Output = Result<Item<T>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if this.computing.is_none() {
            // What can't be read is replaced.
            let present = ready!(Pin::new(&mut *this.present).poll(context)).ok().flatten();
            let Some(compute) = this.compute.take() else { return Poll::Pending };
            this.computing.set(Some(compute(present)));
        }
        let Some(computing) = this.computing.as_mut().as_pin_mut() else { return Poll::Pending };
        Poll::Ready(ready!(computing.poll(context)).map(|item| item.computed(this.clock.now())))
    }
}

impl<T, F, Fut> fmt::Debug for Renewal<T, F, Fut> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Renewal").finish_non_exhaustive()
    }
}
