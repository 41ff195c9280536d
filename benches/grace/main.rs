//! What a hit of an entry with a grace and two tags costs, beside one of a plain entry, in memory and on Redis; and in memory beside moka with
//! a refresh in the background that is written by hand.
//!
//! `cargo bench -p polycache-benches --bench grace [-- ROW] [--rounds N] [--only CONTENDER]`; `ROW` is a row's name or a part of some. Starts
//! a `redis-server` of its own.
#![allow(clippy::expect_used, reason = "a benchmark that can't go on says why and stops")]

mod memory;
mod redis;
mod stale;

use std::time::Duration;

use polycache::{Cache, CacheBuilder, Ttl};
use polycache_benches::arguments::Arguments;
use polycache_benches::report::save;

const ROUNDS: usize = 21;
const TTL: Duration = Duration::from_secs(3_600);
const GRACE: Duration = Duration::from_secs(36_000);

/// The kinds of entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Entry {
    Plain,
    Tags,
    Grace,
    Both,
}

impl Entry {
    const ALL: [Self; 4] = [Self::Plain, Self::Tags, Self::Grace, Self::Both];

    const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Tags => "two tags",
            Self::Grace => "grace",
            Self::Both => "both",
        }
    }

    /// A cache whose entries are of this kind.
    fn cache(self, builder: CacheBuilder) -> Cache {
        let cache = builder.ttl(Ttl::After(TTL)).build().expect("settings that fit");
        let cache = if matches!(self, Self::Grace | Self::Both) { cache.with_grace(GRACE) } else { cache };
        if matches!(self, Self::Tags | Self::Both) { cache.tagged(["product:7", "shop"]) } else { cache }
    }
}

fn main() {
    let arguments = Arguments::parse(ROUNDS, [memory::ROW, stale::HIT, stale::REFRESHED, redis::ONE, redis::MANY]);
    let results = [memory::run(&arguments), stale::run(&arguments), redis::run(&arguments)];
    if arguments.want_all() {
        save("grace", &results);
    }
}
