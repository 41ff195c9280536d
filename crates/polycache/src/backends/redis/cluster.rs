//! A Redis Cluster: each command goes to the master of its key's slot; several for one master go in one round trip.
//!
//! The client's own cluster connection isn't used: it refuses pipelines for several nodes, sends a multi-key command once for each slot
//! rather than for each node, and has time-outs of its own. Follows the "Redis cluster specification".

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::RwLock;
use redis::{Cmd, Value};
use tokio::runtime::Handle;
use tokio::time::{sleep, timeout};

use super::command::{Command, after, joined, paired};
use super::config::Server;
use super::connector::{Connector, Target};
use super::layout::Layout;
use super::map::Map;
use super::node::Node;
use super::server_error::{not_settled, server_error};
use super::slots::{Range, Redirect, ranges, redirect};
use super::trouble::{Class, Failure, unexpected};
use crate::join::{Unordered, join_all};
use crate::slot::SLOTS;
use crate::{Error, ErrorKind, Result};

/// How often a command is sent before the caller gets its error, with growing pauses: 0.8 seconds in all. Mostly a redirect or two are
/// enough; a failover takes longer than anybody should wait.
const ATTEMPTS: u32 = 6;
const FIRST_PAUSE: Duration = Duration::from_millis(25);
/// How long the map counts as unknown after no server could tell it.
const FAILURE_HOLDS: Duration = Duration::from_millis(250);
/// How long others wait for the one who asks for the map.
const ASKED_WITHIN: Duration = Duration::from_secs(1);
/// How many servers are asked at a time for the map.
const ASKED: usize = 4;

pub(super) struct Cluster {
    connector: Connector,
    map: RwLock<Arc<Map>>,
    /// The latest layout that a walk over all keys has asked for.
    layout: RwLock<Option<Arc<Layout>>>,
    /// Held by the one who asks for a new map. Tells when that failed last, and why.
    asking: tokio::sync::Mutex<Option<(Instant, Error)>>,
}

/// A server of the cluster.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) server: Server,
    pub(super) node: Node,
}

impl Cluster {
    pub(super) fn new(connector: Connector) -> Self {
        Self { connector, map: RwLock::default(), layout: RwLock::default(), asking: tokio::sync::Mutex::default() }
    }

    /// The answer to one command.
    pub(super) async fn one(self: &Arc<Self>, class: Class, command: Command) -> Result<Value> {
        let mut answers = self.many(class, vec![command]).await?;
        answers.pop().ok_or_else(|| unexpected(&Value::Nil))
    }

    /// The answers to `commands`, in their order. A server's error is a value here.
    pub(super) async fn many(self: &Arc<Self>, class: Class, mut commands: Vec<Command>) -> Result<Vec<Value>> {
        let mut answers: Vec<Option<Value>> = commands.iter().map(|_| None).collect();
        // The deletions counted by commands that have to be done again: executed although the one before them failed.
        let mut counted = vec![0; commands.len()];
        let mut waiting: Vec<usize> = (0..commands.len()).collect();
        let mut map = self.map().await?;
        for attempt in 1.. {
            let mut trouble = None;
            let mut asked = Vec::new();
            let (mut moved, mut is_stale) = (false, false);
            for (member, indices, result) in send(&map, class, &commands, std::mem::take(&mut waiting)).await {
                match result {
                    Ok(values) => {
                        for (index, (first, value)) in indices.into_iter().zip(values) {
                            if let (Value::ServerError(_), Value::Int(count)) = (&first, &value) {
                                counted[index] += count;
                            }
                            let was_done = redirect(&value, &member.server).is_none();
                            let value = after(first, value);
                            let Some(redirect) = redirect(&value, &member.server) else {
                                answers[index] = Some(value);
                                continue;
                            };
                            match redirect {
                                // If the key was a guess, the cluster tells the command's slot.
                                Redirect::Ask(slot, server) => {
                                    commands[index].slot = slot;
                                    let apart = if was_done { commands[index].first.take() } else { None };
                                    if apart.is_some() {
                                        moved = true;
                                        trouble.get_or_insert_with(|| answered(&value));
                                    }
                                    asked.push((index, server, apart));
                                    continue;
                                }
                                Redirect::Moved(slot, server) => {
                                    let known = map.owner(slot).is_some_and(|owner| owner.server == server);
                                    is_stale |= !known || commands[index].slot == slot;
                                    commands[index].slot = slot;
                                    moved = true;
                                }
                                Redirect::Later => is_stale = true,
                            }
                            trouble.get_or_insert_with(|| answered(&value));
                            waiting.push(index);
                        }
                    }
                    // The map was asked for again, and still leads to this silent server.
                    Err(Failure::NotSent(error)) if attempt > 1 && member.node.is_silent() => return Err(error),
                    Err(Failure::NotSent(error)) if error.kind() != ErrorKind::Closed => {
                        trouble = Some(error);
                        is_stale = true;
                        waiting.extend(indices);
                    }
                    Err(Failure::Lost(error)) if class == Class::Read => {
                        trouble = Some(error);
                        is_stale = true;
                        waiting.extend(indices);
                    }
                    Err(failure) => return Err(failure.into()),
                }
            }
            for (index, server, apart) in asked {
                // The key is where it was, and there the command is done once more, behind the end of the lease elsewhere. Done elsewhere,
                // too, it would leave the key in two places.
                if let Some(lease) = apart {
                    let lease = Command { command: *lease, slot: commands[index].slot, first: None };
                    match self.ask(class, &map, &server, &lease).await? {
                        value if redirect(&value, &server).is_some() => {
                            is_stale = true;
                            commands[index].first = Some(Box::new(lease.command));
                            waiting.push(index);
                        }
                        value @ Value::ServerError(_) => answers[index] = Some(value),
                        _ => waiting.push(index),
                    }
                    continue;
                }
                match self.ask(class, &map, &server, &commands[index]).await? {
                    value if redirect(&value, &server).is_none() => {
                        self.connector.tell_of_asking(class, &commands[index]);
                        answers[index] = Some(value);
                    }
                    value => {
                        trouble.get_or_insert_with(|| answered(&value));
                        is_stale = true;
                        waiting.push(index);
                    }
                }
            }
            match trouble {
                None => break,
                Some(error) if attempt >= ATTEMPTS => return Err(error),
                Some(_) => {
                    // Of commands for one key the later must stay the later.
                    waiting.sort_unstable();
                    if !moved || attempt > 1 {
                        sleep(FIRST_PAUSE * (1 << (attempt - 1))).await;
                    }
                    if is_stale {
                        // A cluster that can't be asked yet may answer after the next pause.
                        map = self.renewed(&map).await.unwrap_or(map);
                    }
                }
            }
        }
        let answer = |(answer, counted): (Option<Value>, i64)| match answer.unwrap_or_default() {
            Value::Int(count) => Value::Int(count + counted),
            answer => answer,
        };
        Ok(answers.into_iter().zip(counted).map(answer).collect())
    }

