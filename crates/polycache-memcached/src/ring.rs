//! The placement of keys on the servers of a fleet.

use std::fmt;

use md5::{Digest, Md5};

use crate::server::Server;

/// How keys are placed on the servers of a fleet. All who share a fleet must place alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Placement {
    /// Consistent hashing with MD5 and weights, as libmemcached does with `MEMCACHED_BEHAVIOR_KETAMA_WEIGHTED`. For fleets shared with
    /// clients in other languages. All clients must write names and ports alike; the order of the servers matters only where points fall
    /// together.
    #[default]
    Ketama,
    /// Weighted rendezvous hashing: the load is spread more evenly, and no more keys move than have to. Depends on the addresses as
    /// written, not on their order. Other clients don't have it.
    Rendezvous,
}

/// The places of the servers.
pub(crate) enum Ring {
    /// Points in ascending order, and the server of each.
    Ketama(Vec<(u32, usize)>),
    /// A hash and the weight of each server.
    Rendezvous(Vec<(u64, f64)>),
}

/// How keys are placed, without the places.
impl fmt::Debug for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ketama(_) => Placement::Ketama.fmt(f),
            Self::Rendezvous(_) => Placement::Rendezvous.fmt(f),
        }
    }
}

/// Points on the ring for each server of average weight, and how many of them come from one digest.
const POINTS: f32 = 160.0;
const POINTS_PER_DIGEST: usize = 4;

/// libmemcached leaves this port out of the names that it hashes.
const UNNAMED_PORT: u16 = 11211;

impl Ring {
    pub(crate) fn new(placement: Placement, servers: &[Server]) -> Self {
        match placement {
            Placement::Ketama => Self::Ketama(ketama(servers)),
            Placement::Rendezvous => Self::Rendezvous(
                servers.iter().map(|server| (hash(server.to_string().as_bytes()), f64::from(server.weight))).collect(),
            ),
        }
    }

    /// The server for a key, given as it is stored, among the servers that `may` have it.
    pub(crate) fn place(&self, key: &[u8], may: impl Fn(usize) -> bool) -> Option<usize> {
        match self {
            Self::Ketama(points) => {
                let digest = Md5::digest(key);
                let hash = u32::from_le_bytes([digest[0], digest[1], digest[2], digest[3]]);
                let first = points.partition_point(|&(point, _)| point < hash);
                let (before, after) = points.split_at(first);
                after.iter().chain(before).map(|&(_, server)| server).find(|&server| may(server))
            }
            Self::Rendezvous(servers) => {
                let hash = hash(key);
                let scores = servers.iter().enumerate().filter(|&(server, _)| may(server));
                let scores = scores.map(|(server, &(seed, weight))| (server, score(hash ^ seed, weight)));
                scores.max_by(|(_, a), (_, b)| a.total_cmp(b)).map(|(server, _)| server)
            }
        }
    }
}

/// The formula, with its single precision and its small summand, is libmemcached's.
fn ketama(servers: &[Server]) -> Vec<(u32, usize)> {
    let total: u64 = servers.iter().map(|server| u64::from(server.weight)).sum();
    let mut points = Vec::new();
    for (index, server) in servers.iter().enumerate() {
        let share = server.weight as f32 / total as f32;
        let digests = f64::from(share * POINTS / POINTS_PER_DIGEST as f32 * servers.len() as f32) + 0.000_000_000_1;
        let (host, port) = server.ketama_name();
        for number in 0..digests.floor() as u32 {
            let name =
                if port == UNNAMED_PORT { format!("{host}-{number}") } else { format!("{host}:{port}-{number}") };
            let digest = Md5::digest(name.as_bytes());
            let (quarters, _) = digest.as_chunks::<4>();
            points.extend(quarters.iter().map(|&quarter| (u32::from_le_bytes(quarter), index)));
        }
    }
    points.sort_unstable();
    points
}

