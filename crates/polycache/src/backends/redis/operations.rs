//! The contract, in commands of Redis.

use std::sync::Arc;

use redis::Cmd;

use super::answers::{self, milliseconds};
use super::cluster::Command;
use super::fleet::Fleet;
use super::scripts::{Call, INCREMENT, PERSIST, REMOVE, REPLACE, STORE_UNDER_LEASE};
use super::trouble::Class;
use super::{Redis, allowed, listing, raw};
use crate::backend::{Backend, BackendInfo, Cursor, Entry, Key, Page, Pattern, Permit, SetOptions, Version, When};
use crate::{Error, ErrorKind, Raw, Reply, Result, Ttl, Value};

/// Redis holds no longer strings (`proto-max-bulk-len`); the connection would break on one.
const MAX_VALUE_BYTES: usize = 512 << 20;

impl Backend for Redis {
    fn info(&self) -> &BackendInfo {
        &self.info
    }

    fn get(&self, key: Key<'_>) -> Reply<Option<Value>> {
        self.ask(Class::Read, key, command("GET", key), answers::value)
    }

    fn get_versioned(&self, key: Key<'_>) -> Reply<(Option<Value>, Version)> {
        self.ask(Class::Read, key, command("GET", key), |answer| {
            let Some(bytes) = answers::bytes(answer)? else {
                return Ok((None, Version::ABSENT));
            };
            let bytes: Arc<[u8]> = bytes.into();
            Ok((Some(Value::bytes(Arc::clone(&bytes))), Version::bytes(bytes)))
        })
    }

    fn multi_get(&self, keys: &[Key<'_>]) -> Reply<Vec<Option<Value>>> {
        let fleet = Arc::clone(&self.fleet);
        match &*self.fleet {
            Fleet::Single(_) => {
                let mut all =
                    Cmd::with_capacity(keys.len() + 1, 4 + keys.iter().map(|key| key.full().len()).sum::<usize>());
                all.arg("MGET");
                for key in keys {
                    all.arg(key.full());
                }
                let all = Command { command: all, slot: 0 };
                Reply::pending(async move {
                    let answers = answers::list(fleet.one(Class::Read, all).await?)?;
                    answers.into_iter().map(answers::value_of_many).collect()
                })
            }
            Fleet::Cluster(_) => {
                let all =
                    keys.iter().map(|key| self.fleet.command(key.full().as_bytes(), command("GET", *key))).collect();
                Reply::pending(async move {
                    let answers = fleet.many(Class::Read, all).await?;
                    answers.into_iter().map(answers::value_of_many).collect()
                })
            }
        }
    }

    fn set(&self, key: Key<'_>, value: Value, options: SetOptions) -> Reply<bool> {
        let bytes = match encoded(&value) {
            Ok(bytes) => bytes,
            Err(error) => return Reply::error(error),
        };
        if let Some((lease, token)) = options.permit.as_ref().and_then(Permit::lease) {
            return self.set_under_lease(key, bytes, &options, lease, token);
        }
        match options.when {
            When::Always => self.ask(Class::Write, key, set(key, bytes, options.ttl), answers::stored),
            When::Absent => self.add(key, bytes, options.ttl),
            When::Unchanged(version) if version.is_absent() => self.add(key, bytes, options.ttl),
            When::Unchanged(version) => {
                let present = match bytes_of(&version) {
                    Ok(bytes) => bytes,
                    Err(error) => return Reply::error(error),
                };
                let call = Call::new(&REPLACE, key.full()).arg(present).arg(bytes);
                self.run(Class::Once, with_life(call, options.ttl), answers::flag)
            }
        }
    }

    fn multi_set(&self, entries: Vec<Entry<'_>>) -> Reply<()> {
        let fleet = Arc::clone(&self.fleet);
        let command = |entry: &Entry<'_>| {
            let bytes = encoded(&entry.value).map_err(|error| error.about(entry.key.full()))?;
            Ok(self.fleet.command(entry.key.full().as_bytes(), set(entry.key, bytes, entry.ttl)))
        };
        match entries.iter().map(command).collect::<Result<Vec<_>>>() {
            Err(error) => Reply::error(error),
            Ok(commands) => Reply::pending(async move { answers::all_good(fleet.many(Class::Write, commands).await?) }),
        }
    }

    fn exists(&self, key: Key<'_>) -> Reply<bool> {
        self.ask(Class::Read, key, command("EXISTS", key), answers::flag)
    }

