//! A slot that goes from one master to another.

use super::{RedisCluster, RedisServer};
use crate::servers::wait;

/// A slot of a [`RedisCluster`] on its way from one master to another, key by key.
#[derive(Debug)]
#[must_use = "the slot is on its way until `end`"]
pub struct SlotMove<'a> {
    cluster: &'a RedisCluster,
    slot: String,
    from: &'a RedisServer,
    to: &'a RedisServer,
    ids: [String; 2],
}

impl RedisCluster {
    /// Begins to move the slot of `key` to another master. Until the move [ends](SlotMove::end), the masters don't agree about the cluster.
    ///
    /// # Panics
    ///
    /// If there is no other master, or one refuses.
    pub async fn move_slot(&self, key: &str) -> SlotMove<'_> {
        let from = self.master_of(key).await;
        let view = wait::answer("a cluster that agrees", || self.agreed()).await;
        let to = self.at(view.masters().find(|port| *port != from.port()).expect("another master"));
        let ids = [from.ask(&["CLUSTER", "MYID"]).await, to.ask(&["CLUSTER", "MYID"]).await];
        let slot = from.ask(&["CLUSTER", "KEYSLOT", key]).await;
        to.ask(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &ids[0]]).await;
        from.ask(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &ids[1]]).await;
        SlotMove { cluster: self, slot, from, to, ids }
    }
}

impl SlotMove<'_> {
    /// Moves one key, if it exists.
    ///
    /// # Panics
    ///
    /// If the master refuses.
    pub async fn key(&self, key: &str) {
        let port = self.to.port().to_string();
        self.from.ask(&["MIGRATE", "127.0.0.1", &port, key, "0", "5000"]).await;
    }

    /// Moves the keys that are left, and the slot. Returns when the cluster has settled.
    ///
    /// # Panics
    ///
    /// If a master refuses, or the cluster doesn't settle within a minute.
    pub async fn end(self) {
        loop {
            let left = self.from.ask(&["CLUSTER", "GETKEYSINSLOT", &self.slot, "100"]).await;
            if left.is_empty() {
                break;
            }
            for key in left.lines() {
                self.key(key).await;
            }
        }
        for node in [self.to, self.from] {
            node.ask(&["CLUSTER", "SETSLOT", &self.slot, "NODE", &self.ids[1]]).await;
        }
        self.cluster.settled().await;
    }
}
