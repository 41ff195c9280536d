//! Leases at no round trip of their own. They are entries beside their keys, on the same server, which executes the commands of a
//! connection in their order.
//!
//! Memcached can't look at one entry in the step that stores another. So the holder of a lease seals it before it stores, and writes in
//! other processes wait while it is sealed. A write looks at the lease and writes in one go. It finds one of these:
//! - No lease: a later holder computes from the present source, and an earlier one has stored before this write.
//! - A lease that isn't sealed: the write deletes that entry on condition that it is unchanged. Then the holder hasn't sealed it, so it
//!   has stored nothing, and never will.
//! - A lease that is sealed, or has changed by then: the write waits for its end, and writes again over any value stored meanwhile.

use std::borrow::Cow;
use std::future::Future;
use std::sync::Arc;

use polycache_memcached::codec::{Meta, Mode, Parts, Request, Status, WireKey};
use polycache_memcached::{self as client, Client};

use super::Memcached;
use super::operations::life;
use super::trouble::{Class, trouble};
use crate::backend::{Holder, Key, SetOptions, Version, When};
use crate::join::join_all;
use crate::key::OwnedKey;
use crate::lease::{self, Purpose, lease_key, leased};
use crate::{Reply, Ttl, Value};

/// Writes of more bytes than this aren't sent together.
const PORTION: usize = 1 << 20;
/// The parts to read of an entry that is to be replaced only if unchanged.
const VERSIONED: Parts = Parts::VALUE.and(Parts::CAS);
/// No more writes than this are sent together.
const MOST: usize = 1_000;

/// A write to a key.
#[derive(Debug)]
pub(super) enum Write {
    Set(Value, Ttl),
    Delete,
    /// Gives the present value another life.
    Touch(Ttl),
}

impl Write {
    fn request<'a>(&'a self, key: &'a WireKey<'a>) -> client::Result<Request<'a>> {
        match self {
            Self::Set(value, ttl) => store(Mode::Set, key, value, *ttl),
            Self::Delete => Ok(Request::Delete { key, cas: None }),
            Self::Touch(ttl) => Ok(Request::Touch { key, exptime: life(*ttl).exptime()? }),
        }
    }
}

impl Memcached {
    /// Reads parts of a lease's entry; `None` if the key isn't that of a lease.
    pub(super) fn look_at_lease(&self, class: Class, lease: Key<'_>, parts: Parts) -> Option<Reply<Meta>> {
        let names = [leased(lease.full())?, lease.full()];
        Some(self.at_home(class, names, move |client, home, lease| async move {
            one(&client, &home, Request::Get { key: &WireKey::new(lease.as_bytes()), parts }).await
        }))
    }

    /// Writes a lease's entry; `None` if the key isn't that of a lease.
    pub(super) fn set_lease(&self, lease: Key<'_>, value: &Value, options: &SetOptions) -> Option<Reply<bool>> {
        let names = [leased(lease.full())?, lease.full()];
        let (value, mode, ttl, written) = (value.clone(), mode(&options.when)?, options.ttl, options.written.clone());
        Some(self.at_home(Class::Once, names, move |client, home, lease| async move {
            let lease = WireKey::new(lease.as_bytes());
            let meta = one(&client, &home, store(mode, &lease, &value, ttl)?).await?;
            let stored = meta.status == Status::Done;
            if let (true, Some(written)) = (stored, written) {
                written.leave(Version::number(meta.cas));
            }
            Ok(stored)
        }))
    }

    /// Deletes a lease's entry if it still has this version; `None` if the key isn't that of a lease.
    pub(super) fn delete_lease(&self, lease: Key<'_>, cas: u64) -> Option<Reply<bool>> {
        let names = [leased(lease.full())?, lease.full()];
        Some(self.at_home(Class::Once, names, move |client, home, lease| async move {
            let lease = WireKey::new(lease.as_bytes());
            let meta = one(&client, &home, Request::Delete { key: &lease, cas: Some(cas) }).await?;
            Ok(meta.status == Status::Done)
        }))
    }