    fn increment(&self, key: Key<'_>, delta: i64, ttl: Ttl) -> Reply<i64> {
        let call = Call::new(&INCREMENT, key.full()).arg(delta.to_string());
        self.run(Class::Once, with_life(call, ttl), answers::text_integer)
    }

    fn expire(&self, key: Key<'_>, ttl: Ttl) -> Reply<bool> {
        match milliseconds(ttl) {
            None => self.run(Class::Write, Call::new(&PERSIST, key.full()), answers::flag),
            Some(life) => {
                let mut command = command("PEXPIRE", key);
                command.arg(life);
                self.ask(Class::Write, key, command, answers::flag)
            }
        }
    }

    fn ttl(&self, key: Key<'_>) -> Reply<Option<Ttl>> {
        self.ask(Class::Read, key, command("PTTL", key), answers::ttl)
    }

    fn delete(&self, key: Key<'_>) -> Reply<bool> {
        self.ask(Class::Write, key, command("UNLINK", key), answers::flag)
    }

    fn delete_if(&self, key: Key<'_>, version: &Version) -> Reply<bool> {
        if version.is_absent() {
            return Reply::ready(false);
        }
        match bytes_of(version) {
            Ok(bytes) => self.run(Class::Once, Call::new(&REMOVE, key.full()).arg(bytes), answers::flag),
            Err(error) => Reply::error(error),
        }
    }

    fn multi_delete(&self, keys: &[Key<'_>]) -> Reply<u64> {
        let fleet = Arc::clone(&self.fleet);
        let keys: Vec<&str> = keys.iter().map(|key| key.full()).collect();
        let commands = listing::unlink(&fleet, &keys);
        Reply::pending(async move {
            let answers = fleet.many(Class::Write, commands).await?;
            answers.into_iter().map(|answer| Ok(answers::integer(answer)?.unsigned_abs())).sum()
        })
    }

    fn clear(&self, namespace: &str) -> Reply<()> {
        let fleet = Arc::clone(&self.fleet);
        let namespace = namespace.to_owned();
        Reply::pending(async move { listing::clear(&fleet, &namespace).await })
    }

    fn scan(&self, namespace: &str, pattern: &Pattern, cursor: Option<Cursor>) -> Reply<Page> {
        let fleet = Arc::clone(&self.fleet);
        let (namespace, pattern) = (namespace.to_owned(), pattern.clone());
        Reply::pending(async move { listing::page(&fleet, &namespace, &pattern, cursor).await })
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
}

impl Redis {
    fn ask<T: 'static>(
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

    fn run<T: 'static>(&self, class: Class, call: Call, read: fn(redis::Value) -> Result<T>) -> Reply<T> {
        let fleet = Arc::clone(&self.fleet);
        Reply::pending(async move { read(call.run(&fleet, class).await?) })
    }

    /// Stores while what is under `lease` begins with `token`.
    fn set_under_lease(
        &self,
        key: Key<'_>,
        bytes: &[u8],
        options: &SetOptions,
        lease: Key<'_>,
        token: &[u8],
    ) -> Reply<bool> {
        let when = if options.when == When::Always { "XX or NX" } else { "NX" };
        if self.fleet.together(key.full(), lease.full()) {
            let call = Call::new(&STORE_UNDER_LEASE, key.full()).second_key(lease.full());
            let call = with_life(call.arg(token).arg(bytes).arg(when), options.ttl);
            return self.run(Class::Once, call, answers::flag);
        }
        // A namespace or key with braces of its own, in a cluster: one after the other.
        let (held, token) = (self.get(lease), token.to_vec());
        let set = self.set(key, Value::bytes(bytes), SetOptions::new(options.ttl, options.when.clone()));
        Reply::pending(async move {
            let held = held.await?.is_some_and(|held| held.as_bytes().is_some_and(|held| held.starts_with(&token)));
            if held { set.await } else { Ok(false) }
        })
    }

    fn add(&self, key: Key<'_>, bytes: &[u8], ttl: Ttl) -> Reply<bool> {
        let mut command = set(key, bytes, ttl);
        command.arg("NX");
        self.ask(Class::Once, key, command, answers::stored)
    }
}

/// The bytes that were stored when the version was read.
fn bytes_of(version: &Version) -> Result<&[u8]> {
    version.as_bytes().ok_or_else(|| {
        let text = "the version is of another backend; take it from `get_versioned` of this one";
        Error::new(ErrorKind::InvalidInput, text)
    })
}

fn command(name: &str, key: Key<'_>) -> Cmd {
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

fn encoded(value: &Value) -> Result<&[u8]> {
    match value.as_bytes() {
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