fn hash(bytes: &[u8]) -> u64 {
    let digest = Md5::digest(bytes);
    digest.iter().take(8).fold(0, |hash, &byte| hash << 8 | u64::from(byte))
}

/// The share of keys for which a server has the largest score is in proportion to its weight.
fn score(hash: u64, weight: f64) -> f64 {
    // The last step of splitmix64: every bit of the hash decides.
    let mut mixed = hash.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^= mixed >> 31;
    // Above 0 and below 1.
    let uniform = ((mixed >> 12) as f64 + 0.5) / (1_u64 << 52) as f64;
    -weight / uniform.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: usize = 20_000;

    fn servers(weights: &[u32]) -> Vec<Server> {
        (1..)
            .zip(weights)
            .map(|(number, &weight)| Server::tcp(format!("10.0.0.{number}"), 11211).weight(weight))
            .collect()
    }

    fn placed(ring: &Ring, may: impl Fn(usize) -> bool) -> Vec<Option<usize>> {
        (0..KEYS).map(|number| ring.place(format!("key:{number}").as_bytes(), &may)).collect()
    }

    #[test]
    fn ketama_agrees_with_libmemcached() {
        let fleet = |name: &str| match name {
            "weighted" => vec![
                Server::tcp("10.0.1.1", 11211).weight(600),
                Server::tcp("10.0.1.2", 11311).weight(300),
                Server::tcp("cache-3.example.com", 11211).weight(200),
            ],
            _ => vec![
                Server::tcp("127.0.0.1", 11211),
                Server::tcp("127.0.0.1", 11212),
                Server::unix("/run/memcached.sock"),
            ],
        };
        let rings = ["weighted", "equal"].map(|name| (name, Ring::new(Placement::Ketama, &fleet(name))));
        let mut checked = 0;
        for line in include_str!("../tests/vectors/ketama.tsv").lines().filter(|line| !line.starts_with('#')) {
            let columns: Vec<_> = line.split('\t').collect();
            let [name, key, server] = columns[..] else { continue };
            let place = rings
                .iter()
                .find(|(found, _)| *found == name)
                .and_then(|(_, ring)| ring.place(key.as_bytes(), |_| true));
            assert_eq!(place.map(|place| place.to_string()).as_deref(), Some(server), "{line}");
            checked += 1;
        }
        assert_eq!(checked, 2_000);
    }

    #[test]
    fn rendezvous_follows_the_weights_and_not_the_order() {
        let fleet = servers(&[1, 2, 3]);
        let places = placed(&Ring::new(Placement::Rendezvous, &fleet), |_| true);
        for (server, share) in [(0, 1.0 / 6.0), (1, 2.0 / 6.0), (2, 3.0 / 6.0)] {
            let keys = places.iter().filter(|&&place| place == Some(server)).count() as f64;
            assert!((keys / KEYS as f64 - share).abs() < 0.015, "server {server}: {keys}");
        }
        let backwards: Vec<_> = fleet.into_iter().rev().collect();
        let reversed = placed(&Ring::new(Placement::Rendezvous, &backwards), |_| true);
        assert!(places.iter().zip(reversed).all(|(one, other)| one.map(|one| 2 - one) == other));
    }

    #[test]
    fn only_the_keys_of_a_server_that_is_out_move() {
        for placement in [Placement::Ketama, Placement::Rendezvous] {
            let ring = Ring::new(placement, &servers(&[1; 5]));
            let (all, without) = (placed(&ring, |_| true), placed(&ring, |server| server != 2));
            let moved = all.iter().zip(&without).filter(|(before, after)| before != after).count();
            assert!(all.iter().zip(&without).all(|(&before, after)| before == Some(2) || before == *after));
            assert!(moved as f64 / (KEYS as f64) < 1.0 / 5.0 + 0.05, "{placement:?} moved {moved}");
            assert_eq!(ring.place(b"key", |_| false), None);
        }
    }
}
