//! The way of a call until it has a result or computes one.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::Part;
use super::lead::Terms;
use super::leader::Leader;
use super::report::Wait;
use super::tenure::{self, Asking, Tenancy};
use super::waiter::{Arrival, Waiter};
use crate::backend::When;
use crate::cache::Form;
use crate::key::OwnedKey;
use crate::repeated::tell_repeated;
use crate::{Cache, ErrorKind, OnError, Reply, Result};

/// How far a call has come.
pub(super) enum Approach<T: Send + Sync + 'static, E: Send + Sync + 'static> {
    /// It has asked the cache.
    Asked(Asked<T>),
    Reading(Reply<Option<T>>, Seen),
    Waits(Waiter<T, E>, When, Option<Wait>),
    /// It leads, and reads again: another flight has landed since it read.
    Checks(Reply<Option<T>>, Leader<T, E>, When),
    /// It leads in this process, and asks for a lease.
    Asks(Asking<T>, Leader<T, E>, When),
    /// The same, to renew a value that is there.
    Renews(Asking<T>, Leader<T, E>),
    Leads(Leader<T, E>, When),
    /// The caller would wait for itself.
    Circles,
}

/// The cache's reply at first: a result, or one to come.
pub(crate) type Asked<T> = Result<Result<Option<T>>, Reply<Option<T>>>;

/// The state of the flights before the call asked the cache.
pub(super) struct Seen {
    key: OwnedKey,
    landings: u64,
}

impl Seen {
    pub(super) fn now(cache: &Cache, key: &str) -> Self {
        let key = cache.full_key(key);
        let landings = cache.flights().landings(key.key());
        Self { key, landings }
    }
}

/// The end of the approach.
pub(super) enum Course<T: Send + Sync + 'static, E: Send + Sync + 'static> {
    /// With a result.
    Arrived(Result<T, E>),
    /// This caller has to compute, and to store on these terms.
    Leads(Leader<T, E>, Terms),
    /// This caller must compute for itself alone: it would wait for its own end.
    Alone,
}

impl<T, E> Course<T, E>
where
    T: Clone + Send + Sync + 'static,
    E: Clone + Send + Sync + 'static,
{
    /// After asking for a lease: to store on the first condition with one, and on the second without.
    fn under(tenancy: Tenancy<T>, leader: Leader<T, E>, [with, without]: [When; 2]) -> Self {
        match tenancy {
            Tenancy::Found(value) => Self::Arrived(leader.land(Ok(value))),
            Tenancy::Granted(tenure) => Self::Leads(leader, Terms { when: with, tenure: Some(tenure) }),
            Tenancy::None => Self::Leads(leader, Terms { when: without, tenure: None }),
        }
    }
}

/// The result of a read.
enum Found<T> {
    Value(T),
    /// Nothing. The computed value is stored on this condition.
    Nothing(When),
}

