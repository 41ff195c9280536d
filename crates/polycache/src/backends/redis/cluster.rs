//! A Redis Cluster: each command goes to the master of its key's slot; several for one master go in one round trip.
//!
//! The client's own cluster connection isn't used: it refuses pipelines for several nodes, sends a multi-key command once for each slot
//! rather than for each node, and has time-outs of its own. Follows the "Redis cluster specification".

mod batch;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::RwLock;
use redis::{Cmd, Value};
use tokio::runtime::Handle;
use tokio::time::{sleep, timeout};

use self::batch::{Asked, Batch, Round};
use super::command::{Command, joined};
use super::config::Server;
use super::connector::{Connector, Target};
use super::layout::Layout;
use super::map::Map;
use super::node::Node;
use super::server_error::server_error;
use super::slots::{Range, ranges, redirect};
use super::trouble::{Class, unexpected};
use crate::join::Unordered;
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
    pub(super) async fn many(self: &Arc<Self>, class: Class, commands: Vec<Command>) -> Result<Vec<Value>> {
        let mut batch = Batch::new(class, commands);
        let mut map = self.map().await?;
        for attempt in 1.. {
            let mut round = batch.send(&map, attempt).await?;
            for asked in std::mem::take(&mut round.asked) {
                self.ask_there(&map, asked, &mut batch, &mut round).await?;
            }
            match round.trouble {
                None => break,
                Some(error) if attempt >= ATTEMPTS => return Err(error),
                Some(_) => {
                    batch.sort();
                    if !round.has_moved || attempt > 1 {
                        sleep(FIRST_PAUSE * (1 << (attempt - 1))).await;
                    }
                    if round.is_stale {
                        // A cluster that can't be asked yet may answer after the next pause.
                        map = self.renewed(&map).await.unwrap_or(map);
                    }
                }
            }
        }
        Ok(batch.answers())
    }

    /// Sends a command to the server that it belongs to for the moment.
    async fn ask_there(self: &Arc<Self>, map: &Map, asked: Asked, batch: &mut Batch, round: &mut Round) -> Result<()> {
        let Asked { index, server, first } = asked;
        // The key is where it was, and there the command is done once more, behind the end of the lease elsewhere. Done elsewhere, too, it
        // would leave the key in two places.
        if let Some(lease) = first {
            let lease = Command { command: *lease, slot: batch.command(index).slot, first: None };
            let answer = self.ask(batch.class(), map, &server, &lease).await?;
            batch.ended(index, lease, answer, &server, round);
            return Ok(());
        }
        let answer = self.ask(batch.class(), map, &server, batch.command(index)).await?;
        if redirect(&answer, &server).is_none() {
            self.connector.tell_of_asking(batch.class(), batch.command(index));
        }
        batch.asked(index, answer, &server, round);
        Ok(())
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
