//! Reads of more than a value. Each takes one round trip, and all its parts are from one moment.

use std::sync::Arc;

use redis::Value as Answer;

use super::Redis;
use super::answers::{self, of_many};
use super::fleet::Fleet;
use super::glance::Glance;
use super::operations::command;
use super::scripts::{Call, LOOK};
use super::trouble::{Class, unexpected};
use crate::backend::{Found, Key, Version, Want};
use crate::join::{join, together};
use crate::lease::is_lease;
use crate::{Reply, Result, Value};

/// How many keys a script looks at. Redis before 7.2 remembers all keys of a script for a tracked connection, once for each of its
/// commands: a thousand keys in one call take it a third of a second, four thousand five seconds. Others wait for a script, too.
const AT_ONCE: usize = 16;

/// How a read asks the server.
enum Form {
    /// By one command about a key, with a function that reads its answer.
    Command(&'static str, fn(Answer, Want) -> Result<Option<Found>>),
    /// By a script, for value and life together.
    Script,
    /// By two commands, of which the first asks for the life: a value that comes in between is fresh, and is told on a tracked connection.
    Pair,
}

impl Form {
    fn of(want: Want) -> Self {
        // The version is made of the stored bytes.
        match (want.has(Want::VALUE) || want.has(Want::VERSION), want.has(Want::TTL)) {
            (true, true) if want.has(Want::ROUGH) => Self::Pair,
            (true, true) => Self::Script,
            (true, false) => {
                Self::Command("GET", |answer, want| Ok(answers::bytes(answer)?.map(|bytes| found(bytes, want))))
            }
            (false, true) => Self::Command("PTTL", |answer, _| {
                Ok(answers::ttl(answer)?.map(|ttl| {
                    let mut found = Found::new();
                    found.ttl = Some(ttl);
                    found
                }))
            }),
            (false, false) => Self::Command("EXISTS", |answer, _| Ok(answers::flag(answer)?.then(Found::new))),
        }
    }
}

impl Redis {
    pub(super) fn find(&self, key: Key<'_>, want: Want) -> Reply<Option<Found>> {
        match (Form::of(want), &*self.fleet) {
            (Form::Command(name, read), _) => {
                self.ask(Class::Read, key, command(name, key), move |answer| read(answer, want))
            }
            (Form::Pair, Fleet::Single(node)) => {
                let (node, glance) = (Arc::clone(node), Glance::new(&[key], want));
                Reply::pending(async move {
                    let mut answers = node.glance(&glance).await?;
                    let value = answers.pop().unwrap_or_default();
                    alive(answers.pop(), value, want)
                })
            }
            // In a cluster the two might be redirected apart.
            (Form::Script | Form::Pair, _) => {
                let (fleet, call) = (Arc::clone(&self.fleet), Call::new(&LOOK, key.full()));
                Reply::pending(async move {
                    let mut answers = answers::list(call.run(&fleet, Class::Read).await?)?.into_iter();
                    entry(&mut answers, want, |answer| answer)
                })
            }
        }
    }

    pub(super) fn find_many(&self, keys: &[Key<'_>], want: Want) -> Reply<Vec<Option<Found>>> {
        let fleet = Arc::clone(&self.fleet);
        match (Form::of(want), &*self.fleet) {
            (Form::Command("GET", _) | Form::Pair, Fleet::Single(node)) => {
                let (node, glance) = (Arc::clone(node), Glance::new(keys, want));
                Reply::pending(async move {
                    let mut lives = node.glance(&glance).await?;
                    let values = lives.pop().unwrap_or_default();
                    let values = if glance.len() == 1 { vec![values] } else { answers::list(values)? };
                    if values.len() != glance.len() {
                        return Err(unexpected(&Answer::Array(values)));
                    }
                    let mut lives = lives.into_iter();
                    let entry = |(asked, value)| alive(if asked { lives.next() } else { None }, of_many(value), want);
                    glance.lives().zip(values).map(entry).collect()
                })
            }
            (Form::Command(name, read), _) => {
                let each = keys.iter().map(|key| fleet.command(key.full().as_bytes(), command(name, *key))).collect();
                Reply::pending(async move {
                    let answers = fleet.many(Class::Read, each).await?;
                    answers.into_iter().map(|answer| read(of_many(answer), want)).collect()
                })
            }
            // Of generations and leases nobody asks how long they live, as in a `Glance`.
            (Form::Pair, Fleet::Cluster(_)) if keys.iter().any(|key| is_lease(key.full())) => {
                let is_own: Vec<bool> = keys.iter().map(|key| is_lease(key.full())).collect();
                let some = |own: bool| {
                    let chosen = keys.iter().zip(&is_own).filter(|(_, is_own)| **is_own == own);
                    chosen.map(|(key, _)| *key).collect::<Vec<_>>()
                };
                let (users, own) = (self.find_many(&some(false), want), self.find_many(&some(true), Want::VALUE));
                Reply::pending(async move {
                    let (users, own) = together(join(users, own)).await;
                    let (mut users, mut own) = (users?.into_iter(), own?.into_iter());
                    Ok(is_own.iter().map(|is_own| if *is_own { own.next() } else { users.next() }.flatten()).collect())
                })
            }
            (Form::Script | Form::Pair, topology) => {
                let calls = match topology {
                    Fleet::Single(_) => keys.chunks(AT_ONCE).map(|keys| Call::of_all(&LOOK, keys)).collect(),
                    Fleet::Cluster(_) => keys.iter().map(|key| Call::new(&LOOK, key.full())).collect(),
                };
                let count = keys.len();
                Reply::pending(async move {
                    let mut all = Vec::with_capacity(2 * count);
                    for answer in Call::run_all(calls, &fleet, Class::Read).await? {
                        all.extend(answers::list(answer)?);
                    }
                    let mut answers = all.into_iter();
                    (0..count).map(|_| entry(&mut answers, want, of_many)).collect()
                })
            }
        }
    }
}

/// The entry of these answers to `PTTL`, if its life was asked for, and to a command for its value.
fn alive(life: Option<Answer>, value: Answer, want: Want) -> Result<Option<Found>> {
    let life = life.map(answers::ttl).transpose()?;
    let bytes = match value {
        Answer::BulkString(bytes) => Some(bytes),
        other => answers::bytes(other)?,
    };
    Ok(bytes.map(|bytes| {
        let mut found = found(bytes, want);
        // Without a life before it, the value has just come.
        found.ttl = life.map(Option::unwrap_or_default);
        found
    }))
}

/// The next entry in the script's answer.
fn entry(answers: &mut impl Iterator<Item = Answer>, want: Want, good: fn(Answer) -> Answer) -> Result<Option<Found>> {
    let (Some(value), Some(ttl)) = (answers.next(), answers.next()) else {
        return Err(unexpected(&Answer::Nil));
    };
    let (bytes, ttl) = (answers::bytes(good(value))?, answers::ttl(ttl)?);
    Ok(bytes.zip(ttl).map(|(bytes, ttl)| {
        let mut found = found(bytes, want);
        found.ttl = Some(ttl);
        found
    }))
}

#[inline]
fn found(bytes: Vec<u8>, want: Want) -> Found {
    let mut found = Found::new();
    if want.has(Want::VERSION) {
        found.version = Some(Version::bytes(&*bytes));
        found.value = want.has(Want::VALUE).then(|| Value::from_stored(bytes));
    } else {
        found.value = Some(Value::from_stored(bytes));
    }
    found
}