impl<T, E> Approach<T, E>
where
    T: Clone + Send + Sync + 'static,
    E: Clone + Send + Sync + 'static,
{
    /// Begins after the cache has answered. Returns `Err` with the rest of the way if the call has to wait.
    #[inline]
    pub(super) fn start<K: Form<T>>(
        cache: &Cache,
        key: &str,
        asked: Asked<T>,
    ) -> std::result::Result<Course<T, E>, Self> {
        let when = match asked {
            Ok(result) => match found(cache, result) {
                Found::Value(value) => return Ok(Course::Arrived(Ok(value))),
                Found::Nothing(when) => when,
            },
            Err(reply) => return Err(Self::Asked(Err(reply))),
        };
        match cache.with_key(key, |_, key| cache.flights().join(key)) {
            Part::Waits(waiter) => Err(Self::Waits(waiter, when, Wait::begin(cache))),
            Part::Circles => Ok(Course::Alone),
            // Another flight may have come and gone between the read and the joining: its value is there.
            Part::Leads(leader, _) => match (read_again::<K, T>(cache, key).now(), K::lease_life(cache)) {
                (Ok(Ok(Some(value))), _) => Ok(Course::Arrived(leader.land(Ok(value)))),
                (Ok(_), None) => Ok(Course::Leads(leader, Terms { when, tenure: None })),
                (Ok(_), Some(_)) => Err(Self::lead::<K>(cache, key, leader, when)),
                (Err(reply), _) => Err(Self::Checks(reply, leader, when)),
            },
        }
    }

    /// Goes on as far as it can. Not to be polled after its end.
    pub(super) fn poll<K: Form<T>>(
        &mut self,
        cache: &Cache,
        key: &str,
        context: &mut Context<'_>,
    ) -> Poll<Course<T, E>> {
        if let Some(leader) = self.leader() {
            leader.stir();
        }
        let poll = self.go_on::<K>(cache, key, context);
        if poll.is_pending()
            && let Some(leader) = self.leader()
        {
            leader.rest(context);
        }
        poll
    }

    pub(super) const fn reads(&self) -> bool {
        matches!(self, Self::Asked(_) | Self::Reading(..))
    }

    pub(super) fn leader(&mut self) -> Option<&mut Leader<T, E>> {
        match self {
            Self::Checks(_, leader, _)
            | Self::Asks(_, leader, _)
            | Self::Renews(_, leader)
            | Self::Leads(leader, _) => Some(leader),
            Self::Asked(_) | Self::Reading(..) | Self::Waits(..) | Self::Circles => None,
        }
    }

    fn go_on<K: Form<T>>(&mut self, cache: &Cache, key: &str, context: &mut Context<'_>) -> Poll<Course<T, E>> {
        loop {
            // A placeholder: each arm either sets `self` or returns.
            match std::mem::replace(self, Self::Asked(Ok(Ok(None)))) {
                Self::Asked(Ok(result)) => match found(cache, result) {
                    Found::Value(value) => return Poll::Ready(Course::Arrived(Ok(value))),
                    Found::Nothing(when) => *self = Self::missed::<K>(cache, key, None, when),
                },
                Self::Asked(Err(reply)) => {
                    // Nothing has been sent yet: the reply starts at its first poll.
                    *self = Self::Reading(reply, Seen::now(cache, key));
                }
                Self::Reading(mut reply, seen) => match Pin::new(&mut reply).poll(context) {
                    Poll::Ready(result) => match found(cache, result) {
                        Found::Value(value) => return Poll::Ready(Course::Arrived(Ok(value))),
                        Found::Nothing(when) => *self = Self::missed::<K>(cache, key, Some(seen), when),
                    },
                    Poll::Pending => {
                        *self = Self::Reading(reply, seen);
                        return Poll::Pending;
                    }
                },
                Self::Waits(mut waiter, when, wait) => match waiter.poll(context) {
                    Poll::Ready(Arrival::Landed(result)) => {
                        wait.iter().for_each(|wait| wait.tell(cache, key));
                        return Poll::Ready(Course::Arrived(result));
                    }
                    // Its read is old: a value may have come since.
                    Poll::Ready(Arrival::Leads(leader)) => {
                        *self = Self::Checks(read_again::<K, T>(cache, key), leader, when);
                    }
                    Poll::Ready(Arrival::Again) => *self = Self::Asked(K::get(cache, key).now()),
                    Poll::Pending => {
                        *self = Self::Waits(waiter, when, wait);
                        return Poll::Pending;
                    }
                },
                Self::Checks(mut reply, leader, when) => match Pin::new(&mut reply).poll(context) {
                    Poll::Ready(Ok(Some(value))) => return Poll::Ready(Course::Arrived(leader.land(Ok(value)))),
                    // Trouble was reported after the first read.
                    Poll::Ready(Ok(None) | Err(_)) => *self = Self::lead::<K>(cache, key, leader, when),
                    Poll::Pending => {
                        *self = Self::Checks(reply, leader, when);
                        return Poll::Pending;
                    }
                },
                Self::Asks(mut asking, leader, when) => match asking.as_mut().poll(context) {
                    Poll::Ready(tenancy) => return Poll::Ready(Course::under(tenancy, leader, [when.clone(), when])),
                    Poll::Pending => {
                        *self = Self::Asks(asking, leader, when);
                        return Poll::Pending;
                    }
                },
                Self::Renews(mut asking, leader) => match asking.as_mut().poll(context) {
                    // Without a lease the value that is there is as good as before.
                    Poll::Ready(tenancy) => {
                        return Poll::Ready(Course::under(tenancy, leader, [When::Always, When::Absent]));
                    }
                    Poll::Pending => {
                        *self = Self::Renews(asking, leader);
                        return Poll::Pending;
                    }
                },
                Self::Leads(leader, when) => return Poll::Ready(Course::Leads(leader, Terms { when, tenure: None })),
                Self::Circles => return Poll::Ready(Course::Alone),
            }
        }
    }

    /// Joins the key's flight. `seen` is `None` if the read needed no wait.
    pub(super) fn missed<K: Form<T>>(cache: &Cache, key: &str, seen: Option<Seen>, when: When) -> Self {
        let (joined, seen) = match seen {
            Some(Seen { key, landings }) => (cache.flights().join(key.key()), Some(landings)),
            None => (cache.with_key(key, |_, key| cache.flights().join(key)), None),
        };
        match joined {
            Part::Waits(waiter) => Self::Waits(waiter, when, Wait::begin(cache)),
            Part::Circles => Self::Circles,
            Part::Leads(leader, landings) if seen == Some(landings) && !K::looks_again(cache) => {
                Self::lead::<K>(cache, key, leader, when)
            }
            // Another flight has landed between the read and the joining: its value may be there.
            Part::Leads(leader, _) => Self::Checks(read_again::<K, T>(cache, key), leader, when),
        }
    }

    /// Leads, whatever is stored or computed by others.
    #[cfg(feature = "macros")]
    pub(super) fn anew<K: Form<T>>(cache: &Cache, key: &str, mut leader: Leader<T, E>) -> Self {
        let asking = K::lease_life(cache).and_then(|_| {
            let permit = leader.permit().cloned();
            leader.asks(cache, key);
            tenure::seize::<K, T>(cache, key, 1, permit, leader.pulse())
        });
        match asking {
            asking if cache.reads_tags() => Self::Asks(tenure::after(cache, asking), leader, When::Always),
            Some(asking) => Self::Asks(asking, leader, When::Always),
            None => Self::Leads(leader, When::Always),
        }
    }

    /// Leads, to replace a value that was stale.
    pub(super) fn replaces<K: Form<T>>(cache: &Cache, key: &str, leader: Leader<T, E>) -> Self {
        // A flight may have come and gone since the read.
        Self::Checks(read_again::<K, T>(cache, key), leader, when_missing(cache))
    }

    /// Leads, to renew a value that is there.
    pub(super) fn renews<K: Form<T>>(cache: &Cache, key: &str, mut leader: Leader<T, E>) -> Self {
        let asking = K::lease_life(cache).and_then(|_| {
            leader.asks(cache, key);
            tenure::ask_to_renew::<K, T>(cache, key, leader.pulse())
        });
        match asking {
            Some(asking) => Self::Renews(asking, leader),
            // A flight may have come and gone since the read.
            None => Self::Checks(K::serve_calm(&cache.bare(), key), leader, When::Always),
        }
    }

    /// Leads in this process, and asks for a lease if the cache has leases.
    fn lead<K: Form<T>>(cache: &Cache, key: &str, mut leader: Leader<T, E>, when: When) -> Self {
        let asking = K::lease_life(cache).and_then(|_| {
            leader.asks(cache, key);
            tenure::ask::<K, T>(cache, key, leader.pulse())
        });
        match asking {
            Some(asking) => Self::Asks(asking, leader, when),
            None => Self::Leads(leader, when),
        }
    }
}

/// Reads a second time. Plugins have seen the caller's first read, and don't see this one.
fn read_again<K, T>(cache: &Cache, key: &str) -> Reply<Option<T>>
where
    K: Form<T>,
    T: Clone + Send + Sync + 'static,
{
    if cache.has_plugins() { K::serve(&cache.bare(), key) } else { K::serve(cache, key) }
}

/// The condition to store on after a miss. There may be a value that can't be read, which has to be replaced.
pub(super) fn when_missing(cache: &Cache) -> When {
    if cache.options().on_decode_error == OnError::Miss { When::Always } else { When::Absent }
}

/// A read's result; trouble counts as a miss.
#[inline]
fn found<T>(cache: &Cache, result: Result<Option<T>>) -> Found<T> {
    match result {
        Ok(Some(value)) => Found::Value(value),
        Ok(None) => Found::Nothing(when_missing(cache)),
        Err(error) => {
            let unreadable = error.kind() == ErrorKind::Decode;
            let cause = (cache.flights().mark(), error.kind());
            tell_repeated!(WARN, cause, %error, "a failed read counts as a miss: the value is computed");
            Found::Nothing(if unreadable { When::Always } else { When::Absent })
        }
    }
}
