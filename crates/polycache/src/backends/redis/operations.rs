//! The backend's operations, as commands of Redis.

use std::borrow::Cow;
use std::sync::Arc;

use redis::Cmd;

use super::answers::{self, milliseconds};
use super::command::Command;
use super::fleet::Fleet;
use super::scripts::{ADD, Call, INCREMENT, PERSIST, REMOVE, REPLACE, STORE_UNDER_LEASE};
use super::store::Store;
use super::trouble::Class;
use super::{Redis, allowed, listing, raw};
use crate::backend::{
    Backend, BackendInfo, Cursor, Entry, Found, Holder, Key, Page, Pattern, Permit, SetOptions, Tracker, Version, Want,
    When,
};
use crate::events::Listener;
use crate::{Error, ErrorKind, Raw, Reply, Result, Ttl, Value};

/// Redis takes no longer strings (`proto-max-bulk-len`); the connection would break on one.
const MAX_VALUE_BYTES: usize = 512 << 20;

impl Backend for Redis {
    fn info(&self) -> &BackendInfo {
        &self.info
    }

    fn get(&self, key: Key<'_>) -> Reply<Option<Value>> {
        self.ask(Class::Read, key, command("GET", key), answers::value)
    }

    fn look(&self, key: Key<'_>, want: Want) -> Reply<Option<Found>> {
        self.find(key, want)
    }

    fn multi_get(&self, keys: &[Key<'_>], want: Want) -> Reply<Vec<Option<Found>>> {
        self.find_many(keys, want)
    }

    fn set(&self, key: Key<'_>, value: Value, options: SetOptions) -> Reply<bool> {
        let bytes = match encoded(&value) {
            Ok(bytes) => bytes,
            Err(error) => return Reply::error(error),
        };
        if let (Fleet::Single(node), When::Always, None, None) =
            (&*self.fleet, &options.when, &options.written, options.permit.as_ref().and_then(Permit::lease))
        {
            let (node, store) = (Arc::clone(node), Store::new(key, value, options.ttl, self.ends_leases));
            return Reply::pending(async move { answers::stored(node.store(&store).await?) });
        }
        let bytes = &*bytes;
        let written = options.written.clone();
        let reply = match options.permit.as_ref().and_then(Permit::lease) {
            Some((lease, token)) => self.set_under_lease(key, bytes, &options, lease, token),
            None => self.set_when(key, bytes, options),
        };
        let Some(written) = written else { return reply };
        let version = Version::bytes(bytes);
        Reply::pending(async move {
            let stored = reply.await?;
            if stored {
                written.leave(version);
            }
            Ok(stored)
        })
    }

    fn multi_set(&self, entries: Vec<Entry<'_>>) -> Reply<()> {
        let fleet = Arc::clone(&self.fleet);
        let command = |entry: &Entry<'_>| {
            let bytes = encoded(&entry.value).map_err(|error| error.about(entry.key.full()))?;
            Ok(self.fleet.command(entry.key.full().as_bytes(), set(entry.key, &bytes, entry.ttl)))
        };
        match entries.iter().map(command).collect::<Result<Vec<_>>>() {
            Err(error) => Reply::error(error),
            Ok(commands) => {
                let keys: Vec<Key<'_>> = entries.iter().map(|entry| entry.key).collect();
                let commands = self.ending(&keys, commands);
                Reply::pending(async move { answers::all_good(fleet.many(Class::Write, commands).await?) })
            }
        }
    }

    fn increment(&self, key: Key<'_>, delta: i64, ttl: Ttl) -> Reply<i64> {
        let call = Call::new(&INCREMENT, key.full()).second_key(self.lease(key)).arg(delta.to_string());
        self.run(Class::Once, with_life(call, ttl), answers::text_integer)
    }

    fn expire(&self, key: Key<'_>, ttl: Ttl) -> Reply<bool> {
        match milliseconds(ttl) {
            None => {
                let call = Call::new(&PERSIST, key.full()).second_key(self.lease(key));
                self.run(Class::Write, call, answers::flag)
            }
            Some(life) => {
                let mut command = command("PEXPIRE", key);
                command.arg(life);
                self.change(Class::Write, key, command, answers::flag)
            }
        }
    }

    fn delete(&self, key: Key<'_>, when: When) -> Reply<bool> {
        match when {
            When::Always => self.change(Class::Write, key, command("UNLINK", key), answers::flag),
            When::Absent => Reply::ready(false),
            When::Unchanged(version) => match bytes_of(&version) {
                Ok(bytes) => {
                    let call = Call::new(&REMOVE, key.full()).second_key(self.lease(key)).arg(bytes);
                    self.run(Class::Once, call, answers::flag)
                }
                Err(error) => Reply::error(error),
            },
        }
    }

