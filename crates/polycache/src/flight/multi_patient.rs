//! How long a bulk call waits, and what goes on without it.
//!
//! As with a single key, the limits are around the rest of the way, and touch no flight. A call that may leave has a task go that way from
//! the first miss on, so that whatever it leads is computed. The same task refreshes early what the call has found.

use std::future::{Future, poll_fn};
use std::panic::resume_unwind;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::approach::when_missing;
use super::circle::Inside;
use super::lead::Policy;
use super::multi::{Bulk, Led, Results};
use super::multi_read::{Missing, read, try_lead};
use super::patient::{given, too_slow};
use super::shareable::Shareable;
use crate::backend::When;
use crate::backends::graced::Age;
use crate::cache::Form;
use crate::join::join_all;
use crate::limit::timer;
use crate::{Cache, Error};

/// Gives the rest of a bulk call to a task.
pub(crate) type SpawnMany<T, E, F> = fn(&Handle, Rest<T, E, F>) -> Running<T, E>;

/// The rest of a bulk call.
pub(crate) struct Rest<T: Send + Sync + 'static, E: Send + Sync + 'static, F> {
    cache: Cache,
    names: Vec<String>,
    policy: Policy<T>,
    compute: F,
    /// `None` if all are to be computed, whatever is there.
    missing: Option<Vec<Missing>>,
    /// What is to be refreshed after that,
    early: Vec<(usize, When)>,
    /// and what of it this call leads already.
    led: Vec<Led<T, E>>,
}

/// Such a task, and its results.
pub(crate) struct Running<T, E>(JoinHandle<()>, oneshot::Receiver<Results<T, E>>);

/// A bulk call. With `anew` all keys are computed, whatever is stored or computed by others; then no name may come twice. With `spawn` a
/// task computes, if there are tasks; `times_out` makes an error of the caller's type from ours, if that is possible.
pub(crate) async fn run<Kept, T, E, K, Values, F, Fut>(
    cache: &Cache,
    names: &[&str],
    policy: Policy<T>,
    anew: bool,
    spawn: Option<SpawnMany<T, E, F>>,
    times_out: impl Fn(Error) -> Option<E>,
    compute: F,
) -> Results<T, E>
where
    Kept: Form<T>,
    T: Clone + Send + Sync + 'static,
    E: Shareable,
    K: AsRef<str>,
    Values: IntoIterator<Item = (K, T)>,
    F: FnMut(Vec<String>) -> Fut,
    Fut: Future<Output = Result<Values, E>>,
{
    let mut call = Waiting { cache, names, results: names.iter().map(|_| None).collect(), times_out };
    let open: Vec<usize> = (0..names.len()).collect();
    let task = spawn.and_then(|spawn| Some((Handle::try_current().ok()?, spawn)));
    let aged = task.is_some() && cache.asks_age();
    let (mut missing, mut early) = (None, Vec::new());
    if !anew {
        let mut absent = Vec::new();
        for (one, found) in read::<Kept, T>(cache, names, open, aged).await {
            let (value, age) = match found {
                Ok(found) => found,
                Err(when) => {
                    absent.push(Missing { when, ..one });
                    continue;
                }
            };
            match age {
                Age::Fresh(_) | Age::Resting => {}
                Age::Early(_) => early.push((one.index, When::Always)),
                Age::Stale { .. } if cache.serves_stale_at_once() => early.push((one.index, when_missing(cache))),
                Age::Stale { .. } => {
                    absent.push(Missing { when: when_missing(cache), ..one });
                    continue;
                }
            }
            call.results[one.index] = Some(Ok(Some(value)));
        }
        missing = Some(absent);
    }
    let is_complete = missing.as_ref().is_some_and(Vec::is_empty);
    let led = if is_complete { try_lead(cache, names, &std::mem::take(&mut early)) } else { Vec::new() };
    if is_complete && led.is_empty() {
        return call.results();
    }
    let Some((runtime, spawn)) = task else {
        let mut bulk = Bulk::<_, _, _, Kept>::new(cache, names, policy, compute);
        call.wait::<Kept>(bulk.complete(missing), None).await;
        return call.results();
    };
    // With zero, what is stale has been given by now.
    let soft =
        cache.options().patience.soft_timeout.filter(|limit| !anew && !limit.is_zero() && cache.may_serve_stale());
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    let errand = Rest { cache: cache.clone(), names, policy, compute, missing, early, led };
    let running = spawn(&runtime, errand);
    if !is_complete {
        call.wait::<Kept>(running.results(), soft).await;
    }
    call.results()
}

