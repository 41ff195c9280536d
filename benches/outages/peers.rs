//! Those who are compared, each set up for trouble as far as its documentation goes.

mod amalgam;
mod cached;
mod hitbox;
mod moka;
mod polycache;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::source::Source;

pub(crate) type Task<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A cache before a source, as one process of a service has it.
pub(crate) trait Peer: Send + Sync {
    /// The value, from the cache or from the source.
    fn ask<'a>(&'a self, key: &'a str) -> Task<'a, Result<String, String>>;

    /// Takes the value away, whoever has it. What it says is of no interest.
    fn forget<'a>(&'a self, key: &'a str) -> Task<'a, ()>;
}

/// What a peer is made of.
pub(crate) struct Terms {
    pub(crate) redis: String,
    pub(crate) ttl: Duration,
    pub(crate) source: Arc<Source>,
}

/// What a call of Redis may take, and how long a slow source is waited for while there is a stale value; where a peer knows such limits.
pub(crate) const LIMIT: Duration = Duration::from_millis(250);
/// How long a value may be given after its TTL.
pub(crate) const GRACE: Duration = Duration::from_secs(3600);
/// How long a source that has failed rests.
pub(crate) const REST: Duration = Duration::from_millis(300);

pub(crate) type Open = fn(Terms) -> Task<'static, Arc<dyn Peer>>;

pub(crate) const ALL: [(&str, Open); 6] = [
    ("polycache", polycache::open),
    ("polycache, by time", polycache::open_by_time),
    ("amalgam-cache", amalgam::open),
    ("hitbox", hitbox::open),
    ("cached", cached::open),
    ("moka + redis", moka::open),
];
