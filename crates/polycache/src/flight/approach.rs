//! The way of a call up to where it has a result or computes one.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use serde::de::DeserializeOwned;

use super::leader::Leader;
use super::waiter::{Arrival, Waiter};
use super::Part;
use crate::backend::When;
use crate::key::FullKey;
use crate::{Cache, ErrorKind, OnError, Reply, Result};

/// Where a call is.
pub(super) enum Approach<T: Send + Sync + 'static, E: Send + Sync + 'static> {
    /// It has to read the cache.
    Reads,
    Reading(Reply<Option<T>>, Seen),
    Waits(Waiter<T, E>),
    /// It leads, and reads again: another flight has landed since it read.
    Checks(Reply<Option<T>>, Leader<T, E>, When),
}

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
    /// Goes on as far as it can.
    pub(super) fn poll(&mut self, cache: &Cache, key: &str, context: &mut Context<'_>) -> Poll<Course<T, E>> {
        loop {
            let course = match self {
                Self::Reads => match cache.get::<T>(key).now() {
                    Ok(result) => match found(cache, result) {
                        Found::Value(value) => return Poll::Ready(Course::Arrived(Ok(value))),
                        Found::Nothing(when) => self.missed(cache, key, None, when),
                    },
                    Err(reply) => {
                        // Nothing has been asked yet: the reply starts when it is polled.
                        let full = cache.full_key(key);
                        let landings = cache.flights().landings(full.key());
                        *self = Self::Reading(reply, Seen { key: full, landings });
                        None
                    }
                },
                Self::Reading(reply, _) => {
                    let result = ready!(Pin::new(reply).poll(context));
                    match (found(cache, result), std::mem::replace(self, Self::Reads)) {
                        (Found::Value(value), _) => return Poll::Ready(Course::Arrived(Ok(value))),
                        (Found::Nothing(when), Self::Reading(_, seen)) => self.missed(cache, key, Some(seen), when),
                        (Found::Nothing(_), _) => None,
                    }
                }
                Self::Waits(waiter) => match ready!(waiter.poll(context)) {
                    Arrival::Landed(result) => return Poll::Ready(Course::Arrived(result)),
                    Arrival::Leads(leader) => return Poll::Ready(Course::Leads(leader, When::Always)),
                    Arrival::Again => {
                        *self = Self::Reads;
                        None
                    }
                },
                Self::Checks(reply, ..) => {
                    let result = ready!(Pin::new(reply).poll(context));
                    match std::mem::replace(self, Self::Reads) {
                        Self::Checks(_, leader, when) => Some(checked(result, leader, when)),
                        _ => None,
                    }
                }
            };
            if let Some(course) = course {
                return Poll::Ready(course);
            }
        }
    }

    /// Joins the key's flight. `seen` is none where the read was done at once.
    fn missed(&mut self, cache: &Cache, key: &str, seen: Option<Seen>, when: When) -> Option<Course<T, E>> {
        let (joined, seen) = match seen {
            Some(Seen { key, landings }) => (cache.flights().join(key.key()), Some(landings)),
            None => (cache.with_key(key, |_, key| cache.flights().join(key)), None),
        };
        match joined {
            Part::Waits(waiter) => {
                *self = Self::Waits(waiter);
                None
            }
            // Where one has landed between the read and the joining, its value is there.
            Part::Leads(leader, landings) if seen == Some(landings) => Some(Course::Leads(leader, when)),
            Part::Leads(leader, _) => match cache.bare().get(key).now() {
                Ok(result) => Some(checked(result, leader, when)),
                Err(reply) => {
                    *self = Self::Checks(reply, leader, when);
                    None
                }
            },
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
