//! The slots of each server of a cluster, as the servers themselves tell: a walk over all keys has to know them. A slot that moves while
//! its servers are walked over may be missed on both.
//!
//! Each master is asked about itself (`CLUSTER NODES`, its own line): others know of it only by gossip, and only its own line has the
//! slots on the move.

use std::sync::Arc;

use std::collections::{BTreeMap, BTreeSet};

use redis::{Cmd, Value};

use super::cluster::Cluster;
use super::config::Server;
use super::server_error::server_error;
use super::slots::{Range, server};
use super::trouble::Class;
use crate::join::join_all;
use crate::slot::SLOTS;
use crate::{ErrorKind, Result};

/// The holders of each slot.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// The servers, in their order.
    servers: Vec<Server>,
    holders: Vec<Holders>,
    mark: u64,
}

/// Indices of servers: the owner says that it has the slot; the slot moves to the target, which may hold some keys already.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Holders {
    owner: Option<u16>,
    target: Option<u16>,
}

/// A master's description of itself.
#[derive(Debug, Default, PartialEq, Eq)]
struct Own {
    id: String,
    ranges: Vec<(u16, u16)>,
    /// Slots that are leaving, each with the id of its new server; and slots that are coming.
    leaving: Vec<(u16, String)>,
    coming: Vec<u16>,
    /// The addresses of all servers that the master knows, by their ids.
    known: BTreeMap<String, Server>,
}

impl Layout {
    /// The present layout.
    pub(super) async fn now(cluster: &Arc<Cluster>) -> Result<Self> {
        let (members, ranges) = cluster.masters_now().await?;
        let mut command = Cmd::new();
        command.arg("CLUSTER").arg("NODES");
        let asked = members.iter().map(|member| Box::pin(member.node.one(Class::Read, &command)));
        let mut answers = Vec::new();
        for (answer, member) in join_all(asked).await.into_iter().zip(&members) {
            let own = match answer? {
                Value::BulkString(text) => own(&String::from_utf8_lossy(&text), &member.server),
                Value::VerbatimString { text, .. } | Value::SimpleString(text) => own(&text, &member.server),
                Value::ServerError(error) => match server_error(&error) {
                    error if error.kind() == ErrorKind::Unavailable => return Err(error),
                    // The user isn't allowed to ask.
                    _ => None,
                },
                _ => None,
            };
            answers.push((member.server.clone(), own));
        }
        let all: Option<Vec<(Server, Own)>> =
            answers.into_iter().map(|(server, own)| own.map(|own| (server, own))).collect();
        // The cluster's map is better than nothing.
        Ok(Self::of(&all.unwrap_or_else(|| {
            let own = |range: Range| (range.master, Own { ranges: vec![(range.first, range.last)], ..Own::default() });
            ranges.into_iter().map(own).collect()
        })))
    }

    fn of(answers: &[(Server, Own)]) -> Self {
        let ids: BTreeMap<&str, &Server> = answers.iter().map(|(server, own)| (own.id.as_str(), server)).collect();
        let mut targets = Vec::new();
        for (server, own) in answers {
            targets.extend(own.coming.iter().map(|slot| (*slot, server.clone())));
            for (slot, id) in &own.leaving {
                // A server without slots isn't among those asked.
                let target = ids.get(id.as_str()).copied().or_else(|| own.known.get(id));
                targets.extend(target.map(|target| (*slot, target.clone())));
            }
        }
        let mut servers: Vec<Server> = answers.iter().map(|(server, _)| server.clone()).collect();
        servers.extend(targets.iter().map(|(_, target)| target.clone()));
        servers.sort_unstable();
        servers.dedup();
        let index = |server: &Server| servers.binary_search(server).ok().and_then(|index| u16::try_from(index).ok());
        let mut holders = vec![Holders::default(); SLOTS.into()];
        for (server, own) in answers {
            for &(first, last) in &own.ranges {
                holders[usize::from(first)..=usize::from(last)].iter_mut().for_each(|slot| slot.owner = index(server));
            }
        }
        for (slot, target) in &targets {
            holders[usize::from(*slot)].target = index(target);
        }
        let mark = mark(&servers, &holders);
        Self { servers, holders, mark }
    }

    /// A number that tells this layout from others: 44 bits that are not zero.
    pub(super) fn mark(&self) -> u64 {
        self.mark
    }

    fn name(&self, index: Option<u16>) -> Option<&Server> {
        self.servers.get(usize::from(index?))
    }

    /// The slots whose holders differ from those in `before`.
    pub(super) fn moved_since(&self, before: &Self) -> Vec<u16> {
        let slots = self.holders.iter().zip(&before.holders).zip(0..);
        let moved = slots.filter(|((now, then), _)| {
            self.name(now.owner) != before.name(then.owner) || self.name(now.target) != before.name(then.target)
        });
        moved.map(|(_, slot)| slot).collect()
    }