    fn multi_delete(&self, keys: &[Key<'_>]) -> Reply<u64> {
        let fleet = Arc::clone(&self.fleet);
        let names: Vec<&str> = keys.iter().map(|key| key.full()).collect();
        let commands = self.ending(keys, listing::unlink(&fleet, &names));
        Reply::pending(async move {
            let answers = fleet.many(Class::Write, commands).await?;
            answers.into_iter().map(|answer| Ok(answers::integer(answer)?.unsigned_abs())).sum()
        })
    }

    fn clear(&self, prefix: &str) -> Reply<()> {
        let fleet = Arc::clone(&self.fleet);
        let prefix = prefix.to_owned();
        Reply::pending(async move { listing::clear(&fleet, &prefix).await })
    }

    fn scan(&self, prefix: &str, pattern: &Pattern, cursor: Option<Cursor>) -> Reply<Page> {
        let fleet = Arc::clone(&self.fleet);
        let (prefix, pattern) = (prefix.to_owned(), pattern.clone());
        Reply::pending(async move { listing::page(&fleet, &prefix, &pattern, cursor).await })
    }

    fn raw(&self, command: &str, args: &[&[u8]]) -> Reply<Raw> {
        if let Err(error) = allowed::check(command, args) {
            return Reply::error(error);
        }
        let key = args.first().map(|key| key.to_vec()).unwrap_or_default();
        let command = raw::command(command, args);
        let fleet = Arc::clone(&self.fleet);
        Reply::pending(async move { raw::send(&fleet, &key, command).await })
    }

    fn close(&self) -> Reply<()> {
        self.fleet.close();
        Reply::ready(())
    }

    fn listen(&self, listener: Listener) {
        self.listeners.add(listener);
    }

    fn ending_leases(&self, _: &Holder) -> Option<Arc<dyn Backend>> {
        Some(Arc::new(Self { ends_leases: true, ..self.clone() }))
    }

    fn tracked(&self, tracker: Arc<dyn Tracker>) -> Result<Option<Arc<dyn Backend>>> {
        Ok(Some(Arc::new(self.watched_by(tracker)?)))
    }
}

impl Redis {
    pub(super) fn ask<T: 'static>(
        &self,
        class: Class,
        key: Key<'_>,
        command: Cmd,
        read: impl FnOnce(redis::Value) -> Result<T> + Send + 'static,
    ) -> Reply<T> {
        let fleet = Arc::clone(&self.fleet);
        let command = fleet.command(key.full().as_bytes(), command);
        Reply::pending(async move { read(fleet.one(class, command).await?) })
    }