    /// A command about the second key, a lease on the first, at the first one's server. `run` gets the stored names of both, from one
    /// moment.
    fn at_home<T, F>(
        &self,
        class: Class,
        names: [&str; 2],
        run: impl FnOnce(Client, String, String) -> F + Send + 'static,
    ) -> Reply<T>
    where
        T: 'static,
        F: Future<Output = client::Result<T>> + Send + 'static,
    {
        self.ask_about(class, names.map(str::to_owned).into(), |client, mut names| {
            let lease = names.pop().unwrap_or_default();
            run(client, names.pop().unwrap_or_default(), lease)
        })
    }

    /// Stores under a sealed lease, and releases the lease right after. If the lease was lost before, the stored value is deleted again.
    pub(super) fn fill(
        &self,
        key: Key<'_>,
        value: Value,
        options: &SetOptions,
        (lease, token): (Key<'_>, &[u8]),
        version: u64,
    ) -> Option<Reply<bool>> {
        let (mode, ttl, token) = (mode(&options.when)?, options.ttl, token.to_vec());
        // A clear before this command renames the lease, which isn't found then; a later clear renames the value.
        let looks = self.servers.generations.is_some();
        let keys = vec![key.full().to_owned(), lease.full().to_owned()];
        Some(self.ask_about(Class::Once, keys, move |client, names| async move {
            let [key, lease] = [0, 1].map(|at| names.get(at).map(String::as_str).unwrap_or_default());
            let (home, wire, lease) = (key, WireKey::new(key.as_bytes()), WireKey::new(lease.as_bytes()));
            if looks {
                let held = one(&client, home, Request::Get { key: &lease, parts: Parts::VALUE }).await?.value;
                if !held.is_some_and(|held| held.starts_with(&token)) {
                    return Ok(false);
                }
            }
            let release = Request::Delete { key: &lease, cas: Some(version) };
            let [stored, released] = client.in_order([(home, store(mode, &wire, &value, ttl)?), (home, release)]).await;
            let (stored, released) = (stored?, released?);
            let is_stored = stored.status == Status::Done;
            if !is_stored || released.status == Status::Done {
                return Ok(is_stored);
            }
            // In a box, since it is rare.
            let released = Box::pin(release_late(&client, home, &lease, &token, released.status)).await?;
            if !released {
                Box::pin(take_back(&client, home, &wire, &value, stored.cas)).await?;
            }
            Ok(released)
        }))
    }

    /// Writes to some keys and ends the leases on them. Tells of each write whether it found its entry, or stored it.
    pub(super) fn write_ending(&self, keys: &[Key<'_>], writes: Vec<Write>) -> Reply<Vec<bool>> {
        let (backend, holder, count) = (self.without_ending(), self.holder(), keys.len());
        let leases: Vec<OwnedKey> = keys.iter().map(|key| lease_key(*key, Purpose::Compute)).collect();
        let both = keys.iter().copied().chain(leases.iter().map(OwnedKey::key));
        let both: Vec<String> = both.map(|key| key.full().to_owned()).collect();
        Reply::pending(async move {
            let servers = Arc::clone(&backend.servers);
            let names = servers.names(Class::Write, both).await?;
            let (names, lease_names) = names.split_at(count);
            let mut done = vec![false; count];
            let mut left: Vec<usize> = (0..count).collect();
            while !left.is_empty() {
                let mut again = Vec::new();
                for portion in portions(&left, &writes) {
                    let asked =
                        write_portion(&servers.client, &holder, portion, [names, lease_names], &writes, &mut done)
                            .await;
                    again.extend(asked.map_err(|error| trouble(&error, Class::Write))?);
                }
                let ends = again.iter().map(|&at| Box::pin(lease::end_one(&backend, &holder, leases[at].key())));
                join_all(ends).await.into_iter().collect::<crate::Result<()>>()?;
                left = again;
            }
            Ok(done)
        })
    }

    /// As `write_ending` for one key, the most frequent case, without lists.
    pub(super) fn write_one_ending(&self, key: Key<'_>, write: Write) -> Reply<bool> {
        let (memcached, key, lease) = (self.clone(), key.full().to_owned(), lease_key(key, Purpose::Compute));
        Reply::pending(async move {
            let servers = &*memcached.servers;
            let names = servers.names_of_both(Class::Write, &key, lease.key().full()).await?;
            let told = |error| trouble(&error, Class::Write);
            let [home, wire_lease] = names.each_ref().map(|name| WireKey::new(name.as_bytes()));
            let mut done = false;
            loop {
                let write = write.request(&home).map_err(told)?;
                let asked = servers.client.look_and_write(&home, (&wire_lease, VERSIONED), &write);
                let (found, written) = asked.await.map_err(told)?;
                done |= written.status == Status::Done;
                if found.value.is_none() {
                    return Ok(done);
                }
                // In a box: otherwise every write would have room for it.
                if Box::pin(memcached.end_found(Class::Write, &names, &found, lease.key())).await? {
                    return Ok(done);
                }
            }
        })
    }

    /// Stores on a condition and ends the lease on the key. This can't be repeated: if a value was being stored under the lease and is
    /// there afterwards, that value is deleted.
    pub(super) fn write_if_ending(&self, key: Key<'_>, value: Value, options: &SetOptions) -> Option<Reply<bool>> {
        let (memcached, key, lease) = (self.clone(), key.full().to_owned(), lease_key(key, Purpose::Compute));
        let (mode, ttl) = (mode(&options.when)?, options.ttl);
        Some(Reply::pending(async move {
            let servers = &*memcached.servers;
            let names = servers.names_of_both(Class::Once, &key, lease.key().full()).await?;
            let told = |error| trouble(&error, Class::Once);
            let [wire, wire_lease] = names.each_ref().map(|name| WireKey::new(name.as_bytes()));
            let write = store(mode, &wire, &value, ttl).map_err(told)?;
            let asked = servers.client.look_and_write(&wire, (&wire_lease, VERSIONED), &write);
            let (found, stored) = asked.await.map_err(told)?;
            let is_stored = stored.status == Status::Done;
            if found.value.is_some() && !memcached.end_found(Class::Once, &names, &found, lease.key()).await? {
                let home = &*names[0];
                let there =
                    one(&servers.client, home, Request::Get { key: &wire, parts: Parts::CAS }).await.map_err(told)?;
                if is_stored && there.status == Status::Done && there.cas != stored.cas {
                    let late = Request::Delete { key: &wire, cas: Some(there.cas) };
                    one(&servers.client, home, late).await.map_err(told)?;
                }
            }
            Ok(is_stored)
        }))
    }

    /// Ends a lease that was found before a write. Returns whether no value can have been stored under it after the write.
    async fn end_found(
        &self,
        class: Class,
        [home, lease_name]: &[Cow<'_, str>; 2],
        found: &Meta,
        lease: Key<'_>,
    ) -> crate::Result<bool> {
        let (holder, wire_lease) = (self.holder(), WireKey::new(lease_name.as_bytes()));
        let is_ended = ends_here(&self.servers.client, &holder, home, &wire_lease, found).await;
        if is_ended.map_err(|error| trouble(&error, class))? {
            return Ok(true);
        }
        lease::end_one(&self.without_ending(), &holder, lease).await?;
        Ok(false)
    }

    /// Ends the lease on a key before `write`, which can't be repeated.
    pub(super) fn after_ending<T: Send + 'static>(&self, key: Key<'_>, write: Reply<T>) -> Reply<T> {
        let (backend, holder) = (self.without_ending(), self.holder());
        let lease = lease_key(key, Purpose::Compute);
        Reply::pending(async move {
            lease::end_one(&backend, &holder, lease.key()).await?;
            write.await
        })
    }

    fn without_ending(&self) -> Self {
        Self { holder: None, ..self.clone() }
    }

    fn holder(&self) -> Holder {
        self.holder.clone().unwrap_or_else(Holder::new)
    }
}

/// Looks at the leases of some keys and writes to these. Returns the keys whose lease couldn't be ended with the write.
async fn write_portion(
    client: &Client,
    holder: &Holder,
    portion: &[usize],
    [names, leases]: [&[String]; 2],
    writes: &[Write],
    done: &mut [bool],
) -> client::Result<Vec<usize>> {
    let wire: Vec<_> = portion.iter().map(|&at| WireKey::new(names[at].as_bytes())).collect();
    let wire_leases: Vec<_> = portion.iter().map(|&at| WireKey::new(leases[at].as_bytes())).collect();
    let homes = || portion.iter().map(|&at| names[at].as_str());
    let looks = wire_leases.iter().map(|key| Ok(Request::Get { key, parts: VERSIONED }));
    let written = wire.iter().zip(portion).map(|(key, &at)| writes[at].request(key));
    let requests = looks.chain(written).collect::<client::Result<Vec<_>>>()?;
    let commands: Vec<_> = homes().chain(homes()).zip(requests).collect();
    let mut found = client.many_in_order(&commands).await;
    let written = found.split_off(portion.len());
    for (&at, written) in portion.iter().zip(written) {
        done[at] |= written?.status == Status::Done;
    }
    let found = found.into_iter().collect::<client::Result<Vec<_>>>()?;
    let ended = portion.iter().zip(&wire_leases).zip(&found).map(|((&at, lease), found)| {
        Box::pin(async move { Ok((!ends_here(client, holder, &names[at], lease, found).await?).then_some(at)) })
    });
    join_all(ended).await.into_iter().filter_map(Result::transpose).collect()
}

/// Whether a lease that was looked at before a write is ended with it: there is none, or it can be deleted unchanged.
async fn ends_here(
    client: &Client,
    holder: &Holder,
    home: &str,
    lease: &WireKey<'_>,
    found: &Meta,
) -> client::Result<bool> {
    match &found.value {
        None => Ok(true),
        Some(entry) if lease::is_sealed(&Value::bytes(&**entry), holder) => Ok(false),
        Some(_) => {
            let meta = one(client, home, Request::Delete { key: lease, cas: Some(found.cas) }).await?;
            Ok(meta.status == Status::Done)
        }
    }
}

/// These writes in portions that can be sent together.
fn portions<'a>(left: &'a [usize], writes: &'a [Write]) -> impl Iterator<Item = &'a [usize]> {
    let mut rest = left;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = rest.iter().take(MOST).take_while(|&&at| {
            bytes += match &writes[at] {
                Write::Set(value, _) => value.as_bytes().map_or(0, <[u8]>::len),
                Write::Delete | Write::Touch(_) => 0,
            };
            bytes <= PORTION
        });
        let (now, later) = rest.split_at(fits.count().max(1).min(rest.len()));
        rest = later;
        (!now.is_empty()).then_some(now)
    })
}

