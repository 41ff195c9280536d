//! The backend's operations, as commands of memcached.

use std::borrow::Cow;
use std::future::Future;
use std::sync::Arc;

use polycache_memcached::codec::Mode;
use polycache_memcached::{self as client, Cas, Client};

use super::leases::{Write, mode};
use super::trouble::{Class, trouble};
use super::{Memcached, Servers};
use crate::backend::{
    Backend, BackendInfo, Cursor, Entry, Found, Holder, Key, Page, Pattern, Permit, SetOptions, Want, When,
};
use crate::events::Listener;
use crate::lease::{is_lease, is_tag};
use crate::{Error, ErrorKind, Raw, Reply, Result, Ttl, Value};

impl Backend for Memcached {
    fn info(&self) -> &BackendInfo {
        &self.info
    }

    fn get(&self, key: Key<'_>) -> Reply<Option<Value>> {
        self.ask(Class::Read, key, |client, key| async move {
            Ok(client.get(&key).await?.map(|item| Value::from_stored(item.value.into())))
        })
    }

    fn look(&self, key: Key<'_>, want: Want) -> Reply<Option<Found>> {
        self.find(key, want)
    }

    fn multi_get(&self, keys: &[Key<'_>], want: Want) -> Reply<Vec<Option<Found>>> {
        self.find_many(keys, want)
    }

    fn set(&self, key: Key<'_>, value: Value, options: SetOptions) -> Reply<bool> {
        let Some(mode) = mode(&options.when) else { return Reply::error(foreign()) };
        let value = match encoded(value) {
            Ok(value) => value,
            Err(error) => return Reply::error(error),
        };
        if let Some(set) = self.set_lease(key, &value, &options) {
            return set;
        }
        let permit = options.permit.as_ref();
        let held = permit.and_then(|permit| permit.lease().zip(permit.lease_version()?.as_number()));
        let fused = match held {
            Some((lease, version)) => self.fill(key, value.clone(), &options, lease, version),
            None if self.holder.is_none() => None,
            None if mode == Mode::Set => Some(self.write_one_ending(key, Write::Set(value.clone(), options.ttl))),
            None => self.write_if_ending(key, value.clone(), &options),
        };
        fused.unwrap_or_else(|| self.set_alone(key, value, &options, mode))
    }

    fn multi_set<'a>(&self, entries: Vec<Entry<'a>>) -> Reply<()> {
        let encode = |entry: Entry<'a>| {
            let value = encoded(entry.value).map_err(|error| error.about(entry.key.full()))?;
            Ok(Entry { value, ..entry })
        };
        let entries: Vec<Entry<'a>> = match entries.into_iter().map(encode).collect::<Result<_>>() {
            Ok(entries) => entries,
            Err(error) => return Reply::error(error),
        };
        let keys: Vec<Key<'_>> = entries.iter().map(|entry| entry.key).collect();
        if self.holder.is_some() {
            let writes = entries.into_iter().map(|entry| Write::Set(entry.value, entry.ttl)).collect();
            let set = self.write_ending(&keys, writes);
            return Reply::pending(async move { set.await.map(drop) });
        }
        let values: Vec<(Value, client::Ttl)> =
            entries.into_iter().map(|entry| (entry.value, life(entry.ttl))).collect();
        self.ask_many(Class::Write, &keys, move |client, keys| async move {
            let entries: Vec<_> = keys
                .iter()
                .zip(&values)
                .map(|(key, (value, ttl))| (key, client::Entry::new(value.as_bytes().unwrap_or_default()).ttl(*ttl)))
                .collect();
            client.multi_set(&entries).await
        })
    }

    fn increment(&self, key: Key<'_>, delta: i64, ttl: Ttl) -> Reply<i64> {
        let sum = self
            .ask(Class::Once, key, move |client, key| async move { client.increment(&key, delta, life(ttl)).await });
        if self.holder.is_some() { self.after_ending(key, sum) } else { sum }
    }

    fn expire(&self, key: Key<'_>, ttl: Ttl) -> Reply<bool> {
        if self.holder.is_some() {
            return self.write_one_ending(key, Write::Touch(ttl));
        }
        self.ask(Class::Write, key, move |client, key| async move { client.touch(&key, life(ttl)).await })
    }

    fn delete(&self, key: Key<'_>, when: When) -> Reply<bool> {
        match when {
            When::Always if self.holder.is_some() => self.write_one_ending(key, Write::Delete),
            When::Always => self.ask(Class::Write, key, |client, key| async move { client.delete(&key).await }),
            When::Absent => Reply::ready(false),
            When::Unchanged(version) => match version.as_number() {
                Some(cas) => self.delete_version(key, cas),
                None => Reply::error(foreign()),
            },
        }
    }

    fn multi_delete(&self, keys: &[Key<'_>]) -> Reply<u64> {
        if self.holder.is_some() {
            let deleted = self.write_ending(keys, keys.iter().map(|_| Write::Delete).collect());
            return Reply::pending(async move { Ok(deleted.await?.into_iter().map(u64::from).sum()) });
        }
        self.ask_many(Class::Write, keys, |client, keys| async move { Ok(client.multi_delete(&keys).await? as u64) })
    }

    fn clear(&self, prefix: &str) -> Reply<()> {
        let servers = Arc::clone(&self.servers);
        let prefix = prefix.to_owned();
        Reply::pending(async move {
            match &servers.generations {
                generations if prefix.is_empty() => {
                    let flushed = servers.client.flush_all().await;
                    if let Some(generations) = generations {
                        generations.forget();
                    }
                    flushed.map_err(|error| trouble(&error, Class::Write))
                }
                Some(generations) => generations.clear(&servers.client, &prefix).await,
                None => {
                    let text = "memcached can't list keys, so it can't clear a namespace unless every key holds a generation; \
                                open it with `generations`";
                    Err(Error::new(ErrorKind::Unsupported, text))
                }
            }
        })
    }

    fn scan(&self, _: &str, _: &Pattern, _: Option<Cursor>) -> Reply<Page> {
        Reply::error(Error::new(ErrorKind::Unsupported, "memcached can't list keys"))
    }

    fn raw(&self, command: &str, args: &[&[u8]]) -> Reply<Raw> {
        let mut line = command.as_bytes().to_vec();
        for arg in args {
            line.push(b' ');
            line.extend_from_slice(arg);
        }
        let client = self.servers.client.clone();
        Reply::pending(async move {
            let answer = client.raw(&line).await.map_err(|error| trouble(&error, Class::Once))?;
            Ok(Raw::Bytes(answer.to_vec()))
        })
    }

    fn close(&self) -> Reply<()> {
        self.servers.client.close();
        Reply::ready(())
    }

    fn listen(&self, listener: Listener) {
        self.servers.listeners.add(listener);
    }

    fn ending_leases(&self, holder: &Holder) -> Option<Arc<dyn Backend>> {
        Some(Arc::new(Self { holder: Some(holder.clone()), ..self.clone() }))
    }
}

