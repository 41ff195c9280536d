//! Writes overtake flights: a value that was computed before a write must not be stored after it.

use std::sync::Arc;

use compact_str::CompactString;

use super::leader::wake;
use super::sending::Sending;
use super::{Flights, SHARDS};
use crate::join::join_all;
use crate::key::OwnedKey;
use crate::{Reply, Result};

/// The keys that a write is about.
#[derive(Debug)]
pub(crate) enum Scope {
    Keys(Vec<OwnedKey>),
    /// All keys with this prefix.
    Prefix(CompactString),
}

impl Scope {
    /// The keys, if the write names them.
    pub(crate) fn keys(&self) -> &[OwnedKey] {
        match self {
            Self::Keys(keys) => keys,
            Self::Prefix(_) => &[],
        }
    }
}

impl Flights {
    /// Overtakes the flights of this key.
    pub(crate) fn overtake_key(&self, key: &str) {
        let hash = self.hash(key);
        wake(self.at(hash, |table| table.overtake(hash, key)));
    }

    /// Overtakes the flights of these keys.
    pub(crate) fn overtake(&self, scope: &Scope) {
        if !self.any() {
            return;
        }
        match scope {
            Scope::Keys(keys) => keys.iter().for_each(|key| self.overtake_key(key.key().full())),
            Scope::Prefix(prefix) => {
                for shard in 0..SHARDS {
                    wake(self.step(shard, |table| table.overtake_all(|key| key.starts_with(&**prefix))));
                }
            }
        }
    }

    /// Keeps newcomers from values of keys with this prefix that may have the tag.
    pub(crate) fn hide(&self, prefix: &str, tag: &str) {
        if self.any() {
            for shard in 0..SHARDS {
                wake(self.step(shard, |table| table.hide(tag, |key| key.starts_with(prefix))));
            }
        }
    }

    /// Runs a write that takes a while. It starts once no value of its keys is on the way to the backend: such a value could arrive after
    /// the write. It also overtakes flights that start meanwhile.
    pub(crate) fn overtaking<T: Send + 'static>(self: &Arc<Self>, scope: Scope, write: Reply<T>) -> Reply<T> {
        let flights = Arc::clone(self);
        Reply::pending(async move {
            flights.overtake_and_wait(&scope).await;
            let result: Result<T> = write.await;
            flights.overtake(&scope);
            result
        })
    }

    /// The beginning of a write that takes a while.
    pub(crate) async fn overtake_and_wait(&self, scope: &Scope) {
        self.overtake(scope);
        self.arrived(scope).await;
    }

    /// Drives the values that are on their way, and waits until they have arrived.
    async fn arrived(&self, scope: &Scope) {
        if self.any() {
            // In a box: otherwise the future of every write would be larger.
            Box::pin(async { join_all(self.sendings(scope).iter().map(Sending::follow)).await }).await;
        }
    }

    fn sendings(&self, scope: &Scope) -> Vec<Sending> {
        match scope {
            Scope::Keys(keys) => {
                let sending = |key: &OwnedKey| {
                    let key = key.key();
                    let hash = self.hash(key.full());
                    self.at(hash, |table| table.sending(hash, key.full()))
                };
                keys.iter().filter_map(sending).collect()
            }
            Scope::Prefix(prefix) => (0..SHARDS)
                .flat_map(|shard| self.step(shard, |table| table.sendings(|key| key.starts_with(&**prefix))))
                .collect(),
        }
    }
}
