//! Commands on their way to the masters of a cluster: what each of their attempts has brought.

use std::collections::HashMap;

use redis::{Cmd, Value};

use super::Member;
use crate::backends::redis::command::{Command, after, paired};
use crate::backends::redis::config::Server;
use crate::backends::redis::map::Map;
use crate::backends::redis::server_error::not_settled;
use crate::backends::redis::slots::{Redirect, redirect};
use crate::backends::redis::trouble::{Class, Failure, unexpected};
use crate::join::join_all;
use crate::{Error, ErrorKind, Result};

/// Commands, and the answers to those that have one.
pub(super) struct Batch {
    class: Class,
    commands: Vec<Command>,
    answers: Vec<Option<Value>>,
    /// The deletions counted by commands that have to be done again: executed although the one before them failed.
    counted: Vec<i64>,
    /// The commands that the next attempt sends, by their places.
    waiting: Vec<usize>,
}

/// What an attempt has shown.
#[derive(Default)]
pub(super) struct Round {
    /// Why there is another attempt, if there is one.
    pub(super) trouble: Option<Error>,
    /// The commands that belong on another server for the moment.
    pub(super) asked: Vec<Asked>,
    /// A server has told where a command belongs, so the next attempt needs no pause.
    pub(super) has_moved: bool,
    /// The map has led to the wrong server, or to one that can't be reached.
    pub(super) is_stale: bool,
}

/// A command that belongs on `server` for the moment, while the slot of its key moves.
pub(super) struct Asked {
    pub(super) index: usize,
    pub(super) server: Server,
    /// The command before it, if only that one belongs there.
    pub(super) first: Option<Box<Cmd>>,
}

type Sent<'a> = (&'a Member, Vec<usize>, Result<Vec<(Value, Value)>, Failure>);

impl Batch {
    pub(super) fn new(class: Class, commands: Vec<Command>) -> Self {
        Self {
            class,
            answers: commands.iter().map(|_| None).collect(),
            counted: vec![0; commands.len()],
            waiting: (0..commands.len()).collect(),
            commands,
        }
    }

    pub(super) fn class(&self) -> Class {
        self.class
    }

    pub(super) fn command(&self, index: usize) -> &Command {
        &self.commands[index]
    }

    /// Sends the waiting commands to the masters of their slots, for the `attempt`th time.
    pub(super) async fn send(&mut self, map: &Map, attempt: u32) -> Result<Round> {
        let mut round = Round::default();
        let waiting = std::mem::take(&mut self.waiting);
        for (member, indices, result) in send(map, self.class, &self.commands, waiting).await {
            match result {
                Ok(values) => {
                    for (index, (first, value)) in indices.into_iter().zip(values) {
                        self.answered(index, first, value, map, &member.server, &mut round);
                    }
                }
                // The map was asked for again, and still leads to this silent server.
                Err(Failure::NotSent(error)) if attempt > 1 && member.node.is_silent() => return Err(error),
                Err(failure) => self.failed(indices, failure, &mut round)?,
            }
        }
        Ok(round)
    }

    /// Takes the answer of `server` to a command, and to the one before it.
    fn answered(&mut self, index: usize, first: Value, value: Value, map: &Map, server: &Server, round: &mut Round) {
        if let (Value::ServerError(_), Value::Int(count)) = (&first, &value) {
            self.counted[index] += count;
        }
        let was_done = redirect(&value, server).is_none();
        let value = after(first, value);
        let command = &mut self.commands[index];
        match redirect(&value, server) {
            None => {
                self.answers[index] = Some(value);
                return;
            }
            Some(Redirect::Ask(slot, server)) => {
                // If the key was a guess, the cluster tells the command's slot.
                command.slot = slot;
                let first = if was_done { command.first.take() } else { None };
                if first.is_some() {
                    round.has_moved = true;
                    round.trouble.get_or_insert_with(|| unsettled(&value));
                }
                round.asked.push(Asked { index, server, first });
                return;
            }
            Some(Redirect::Moved(slot, server)) => {
                let is_known = map.owner(slot).is_some_and(|owner| owner.server == server);
                round.is_stale |= !is_known || command.slot == slot;
                command.slot = slot;
                round.has_moved = true;
            }
            Some(Redirect::Later) => round.is_stale = true,
        }
        self.again(index, &value, round);
    }

