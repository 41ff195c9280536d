//! The way of a call up to where it has a result or computes one.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use serde::de::DeserializeOwned;

use super::Part;
use super::leader::Leader;
use super::waiter::{Arrival, Waiter};
use crate::backend::When;
use crate::key::FullKey;
use crate::{Cache, ErrorKind, OnError, Reply, Result};

/// Where a call is.
pub(super) enum Approach<T: Send + Sync + 'static, E: Send + Sync + 'static> {
    /// It has asked the cache.
    Asked(Asked<T>),
    Reading(Reply<Option<T>>, Seen),
    Waits(Waiter<T, E>),
    /// It leads, and reads again: another flight has landed since it read.
    Checks(Reply<Option<T>>, Leader<T, E>, When),
    Leads(Leader<T, E>, When),
}

/// What the cache's reply is at first: a result, or one to come.
pub(super) type Asked<T> = Result<Result<Option<T>>, Reply<Option<T>>>;

/// What was seen before the cache was asked.
pub(super) struct Seen {
    key: FullKey,
    landings: u64,
}

/// How it ends.
pub(super) enum Course<T: Send + Sync + 'static, E: Send + Sync + 'static> {
    /// With a result.
    Arrived(Result<T, E>),
    /// This one has to compute, and to store on that condition.
    Leads(Leader<T, E>, When),
}

/// What a read has found.
enum Found<T> {
    Value(T),
    /// Nothing; what is computed is stored on this condition.
    Nothing(When),
}

impl<T, E> Approach<T, E>
where
    T: DeserializeOwned + Clone + Send + Sync + 'static,
    E: Clone + Send + Sync + 'static,
{
    /// Goes on as far as it can. Not to be polled after its end.
    pub(super) fn poll(&mut self, cache: &Cache, key: &str, context: &mut Context<'_>) -> Poll<Course<T, E>> {
        loop {
            // What is put in its place is asked once it is left there.
            match std::mem::replace(self, Self::Asked(Ok(Ok(None)))) {
                Self::Asked(Ok(result)) => match found(cache, result) {
                    Found::Value(value) => return Poll::Ready(Course::Arrived(Ok(value))),
                    Found::Nothing(when) => *self = Self::missed(cache, key, None, when),
                },
                Self::Asked(Err(reply)) => {
                    // Nothing has gone out yet: the reply starts when it is polled.
                    let full = cache.full_key(key);
                    let landings = cache.flights().landings(full.key());
                    *self = Self::Reading(reply, Seen { key: full, landings });
                }
                Self::Reading(mut reply, seen) => match Pin::new(&mut reply).poll(context) {
                    Poll::Ready(result) => match found(cache, result) {
                        Found::Value(value) => return Poll::Ready(Course::Arrived(Ok(value))),
                        Found::Nothing(when) => *self = Self::missed(cache, key, Some(seen), when),
                    },
                    Poll::Pending => {
                        *self = Self::Reading(reply, seen);
                        return Poll::Pending;
                    }
                },
                Self::Waits(mut waiter) => match waiter.poll(context) {
                    Poll::Ready(Arrival::Landed(result)) => return Poll::Ready(Course::Arrived(result)),
                    Poll::Ready(Arrival::Leads(leader)) => return Poll::Ready(Course::Leads(leader, When::Always)),
                    Poll::Ready(Arrival::Again) => *self = Self::Asked(cache.get(key).now()),
                    Poll::Pending => {
                        *self = Self::Waits(waiter);
                        return Poll::Pending;
                    }
                },
                Self::Checks(mut reply, leader, when) => match Pin::new(&mut reply).poll(context) {
                    Poll::Ready(result) => return Poll::Ready(checked(result, leader, when)),
                    Poll::Pending => {
                        *self = Self::Checks(reply, leader, when);
                        return Poll::Pending;
                    }
                },
                Self::Leads(leader, when) => return Poll::Ready(Course::Leads(leader, when)),
            }
        }
    }

    /// Joins the key's flight. `seen` is none where the read was done at once.
    fn missed(cache: &Cache, key: &str, seen: Option<Seen>, when: When) -> Self {
        let (joined, seen) = match seen {
            Some(Seen { key, landings }) => (cache.flights().join(key.key()), Some(landings)),
            None => (cache.with_key(key, |_, key| cache.flights().join(key)), None),
        };
        match joined {
            Part::Waits(waiter) => Self::Waits(waiter),
            Part::Leads(leader, landings) if seen == Some(landings) => Self::Leads(leader, when),
            // One has landed between the read and the joining: its value may be there.
            Part::Leads(leader, _) => Self::Checks(cache.bare().get(key), leader, when),
        }
    }
}

/// The outcome of a leader's second read.
fn checked<T, E>(result: Result<Option<T>>, leader: Leader<T, E>, when: When) -> Course<T, E>
where
    T: Clone + Send + Sync + 'static,
    E: Clone + Send + Sync + 'static,
{
    match result {
        Ok(Some(value)) => Course::Arrived(leader.land(Ok(value))),
        // The first read has told of any trouble.
        Ok(None) | Err(_) => Course::Leads(leader, when),
    }
}

/// A read's result; trouble counts as a miss.
#[inline]
fn found<T>(cache: &Cache, result: Result<Option<T>>) -> Found<T> {
    match result {
        Ok(Some(value)) => Found::Value(value),
        // What can't be read may be there, and has to be replaced.
        Ok(None) if cache.settings().on_decode_error == OnError::Miss => Found::Nothing(When::Always),
        Ok(None) => Found::Nothing(When::Absent),
        Err(error) => {
            let unreadable = error.kind() == ErrorKind::Decode;
            tracing::warn!(%error, "a failed read counts as a miss: the value is computed");
            Found::Nothing(if unreadable { When::Always } else { When::Absent })
        }
    }
}