    /// The answer to a command that belongs to `server` for the moment.
    async fn ask(self: &Arc<Self>, class: Class, map: &Map, server: &Server, command: &Command) -> Result<Value> {
        let asking = redis::cmd("ASKING");
        let sent: Vec<&Cmd> = command.parts().flat_map(|part| [&asking, part]).collect();
        let answers = match map.masters.iter().find(|member| member.server == *server) {
            Some(member) => member.node.many(class, &sent).await?,
            None => self.member(server.clone()).node.many(class, &sent).await?,
        };
        let answers = answers.into_iter().skip(1).step_by(2).collect();
        joined([command], answers).pop().ok_or_else(|| unexpected(&Value::Nil))
    }

    /// The masters and their slots, by a map that is asked for at once.
    pub(super) async fn masters_now(self: &Arc<Self>) -> Result<(Vec<Arc<Member>>, Vec<Range>)> {
        let known = self.map().await?;
        let map = self.renewed(&known).await?;
        Ok((map.masters.clone(), map.ranges.clone()))
    }

    /// The server at this address.
    pub(super) fn member_at(&self, server: &Server) -> Arc<Member> {
        let map = Arc::clone(&self.map.read());
        let known = map.masters.iter().find(|member| member.server == *server);
        known.map_or_else(|| self.member(server.clone()), Arc::clone)
    }

    /// The layout with this mark if it is the latest one; otherwise one that is asked for at once.
    pub(super) async fn layout(self: &Arc<Self>, mark: Option<u64>) -> Result<Arc<Layout>> {
        if let Some(latest) = &*self.layout.read()
            && Some(latest.mark()) == mark
        {
            return Ok(Arc::clone(latest));
        }
        let now = Arc::new(Layout::now(self).await?);
        *self.layout.write() = Some(Arc::clone(&now));
        Ok(now)
    }

    /// The cluster's map, asked for if there is none.
    async fn map(self: &Arc<Self>) -> Result<Arc<Map>> {
        let map = Arc::clone(&self.map.read());
        if map.masters.is_empty() { self.renewed(&map).await } else { Ok(map) }
    }

    /// A map newer than `old`. A task asks for it: others wait for it, and a caller may not be polled any more.
    async fn renewed(self: &Arc<Self>, old: &Map) -> Result<Arc<Map>> {
        let (cluster, version) = (Arc::clone(self), old.version);
        let renewing = async move { cluster.renew(version).await };
        match Handle::try_current() {
            Ok(runtime) => runtime.spawn(renewing).await.unwrap_or_else(|_| {
                Err(Error::new(
                    ErrorKind::NoRuntime,
                    "the tokio runtime was shut down as it asked a Redis Cluster for its slots",
                ))
            }),
            Err(_) => renewing.await,
        }
    }

