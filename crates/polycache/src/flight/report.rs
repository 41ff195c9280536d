//! The events of a computation, for plugins that listen.

use std::time::{Duration, Instant};

use crate::events::{Audience, Computation, ComputationEnd, Event, EventKinds, Refusal};
use crate::key::OwnedKey;
use crate::{Cache, Reply, Result};

/// The known facts about a leader.
pub(super) struct Report {
    audience: Audience,
    key: OwnedKey,
    /// When the leader asked for a lease, if it did.
    asked: Option<Instant>,
    /// When the leader began to compute, and how long it waited for the lease before.
    begun: Option<(Instant, Option<Duration>)>,
    took: Option<Duration>,
}

impl Report {
    /// `None` if nobody listens.
    pub(super) fn new(cache: &Cache, key: &str) -> Option<Box<Self>> {
        let audience = cache.audience(EventKinds::COMPUTATIONS)?.clone();
        Some(Box::new(Self { audience, key: cache.full_key(key), asked: None, begun: None, took: None }))
    }

    pub(super) fn asks(&mut self) {
        self.asked = Some(Instant::now());
    }

    pub(super) fn begins(&mut self) {
        let now = Instant::now();
        self.begun = Some((now, self.asked.map(|asked| now - asked)));
    }

    /// The leader has computed.
    pub(super) fn ends(&mut self) {
        self.took = self.begun.map(|(begun, _)| begun.elapsed());
    }

    /// Tells the event, unless nothing was computed. No lock may be held.
    pub(super) fn tell(mut self, end: ComputationEnd, waiting: usize) {
        let Some((_, lease_wait)) = self.begun else { return };
        if self.took.is_none() {
            self.ends();
        }
        let (key, took) = (self.key.key().full(), self.took.unwrap_or_default());
        self.audience.tell(&Event::Computed(Computation { key, took, waiting, lease_wait, end }));
    }
}

/// When a waiter began to wait.
pub(super) struct Wait(Instant);

impl Wait {
    /// `None` if nobody listens.
    pub(super) fn begin(cache: &Cache) -> Option<Self> {
        cache.audience(EventKinds::COMPUTATIONS).map(|_| Self(Instant::now()))
    }

    /// The waiter has got the leader's result.
    pub(super) fn tell(&self, cache: &Cache, key: &str) {
        if let Some(audience) = cache.audience(EventKinds::COMPUTATIONS) {
            audience.tell(&Event::Shared { key: cache.full_key(key).key().full(), waited: self.0.elapsed() });
        }
    }
}

/// The storing of a computed value.
pub(super) struct Fill {
    audience: Audience,
    key: OwnedKey,
}

impl Fill {
    /// `None` if nobody listens.
    pub(super) fn new(cache: &Cache, key: &str) -> Option<Self> {
        let audience = cache.audience(EventKinds::FILLS)?.clone();
        Some(Self { audience, key: cache.full_key(key) })
    }

    pub(super) fn refused(&self, why: Refusal<'_>) {
        self.audience.tell(&Event::FillRefused { key: self.key.key().full(), why });
    }

    /// Passes the reply on, and tells an event if the value wasn't stored.
    pub(super) fn watch(self, stored: Reply<bool>) -> Reply<bool> {
        match stored.now() {
            Ok(result) => {
                self.tell(&result);
                Reply::from(result)
            }
            Err(pending) => Reply::pending(async move {
                let result = pending.await;
                self.tell(&result);
                result
            }),
        }
    }

    fn tell(&self, stored: &Result<bool>) {
        match stored {
            Ok(true) => {}
            Ok(false) => self.refused(Refusal::Overtaken),
            Err(error) => self.refused(Refusal::Failed(error)),
        }
    }
}
