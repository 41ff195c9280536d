//! What a client knows of a cluster.

use std::sync::Arc;

use super::cluster::Member;
use super::slots::Range;

/// The servers and their slots, as the cluster told last.
#[derive(Default)]
pub(super) struct Map {
    pub(super) version: u64,
    /// The masters, in the order of their addresses.
    pub(super) masters: Vec<Arc<Member>>,
    /// The index of each slot's master.
    pub(super) owners: Vec<Option<u16>>,
    pub(super) ranges: Vec<Range>,
}

impl Map {
    /// The master that holds the slot.
    pub(super) fn owner(&self, slot: u16) -> Option<&Arc<Member>> {
        let owner = self.owners.get(usize::from(slot)).copied().flatten()?;
        self.masters.get(usize::from(owner))
    }

    /// Whether a slot belongs to another server than in the map before this one.
    pub(super) fn has_moved_since(&self, before: &Self) -> bool {
        let servers = |map: &Self| map.masters.iter().map(|member| member.server.clone()).collect::<Vec<_>>();
        !before.masters.is_empty() && (self.owners != before.owners || servers(self) != servers(before))
    }
}