/// Such a task.
pub(crate) fn spawn<Kept, T, E, K, Values, F, Fut>(runtime: &Handle, errand: Rest<T, E, F>) -> Running<T, E>
where
    Kept: Form<T>,
    T: Clone + Send + Sync + 'static,
    E: Shareable,
    K: AsRef<str> + 'static,
    Values: IntoIterator<Item = (K, T)> + 'static,
    F: FnMut(Vec<String>) -> Fut + Send + 'static,
    Fut: Future<Output = Result<Values, E>> + Send + 'static,
{
    let (tell, told) = oneshot::channel();
    let inside = Inside::current();
    let mut work = Box::pin(async move {
        let Rest { cache, names, policy, compute, missing, early, mut led } = errand;
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut bulk = Bulk::<_, _, _, Kept>::new(&cache, &names, policy, compute);
        bulk.caller = Some(tell);
        if missing.as_ref().is_none_or(|missing| !missing.is_empty()) {
            bulk.complete_for_caller(missing).await;
        }
        led.extend(try_lead(&cache, &names, &early));
        if !led.is_empty() {
            bulk.renew(led).await;
        }
    });
    // The caller's computations wait for what this does.
    Running(runtime.spawn(poll_fn(move |context| inside.poll(|| work.as_mut().poll(context)))), told)
}

impl<T, E> Running<T, E> {
    async fn results(self) -> Results<T, E> {
        let Self(task, told) = self;
        if let Ok(results) = told.await {
            return results;
        }
        match task.await.map_err(tokio::task::JoinError::try_into_panic) {
            Err(Ok(panic)) => resume_unwind(panic),
            // There is nothing to return, and whoever polls this mustn't hang.
            _ => resume_unwind(Box::new("the runtime that computed the values was shut down")),
        }
    }
}

/// A call that waits for the rest of its way.
struct Waiting<'a, T, E, X> {
    cache: &'a Cache,
    names: &'a [&'a str],
    results: Vec<Option<Result<Option<T>, E>>>,
    times_out: X,
}

impl<T, E, X> Waiting<'_, T, E, X>
where
    T: Clone + Send + Sync + 'static,
    E: Shareable,
    X: Fn(Error) -> Option<E>,
{
    /// Waits for the results of what is missing, as long as the limits allow: `soft` ends it for keys with a stale value.
    async fn wait<Kept: Form<T>>(&mut self, rest: impl Future<Output = Results<T, E>>, soft: Option<Duration>) {
        let began = Instant::now();
        let mut open: Vec<usize> = (0..self.names.len()).filter(|index| self.results[*index].is_none()).collect();
        let asked = open.clone();
        let hard = self.cache.options().patience.hard_timeout;
        let hard = (!hard.is_zero()).then_some(hard);
        let mut rest = pin!(rest);
        for (limit, is_hard) in soft.map(|limit| (limit, false)).into_iter().chain(hard.map(|limit| (limit, true))) {
            // Without timers it waits.
            let Ok(timer) = timer(limit.saturating_sub(began.elapsed())) else { continue };
            let (cache, names) = (self.cache, self.names);
            let looks = async {
                timer.await;
                let bare = cache.bare();
                // Others may have computed some of them meanwhile.
                let look = |name| match bare.has_grace() {
                    true => bare.rescue(name, Kept::read_aged),
                    false => Kept::serve(&bare, name),
                };
                join_all(open.iter().map(|index| look(names[*index]))).await
            };
            let found = match earlier(rest.as_mut(), looks).await {
                Ok(results) => return self.take(&asked, results),
                Err(found) => found,
            };
            let places = std::mem::take(&mut open);
            for (index, found) in places.into_iter().zip(found) {
                let result = match given(cache, found) {
                    Some(value) => Some(Ok(Some(value))),
                    // Where the caller's error has no room for it, the caller waits on.
                    None if is_hard => (self.times_out)(too_slow(limit, "multi_get_or_set", names[index])).map(Err),
                    None => None,
                };
                match result {
                    Some(result) => self.results[index] = Some(result),
                    None => open.push(index),
                }
            }
            if open.is_empty() {
                return;
            }
        }
        let results = rest.await;
        self.take(&asked, results);
    }

    /// Takes the results of these keys.
    fn take(&mut self, asked: &[usize], results: Results<T, E>) {
        let mut results: Vec<Option<Result<Option<T>, E>>> = results.into_iter().map(Some).collect();
        for index in asked {
            self.results[*index] = results[*index].take();
        }
    }

    fn results(self) -> Results<T, E> {
        self.results.into_iter().map(|result| result.unwrap_or(Ok(None))).collect()
    }
}

/// Whichever is ready first.
async fn earlier<A, B>(mut one: Pin<&mut impl Future<Output = A>>, other: impl Future<Output = B>) -> Result<A, B> {
    let mut other = pin!(other);
    poll_fn(|context| match one.as_mut().poll(context) {
        Poll::Ready(first) => Poll::Ready(Ok(first)),
        Poll::Pending => other.as_mut().poll(context).map(Err),
    })
    .await
}