    /// The servers that hold these slots, then those that the slots move to; a server may come twice. In this order no key that moves
    /// meanwhile is missed.
    pub(super) fn holders(&self, slots: impl IntoIterator<Item = u16>) -> Vec<Server> {
        let (mut owners, mut targets) = (BTreeSet::new(), BTreeSet::new());
        for slot in slots {
            let Holders { owner, target } = self.holders[usize::from(slot)];
            owners.extend(owner);
            targets.extend(target);
        }
        owners.into_iter().chain(targets).filter_map(|index| self.name(Some(index)).cloned()).collect()
    }

    /// The servers that hold slots.
    pub(super) fn all(&self) -> Vec<Server> {
        self.holders(0..SLOTS)
    }
}

fn mark(servers: &[Server], holders: &[Holders]) -> u64 {
    // FNV-1a.
    let add = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for server in servers {
        hash = server.to_string().bytes().chain([b'\n']).fold(hash, add);
    }
    for Holders { owner, target } in holders {
        let [owner, target] = [owner, target].map(|index| index.map_or(u16::MAX, |index| index).to_be_bytes());
        hash = owner.into_iter().chain(target).fold(hash, add);
    }
    hash >> 20 | 1
}

/// The asked server's description of itself.
fn own(text: &str, asked: &Server) -> Option<Own> {
    let mut own = None;
    let mut known = BTreeMap::new();
    for line in text.lines() {
        // `id ip:port@bus,hostname flags master ping pong epoch link slots..`
        let words: Vec<&str> = line.split(' ').collect();
        let [id, address, flags, ..] = words[..] else { continue };
        let (host, port) = address.split('@').next()?.rsplit_once(':')?;
        if let Ok(port) = port.parse() {
            known.insert(id.to_owned(), server(host, port, asked));
        }
        if flags.split(',').any(|flag| flag == "myself") {
            own = Some(slots_of(id, words.get(8..).unwrap_or_default())?);
        }
    }
    own.map(|own| Own { known, ..own })
}

fn slots_of(id: &str, words: &[&str]) -> Option<Own> {
    let slot = |text: &str| text.parse().ok().filter(|slot| *slot < SLOTS);
    let mut own = Own { id: id.to_owned(), ..Own::default() };
    for word in words {
        if let Some(moving) = word.strip_prefix('[') {
            let moving = moving.trim_end_matches(']');
            if let Some((number, id)) = moving.split_once("->-") {
                own.leaving.push((slot(number)?, id.to_owned()));
            } else if let Some((number, _)) = moving.split_once("-<-") {
                own.coming.push(slot(number)?);
            }
        } else if !word.is_empty() {
            let (first, last) = word.split_once('-').unwrap_or((word, word));
            let (first, last) = (slot(first)?, slot(last)?);
            if first > last {
                return None;
            }
            own.ranges.push((first, last));
        }
    }
    Some(own)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn tcp(port: u16) -> Server {
        Server::Tcp { host: "h".to_owned(), port }
    }

    #[test]
    fn slots_that_move_have_two_holders() {
        let text = |one: &str, other: &str, me: &str| {
            let flags = |id: &str| if id == me { "myself,master" } else { "master" };
            format!(
                "aa h:1@11,name {} - 0 0 1 connected {one}\nbb h:2@12 {} - 0 0 2 connected {other}\ncc h:3@13 slave bb 0 0 2 connected\n",
                flags("aa"),
                flags("bb")
            )
        };
        let layout = |one: &str, other: &str| {
            let own = |port, me| (tcp(port), own(&text(one, other, me), &tcp(9)).unwrap());
            Layout::of(&[own(1, "aa"), own(2, "bb")])
        };
        let before = layout("0-99 200", "100-199 201-16383");
        let moving = layout("0-99 200 [7->-bb] [8->-dd]", "100-199 201-16383 [7-<-aa]");
        let after = layout("0-6 8-99 200", "7 100-199 201-16383");
        assert_eq!(moving.moved_since(&before), [7], "nobody knows the target of 8");
        assert_eq!(after.moved_since(&before), [7]);
        assert!(after.moved_since(&after).is_empty());
        assert_eq!(before.all(), [tcp(1), tcp(2)]);
        assert_eq!(moving.all(), [tcp(1), tcp(2), tcp(2)]);
        assert_eq!((after.holders([7]), moving.holders([7])), (vec![tcp(2)], vec![tcp(1), tcp(2)]));
        assert!(before.mark() != moving.mark() && moving.mark() != after.mark());
        assert_eq!(own("aa h:1@1 myself,master - 0 0 1 connected 16384", &tcp(1)), None);
    }
}