/// Releases a lease that didn't have the version of its holder. It may be the holder's all the same: a version is good on one connection.
async fn release_late(
    client: &Client,
    home: &str,
    lease: &WireKey<'_>,
    token: &[u8],
    status: Status,
) -> client::Result<bool> {
    if status != Status::Changed {
        return Ok(false);
    }
    let found = one(client, home, Request::Get { key: lease, parts: VERSIONED }).await?;
    if !found.value.is_some_and(|entry| entry.starts_with(token)) {
        return Ok(false);
    }
    let meta = one(client, home, Request::Delete { key: lease, cas: Some(found.cas) }).await?;
    Ok(meta.status == Status::Done)
}

/// Deletes a value that was stored too late, unless somebody has written since.
async fn take_back(
    client: &Client,
    home: &str,
    key: &WireKey<'_>,
    value: &Value,
    mut version: u64,
) -> client::Result<()> {
    while one(client, home, Request::Delete { key, cas: Some(version) }).await?.status == Status::Changed {
        let found = one(client, home, Request::Get { key, parts: VERSIONED }).await?;
        if found.value.as_deref() != value.as_bytes() {
            break;
        }
        // It may be the same entry, whose version was of a connection that was lost since.
        version = found.cas;
    }
    Ok(())
}

async fn one(client: &Client, home: &str, request: Request<'_>) -> client::Result<Meta> {
    let [meta] = client.in_order([(home, request)]).await;
    meta
}

fn store<'a>(mode: Mode, key: &'a WireKey<'a>, value: &'a Value, ttl: Ttl) -> client::Result<Request<'a>> {
    let exptime = life(ttl).exptime()?;
    Ok(Request::Store { mode, key, value: value.as_bytes().unwrap_or_default(), flags: 0, exptime, cas: true })
}

/// memcached's mode for a condition; `None` for a version of another backend.
pub(super) fn mode(when: &When) -> Option<Mode> {
    match when {
        When::Always => Some(Mode::Set),
        When::Absent => Some(Mode::Add),
        When::Unchanged(version) => version.as_number().map(Mode::Cas),
    }
}