    async fn renew(&self, old: u64) -> Result<Arc<Map>> {
        // Whoever holds the lock may be on a runtime that stands still.
        let mut asking = timeout(ASKED_WITHIN, self.asking.lock()).await.ok();
        let known = Arc::clone(&self.map.read());
        if known.version > old {
            return Ok(known);
        }
        // Whoever waited for a failed attempt doesn't make another one.
        if let Some((at, error)) = asking.as_ref().and_then(|failure| failure.as_ref())
            && at.elapsed() < FAILURE_HOLDS
        {
            return Err(error.clone());
        }
        let mut servers: Vec<Arc<Member>> = known.masters.clone();
        fastrand::shuffle(&mut servers);
        servers.truncate(ASKED);
        let seeds = self.connector.config.servers.iter().take(ASKED);
        servers.extend(
            seeds
                .filter(|seed| known.masters.iter().all(|member| member.server != **seed))
                .map(|seed| self.member(seed.clone())),
        );
        // The first answer is believed; if it is out of date, the next redirect leads here again.
        let questions = servers.iter().map(|member| Box::pin(self.question(member)));
        let ranges = match first_good(questions).await {
            Ok(ranges) => ranges,
            Err(error) => {
                if let Some(failure) = &mut asking {
                    **failure = Some((Instant::now(), error.clone()));
                }
                return Err(error);
            }
        };
        let map = Arc::new(self.draw(&known, &ranges));
        let has_moved = map.has_moved_since(&known);
        // Before anything is read from the new masters; and again, since something may have been read from the old ones meanwhile.
        self.connector.tell_of_move(has_moved);
        *self.map.write() = Arc::clone(&map);
        self.connector.tell_of_move(has_moved);
        Ok(map)
    }

    async fn question(&self, member: &Member) -> Result<Vec<Range>> {
        let mut command = Cmd::new();
        command.arg("CLUSTER").arg("SLOTS");
        let limit = self.connector.config.connect_timeout;
        let answer = match timeout(limit, member.node.one(Class::Read, &command)).await {
            Ok(answer) => answer?,
            Err(_) => {
                let text = format!("Redis at {} didn't answer within {limit:?}", member.server);
                return Err(Error::new(ErrorKind::Unavailable, text));
            }
        };
        if let Value::ServerError(error) = &answer {
            return Err(server_error(error));
        }
        match ranges(answer, &member.server) {
            Some(ranges) if !ranges.is_empty() => Ok(ranges),
            _ => Err(Error::new(
                ErrorKind::Unavailable,
                format!("Redis at {} knows no slots of a cluster", member.server),
            )),
        }
    }

    /// The map with these ranges. Known servers keep their connections.
    fn draw(&self, known: &Map, ranges: &[Range]) -> Map {
        let kept: HashMap<&Server, &Arc<Member>> =
            known.masters.iter().map(|member| (&member.server, member)).collect();
        let mut servers: Vec<&Server> = ranges.iter().map(|range| &range.master).collect();
        servers.sort_unstable();
        servers.dedup();
        let mut owners = vec![None; SLOTS.into()];
        for range in ranges {
            let index = servers.binary_search(&&range.master).ok().and_then(|index| u16::try_from(index).ok());
            owners[range.first.into()..=range.last.into()].fill(index);
        }
        let masters = servers
            .into_iter()
            .map(|server| kept.get(server).map_or_else(|| self.member(server.clone()), |member| Arc::clone(member)));
        Map { version: known.version + 1, masters: masters.collect(), owners, ranges: ranges.to_vec() }
    }

    fn member(&self, server: Server) -> Arc<Member> {
        let node = Node::new(&self.connector, &Target::Fixed(server.clone()));
        Arc::new(Member { server, node })
    }

    pub(super) fn masters(&self) -> Vec<Arc<Member>> {
        self.map.read().masters.clone()
    }

    pub(super) fn connector(&self) -> &Connector {
        &self.connector
    }

    pub(super) fn close(&self) {
        for member in &self.map.read().masters {
            member.node.close();
        }
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster").field("masters", &self.map.read().masters).finish_non_exhaustive()
    }
}

type Sent<'a> = (&'a Member, Vec<usize>, Result<Vec<(Value, Value)>, Failure>);

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

/// The first result that isn't an error, or else the last error.
async fn first_good<T>(questions: impl Iterator<Item = impl Future<Output = Result<T>> + Unpin>) -> Result<T> {
    let mut questions = Unordered::new(questions);
    let mut result = Err(Error::new(ErrorKind::Unavailable, "no server of the cluster is known"));
    while let Some((_, answer)) = questions.next().await {
        result = answer;
        if result.is_ok() {
            break;
        }
    }
    result
}

fn answered(value: &Value) -> Error {
    match value {
        Value::ServerError(error) => not_settled(error),
        other => unexpected(other),
    }
}