impl Memcached {
    /// Stores a value by a command that ends no lease. Where a clear renames keys, the lease of the permit is looked at first.
    fn set_alone(&self, key: Key<'_>, value: Value, options: &SetOptions, mode: Mode) -> Reply<bool> {
        let ttl = life(options.ttl);
        let class = if mode == Mode::Set { Class::Write } else { Class::Once };
        // A clear before this command renames the lease, which isn't found then; a later clear renames the value.
        let lease = options.permit.as_ref().and_then(Permit::lease).filter(|_| self.servers.generations.is_some());
        let Some((lease, token)) = lease else {
            return self.ask(
                class,
                key,
                move |client, key| async move { store(&client, &key, &value, ttl, mode).await },
            );
        };
        let (keys, token) = (vec![key.full().to_owned(), lease.full().to_owned()], token.to_vec());
        self.ask_about(class, keys, move |client, mut keys| async move {
            let held = client.get(keys.pop().unwrap_or_default()).await?;
            if !held.is_some_and(|held| held.value.starts_with(&token)) {
                return Ok(false);
            }
            store(&client, &keys.pop().unwrap_or_default(), &value, ttl, mode).await
        })
    }

    fn delete_version(&self, key: Key<'_>, cas: u64) -> Reply<bool> {
        if let Some(deleted) = self.delete_lease(key, cas) {
            return deleted;
        }
        let deleted = self.ask(Class::Once, key, move |client, key| async move { client.delete_cas(&key, cas).await });
        if self.holder.is_some() { self.after_ending(key, deleted) } else { deleted }
    }