    pub(super) fn run<T: 'static>(&self, class: Class, call: Call, read: fn(redis::Value) -> Result<T>) -> Reply<T> {
        let fleet = Arc::clone(&self.fleet);
        Reply::pending(async move { read(call.run(&fleet, class).await?) })
    }

    /// A command that ends the lease on a key, and then writes to it.
    fn change<T: 'static>(
        &self,
        class: Class,
        key: Key<'_>,
        command: Cmd,
        read: fn(redis::Value) -> Result<T>,
    ) -> Reply<T> {
        let fleet = Arc::clone(&self.fleet);
        let command =
            fleet.command(key.full().as_bytes(), command).after(self.lease(key).map(|lease| unlink(&[lease])));
        Reply::pending(async move { read(fleet.one(class, command).await?) })
    }

    /// Ends the leases on these keys before `commands`, which are one for each key, or one for all.
    fn ending(&self, keys: &[Key<'_>], mut commands: Vec<Command>) -> Vec<Command> {
        if !self.ends_leases {
            return commands;
        }
        let leases: Vec<String> = keys.iter().map(|key| key.lease()).collect();
        match &*self.fleet {
            // Together, before all commands.
            Fleet::Single(_) => commands
                .into_iter()
                .enumerate()
                .map(|(number, command)| command.after((number == 0).then(|| unlink(&leases))))
                .collect(),
            Fleet::Cluster(_) => {
                commands = commands
                    .into_iter()
                    .zip(&leases)
                    .map(|(command, lease)| command.after(Some(unlink(&[lease]))))
                    .collect();
                commands
            }
        }
    }

    /// The key of the lease that a write to `key` ends.
    fn lease(&self, key: Key<'_>) -> Option<String> {
        self.ends_leases.then(|| key.lease())
    }

    fn set_when(&self, key: Key<'_>, bytes: &[u8], options: SetOptions) -> Reply<bool> {
        match options.when {
            When::Always => self.change(Class::Write, key, set(key, bytes, options.ttl), answers::stored),
            When::Absent => self.add(key, bytes, options.ttl),
            When::Unchanged(version) => {
                let present = match bytes_of(&version) {
                    Ok(bytes) => bytes,
                    Err(error) => return Reply::error(error),
                };
                let call = Call::new(&REPLACE, key.full()).second_key(self.lease(key)).arg(present).arg(bytes);
                self.run(Class::Once, with_life(call, options.ttl), answers::flag)
            }
        }
    }

    /// Stores if the entry of `lease` begins with `token`, and ends the lease.
    fn set_under_lease(
        &self,
        key: Key<'_>,
        bytes: &[u8],
        options: &SetOptions,
        lease: Key<'_>,
        token: &[u8],
    ) -> Reply<bool> {
        let when = if options.when == When::Always { "XX or NX" } else { "NX" };
        let call = Call::new(&STORE_UNDER_LEASE, key.full()).second_key(Some(lease.full()));
        let call = with_life(call.arg(token).arg(bytes).arg(when), options.ttl);
        let (fleet, told) = (Arc::clone(&self.fleet), Arc::clone(&self.told));
        Reply::pending(async move {
            let answer = call.run(&fleet, Class::Once).await?;
            if is_refused(&answer) {
                told.call_once(|| {
                    tracing::error!(
                        "Redis refuses scripts, so nothing that is computed is stored: what looks at the lease and stores is a script; \
                         allow this user `+evalsha +eval` and the commands `get`, `set`, `exists` and `unlink`, or give the cache a `lease` \
                         of zero, which gives up what leases promise across processes"
                    );
                });
            }
            answers::flag(answer)
        })
    }

    fn add(&self, key: Key<'_>, bytes: &[u8], ttl: Ttl) -> Reply<bool> {
        match (self.lease(key), &*self.fleet) {
            // In one step: if one of two commands were redirected, their order would be lost, and this one can't be repeated.
            (Some(lease), Fleet::Cluster(_)) => {
                let call = Call::new(&ADD, key.full()).second_key(Some(lease)).arg(bytes);
                self.run(Class::Once, with_life(call, ttl), answers::flag)
            }
            _ => {
                let mut command = set(key, bytes, ttl);
                command.arg("NX");
                self.change(Class::Once, key, command, answers::stored)
            }
        }
    }
}

/// Whether the server refuses to run scripts.
fn is_refused(answer: &redis::Value) -> bool {
    matches!(answer, redis::Value::ServerError(error) if error.code() == "NOPERM"
        || error.details().is_some_and(|details| details.starts_with("unknown command") || details.contains("ACL failure")))
}

fn unlink(keys: &[impl AsRef<str>]) -> Cmd {
    let mut command = Cmd::with_capacity(1 + keys.len(), 8 + keys.iter().map(|key| key.as_ref().len()).sum::<usize>());
    command.arg("UNLINK");
    for key in keys {
        command.arg(key.as_ref());
    }
    command
}

/// The stored bytes that the version is made of.
fn bytes_of(version: &Version) -> Result<&[u8]> {
    version.as_bytes().ok_or_else(|| {
        let text = "the version is of another backend; take it from a read of this one";
        Error::new(ErrorKind::InvalidInput, text)
    })
}

pub(super) fn command(name: &str, key: Key<'_>) -> Cmd {
    let mut command = Cmd::with_capacity(3, name.len() + key.full().len() + 8);
    command.arg(name).arg(key.full());
    command
}

fn set(key: Key<'_>, bytes: &[u8], ttl: Ttl) -> Cmd {
    let mut command = Cmd::with_capacity(6, key.full().len() + bytes.len() + 32);
    command.arg("SET").arg(key.full()).arg(bytes);
    if let Some(life) = milliseconds(ttl) {
        command.arg("PX").arg(life);
    }
    command
}

fn with_life(call: Call, ttl: Ttl) -> Call {
    match milliseconds(ttl) {
        None => call,
        Some(life) => call.arg(life.to_string()),
    }
}

fn encoded(value: &Value) -> Result<Cow<'_, [u8]>> {
    match value.to_stored() {
        Some(bytes) if bytes.len() > MAX_VALUE_BYTES => {
            let text = format!("the value has {} bytes, and Redis takes {MAX_VALUE_BYTES} at most", bytes.len());
            Err(Error::new(ErrorKind::TooLarge, text))
        }
        Some(bytes) => Ok(bytes),
        None => Err(Error::new(
            ErrorKind::InvalidInput,
            "Redis holds bytes, not live objects; use `Json` or another serializer",
        )),
    }
}