    /// Commands that have no answer wait for the next attempt, where they can't have been done, or may be done twice.
    fn failed(&mut self, indices: Vec<usize>, failure: Failure, round: &mut Round) -> Result<()> {
        match failure {
            Failure::NotSent(error) if error.kind() != ErrorKind::Closed => round.trouble = Some(error),
            Failure::Lost(error) if self.class == Class::Read => round.trouble = Some(error),
            failure => return Err(failure.into()),
        }
        round.is_stale = true;
        self.waiting.extend(indices);
        Ok(())
    }

    /// Takes the answer to `lease`, the command before this one, from `server`, where only that one belonged.
    pub(super) fn ended(&mut self, index: usize, lease: Command, answer: Value, server: &Server, round: &mut Round) {
        if redirect(&answer, server).is_some() {
            round.is_stale = true;
            self.commands[index].first = Some(Box::new(lease.command));
        } else if matches!(answer, Value::ServerError(_)) {
            self.answers[index] = Some(answer);
            return;
        }
        self.waiting.push(index);
    }

    /// Takes the answer of the `server` that a command belonged on for the moment.
    pub(super) fn asked(&mut self, index: usize, answer: Value, server: &Server, round: &mut Round) {
        if redirect(&answer, server).is_none() {
            self.answers[index] = Some(answer);
        } else {
            round.is_stale = true;
            self.again(index, &answer, round);
        }
    }

    /// Has a command wait for the next attempt, since a server has sent it elsewhere.
    fn again(&mut self, index: usize, answer: &Value, round: &mut Round) {
        round.trouble.get_or_insert_with(|| unsettled(answer));
        self.waiting.push(index);
    }

    /// Puts the waiting commands in their order: of commands for one key the later must stay the later.
    pub(super) fn sort(&mut self) {
        self.waiting.sort_unstable();
    }

    /// The answers, in the order of the commands.
    pub(super) fn answers(self) -> Vec<Value> {
        let answer = |(answer, counted): (Option<Value>, i64)| match answer.unwrap_or_default() {
            Value::Int(count) => Value::Int(count + counted),
            answer => answer,
        };
        self.answers.into_iter().zip(self.counted).map(answer).collect()
    }
}

/// Sends the commands at `indices`: those of each master in one round trip.
async fn send<'a>(map: &'a Map, class: Class, commands: &[Command], indices: Vec<usize>) -> Vec<Sent<'a>> {
    let mut groups: HashMap<u16, Vec<usize>> = HashMap::new();
    let mut nowhere = Vec::new();
    for index in indices {
        match map.owners.get(usize::from(commands[index].slot)).copied().flatten() {
            Some(owner) => groups.entry(owner).or_default().push(index),
            None => nowhere.push(index),
        }
    }
    let sent = groups.into_iter().map(|(owner, indices)| {
        Box::pin(async move {
            let member = &*map.masters[usize::from(owner)];
            let commands = || indices.iter().map(|index| &commands[*index]);
            let sent: Vec<&Cmd> = commands().flat_map(Command::parts).collect();
            let answers = match sent.as_slice() {
                [one] => member.node.one(class, one).await.map(|answer| vec![answer]),
                many => member.node.many(class, many).await,
            };
            let answers = answers.map(|answers| paired(commands(), answers));
            (member, indices, answers)
        })
    });
    let mut sent = join_all(sent).await;
    if let (false, Some(member)) = (nowhere.is_empty(), map.masters.first()) {
        let error = Error::new(ErrorKind::Unavailable, "no server of the cluster holds the key's slot");
        sent.push((member, nowhere, Err(Failure::NotSent(error))));
    }
    sent
}

/// The error of a command that a server has sent elsewhere.
fn unsettled(answer: &Value) -> Error {
    match answer {
        Value::ServerError(error) => not_settled(error),
        other => unexpected(other),
    }
}