    /// A command about one key, by its stored name.
    pub(super) fn ask<T, F>(
        &self,
        class: Class,
        key: Key<'_>,
        run: impl FnOnce(Client, String) -> F + Send + 'static,
    ) -> Reply<T>
    where
        T: 'static,
        F: Future<Output = client::Result<T>> + Send + 'static,
    {
        let (servers, key) = (Arc::clone(&self.servers), key.full().to_owned());
        Reply::pending(async move {
            let name = match servers.generations {
                None => key,
                Some(_) => servers.names(class, vec![key]).await?.pop().unwrap_or_default(),
            };
            run(servers.client.clone(), name).await.map_err(|error| trouble(&error, class))
        })
    }

    /// A command about several keys, by their stored names.
    pub(super) fn ask_many<T, F>(
        &self,
        class: Class,
        keys: &[Key<'_>],
        run: impl FnOnce(Client, Vec<String>) -> F + Send + 'static,
    ) -> Reply<T>
    where
        T: 'static,
        F: Future<Output = client::Result<T>> + Send + 'static,
    {
        self.ask_about(class, keys.iter().map(|key| key.full().to_owned()).collect(), run)
    }

    /// A command about keys, by their stored names from one moment.
    pub(super) fn ask_about<T, F>(
        &self,
        class: Class,
        keys: Vec<String>,
        run: impl FnOnce(Client, Vec<String>) -> F + Send + 'static,
    ) -> Reply<T>
    where
        T: 'static,
        F: Future<Output = client::Result<T>> + Send + 'static,
    {
        let servers = Arc::clone(&self.servers);
        Reply::pending(async move {
            let names = servers.names(class, keys).await?;
            run(servers.client.clone(), names).await.map_err(|error| trouble(&error, class))
        })
    }
}

impl Servers {
    /// The stored names of a key and of another that goes with it, from one moment.
    pub(super) async fn names_of_both<'a>(
        &self,
        class: Class,
        key: &'a str,
        other: &'a str,
    ) -> Result<[Cow<'a, str>; 2]> {
        if self.generations.is_none() {
            return Ok([key, other].map(Cow::Borrowed));
        }
        let mut names = self.names(class, vec![key.to_owned(), other.to_owned()]).await?.into_iter();
        Ok([(); 2].map(|()| Cow::Owned(names.next().unwrap_or_default())))
    }

    pub(super) async fn names(&self, class: Class, keys: Vec<String>) -> Result<Vec<String>> {
        match &self.generations {
            None => Ok(keys),
            // A write to a dead generation would be lost, and so would a lock.
            Some(generations) => {
                let believes = class == Class::Read && !keys.iter().any(|key| is_lease(key) && !is_tag(key));
                // In a box: otherwise every command would have room for it.
                Box::pin(generations.names(&self.client, keys, believes)).await
            }
        }
    }
}

/// Stores a value on the condition that is the mode. Returns whether it was stored.
async fn store(client: &Client, key: &str, value: &Value, ttl: client::Ttl, mode: Mode) -> client::Result<bool> {
    let entry = client::Entry::new(value.as_bytes().unwrap_or_default()).ttl(ttl);
    match mode {
        Mode::Set => client.set(key, entry).await.map(|()| true),
        Mode::Add => client.add(key, entry).await,
        Mode::Replace => client.replace(key, entry).await,
        Mode::Cas(number) => client.cas(key, entry, number).await.map(|cas| cas == Cas::Stored),
    }
}

#[cold]
fn foreign() -> Error {
    Error::new(ErrorKind::InvalidInput, "the version is of another backend; take it from a read of this one")
}

pub(super) fn life(ttl: Ttl) -> client::Ttl {
    match ttl {
        Ttl::Never => client::Ttl::Never,
        Ttl::After(life) => client::Ttl::After(life),
    }
}

/// The value in its stored form: plain bytes, with a head if it has one.
fn encoded(value: Value) -> Result<Value> {
    match value.to_stored() {
        Some(Cow::Borrowed(_)) if value.head().is_none() => Ok(value),
        Some(stored) => Ok(Value::from(stored.into_owned())),
        None => {
            let text = "memcached holds bytes, not live objects; use `Json` or another serializer";
            Err(Error::new(ErrorKind::InvalidInput, text))
        }
    }
}
