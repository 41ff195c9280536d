//! Reads of more than a value, from one entry or several: an `mg` for each.

use std::time::Duration;

use polycache_memcached as client;
use polycache_memcached::codec::{Meta, Parts, Request, Status, WireKey};

use super::Memcached;
use super::trouble::Class;
use crate::backend::{Found, Key, Version, Want};
use crate::lease::leased;
use crate::{Reply, Ttl, Value};

impl Memcached {
    pub(super) fn find(&self, key: Key<'_>, want: Want) -> Reply<Option<Found>> {
        let (class, parts) = (class(want), parts(want));
        if let Some(entry) = self.look_at_lease(class, key, parts) {
            return Reply::pending(async move { Ok(found(entry.await?, want)) });
        }
        self.ask(class, key, move |client, key| async move {
            Ok(client.look(&key, parts).await?.and_then(|entry| found(entry, want)))
        })
    }

    pub(super) fn find_many(&self, keys: &[Key<'_>], want: Want) -> Reply<Vec<Option<Found>>> {
        let leases = keys.iter().any(|key| leased(key.full()).is_some());
        if want == Want::VALUE && !leases {
            // One `get` for all is the fastest form.
            return self.ask_many(Class::Read, keys, |client, keys| async move {
                let items = client.multi_get(&keys).await?;
                Ok(items.into_iter().map(|item| item.map(|item| valued(&item.value))).collect())
            });
        }
        // A lease is on the server of its key.
        let homes = keys.iter().map(|key| leased(key.full()).unwrap_or(key.full()));
        let names = homes.chain(keys.iter().map(|key| key.full())).map(str::to_owned).collect();
        let (parts, count) = (parts(want), keys.len());
        self.ask_about(class(want), names, move |client, names| async move {
            let (homes, names) = names.split_at(count);
            let keys: Vec<_> = names.iter().map(|name| WireKey::new(name.as_bytes())).collect();
            let asked: Vec<_> =
                homes.iter().zip(&keys).map(|(home, key)| (home, Request::Get { key, parts })).collect();
            client.many_in_order(&asked).await.into_iter().map(|entry| Ok(found(entry?, want))).collect()
        })
    }
}

/// Whoever reads a version is about to write.
fn class(want: Want) -> Class {
    if want.has(Want::VERSION) { Class::Write } else { Class::Read }
}

fn parts(want: Want) -> Parts {
    let all = [(Want::VALUE, Parts::VALUE), (Want::VERSION, Parts::CAS), (Want::TTL, Parts::TTL)];
    all.into_iter().filter(|(wanted, _)| want.has(*wanted)).fold(Parts::NONE, |parts, (_, part)| parts.and(part))
}

fn found(entry: Meta, want: Want) -> Option<Found> {
    (entry.status == Status::Done).then(|| {
        let mut found = Found::new();
        found.version = want.has(Want::VERSION).then_some(Version::number(entry.cas));
        found.ttl = entry.life().map(|life| match life {
            client::Ttl::Never => Ttl::Never,
            // A live entry has at least part of a second left.
            client::Ttl::After(left) => Ttl::After(left.max(Duration::from_secs(1))),
        });
        found.value = entry.value.map(|value| Value::from_stored(value.into()));
        found
    })
}

fn valued(bytes: &[u8]) -> Found {
    let mut found = Found::new();
    found.value = Some(Value::from_stored(bytes.to_vec()));
    found
}
