//! Connections that the server tells which entries have changed, by `CLIENT TRACKING` in its default mode: it remembers what each
//! connection has read, and tells of the first change since. Follows "Client-side caching reference" of the Redis documentation.
//!
//! The broadcasting mode isn't used: there a server tells each client of every write to every key, whether the client has read it or not.
//! Nor is `NOLOOP`: a write that its caller has given up may be done later, and is told then.
//!
//! What is told on a [channel](super::channel) comes the same way.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use redis::{Arg, Cmd, ServerError, Value};

use super::Redis;
use super::channel::{self, Membership};
use super::cluster::Cluster;
use super::command::Command;
use super::config::{Protocol, RedisConfig, Server};
use super::connector::Connector;
use super::fleet::Fleet;
use super::node::Node;
use super::server_error::server_error;
use super::trouble::Class;
use crate::backend::{Gap, Tracker};
use crate::{Error, ErrorKind, Result};

/// What a server is to tell unasked on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hears {
    Nothing,
    /// Which entries change that were read there.
    Changes,
    /// What others say on the channel.
    Channel,
}

impl Hears {
    /// The commands that begin it. The first answers by a push, and with an error by a reply: hence the second.
    pub(super) fn commands(self) -> Vec<Cmd> {
        let cmd = |words: &[&str]| {
            let mut cmd = redis::cmd(words[0]);
            words[1..].iter().for_each(|word| _ = cmd.arg(*word));
            cmd
        };
        match self {
            Self::Nothing => Vec::new(),
            Self::Changes => vec![cmd(&["CLIENT", "TRACKING", "ON"])],
            Self::Channel => vec![cmd(&["SUBSCRIBE", channel::NAME]), cmd(&["PING"])],
        }
    }

    /// What it is for, in words.
    const fn purpose(self) -> &'static str {
        match self {
            Self::Channel => "tell what other near caches write",
            _ => "tell which entries change",
        }
    }

    /// What to do where a server can't do it.
    const fn instead(self) -> &'static str {
        match self {
            Self::Channel => "or leave out the `channel` of the near cache",
            _ => "or keep entries near by time alone, with `tracking` of the near cache set to `false`",
        }
    }

    const fn rights(self) -> &'static str {
        match self {
            Self::Channel => "`+ping +subscribe +publish &polycache:near`",
            _ => "`+client|tracking` (`+client` before Redis 7)",
        }
    }
}

/// Tells a tracker what a server pushes on a connection.
pub(super) struct Pushes {
    tracker: Arc<dyn Tracker>,
    membership: Option<Arc<Membership>>,
    server: String,
}

impl Pushes {
    pub(super) fn new(tracker: &Arc<dyn Tracker>, membership: Option<&Arc<Membership>>, server: String) -> Box<Self> {
        Box::new(Self { tracker: Arc::clone(tracker), membership: membership.cloned(), server })
    }

    /// A message that answers no command: `invalidate` and the keys, or nil if the server was flushed; or `message` from a channel.
    pub(super) fn tell(&self, push: &[Value]) {
        if let ([Value::BulkString(kind), _, Value::BulkString(message)], Some(membership)) = (push, &self.membership)
            && kind == b"message"
        {
            return membership.hear(message, &*self.tracker, &self.server);
        }
        let [Value::BulkString(kind), about] = push else { return };
        match about {
            _ if kind != b"invalidate" => {}
            Value::Array(keys) => {
                for key in keys {
                    if let Value::BulkString(key) = key {
                        self.tracker.changed(key);
                    }
                }
            }
            _ => self.tracker.lost(Gap::Flushed { server: &self.server }),
        }
    }
}

/// Whether these settings allow a server to say anything unasked.
fn check(config: &RedisConfig, hears: Hears) -> Result<()> {
    let refuse = |text: &str| {
        let text = format!("to {}, Redis needs {text}, {}", hears.purpose(), hears.instead());
        Err(Error::new(ErrorKind::Config, text))
    };
    match config {
        RedisConfig { protocol: Protocol::Resp2, .. } => refuse("RESP3; leave out `protocol=resp2`"),
        RedisConfig { heartbeat, .. } if heartbeat.is_zero() => {
            refuse("heartbeats, or a server that stands still is never found; leave out `heartbeat=0`")
        }
        _ => Ok(()),
    }
}

/// The error of a server that speaks no RESP3.
pub(super) fn has_no_pushes(server: &Server, hears: Hears, refusal: &ServerError) -> Error {
    let (purpose, instead) = (hears.purpose(), hears.instead());
    let text = format!(
        "Redis at {server} can't {purpose}, since it speaks no RESP3: take Redis 6 or newer and allow `HELLO`, {instead}"
    );
    Error::new(ErrorKind::Backend, text).with_source(server_error(refusal))
}

/// The error of a server that refuses to say anything unasked.
pub(super) fn refused(server: &Server, hears: Hears, source: Error) -> Error {
    if source.kind() == ErrorKind::Unavailable {
        return source;
    }
    let (purpose, rights, instead) = (hears.purpose(), hears.rights(), hears.instead());
    let text = format!("Redis at {server} refuses to {purpose}: give its user {rights}, {instead}");
    Error::new(ErrorKind::Backend, text).with_source(source)
}

/// Looks with each heartbeat whether the connections are read. A thread does: the runtime of a connection may not be driven any more, while
/// on others nobody asks the server for anything, since all is kept near.
pub(super) fn watch(fleet: &Arc<Fleet>, heartbeat: Duration) -> Result<()> {
    let fleet = Arc::downgrade(fleet);
    let look = move || {
        loop {
            thread::sleep(heartbeat);
            let Some(fleet) = fleet.upgrade() else { return };
            fleet.tell_of_standstill();
        }
    };
    let started = thread::Builder::new().name("polycache-tracking".to_owned()).spawn(look);
    let text = "no thread could be started to watch tracked connections";
    started.map(drop).map_err(|error| Error::new(ErrorKind::Backend, text).with_source(error))
}

impl Redis {
    /// A handle with connections of its own, which are tracked.
    pub(super) fn watched_by(&self, tracker: Arc<dyn Tracker>) -> Result<Self> {
        let connector = self.fleet.connector().tracked(tracker)?;
        let heartbeat = connector.config.heartbeat;
        let fleet = Arc::new(match &*self.fleet {
            Fleet::Single(node) => Fleet::Single(Arc::new(Node::new(&connector, node.leads_to().1))),
            Fleet::Cluster(_) => Fleet::Cluster(Arc::new(Cluster::new(connector))),
        });
        watch(&fleet, heartbeat)?;
        Ok(Self { fleet, ..self.clone() })
    }
}

impl Connector {
    /// What is to be heard on the connections.
    pub(super) const fn hears(&self) -> Hears {
        match (&self.tracker, &self.membership) {
            (None, _) => Hears::Nothing,
            (Some(_), None) => Hears::Changes,
            (Some(_), Some(_)) => Hears::Channel,
        }
    }

    /// Whether its settings allow that.
    pub(super) fn check_hearing(&self) -> Result<()> {
        check(&self.config, self.hears())
    }

    fn tracked(&self, tracker: Arc<dyn Tracker>) -> Result<Self> {
        let mut connector = self.clone();
        connector.tracker = Some(tracker);
        connector.check_hearing()?;
        Ok(connector)
    }

    /// Slots of the cluster belong to other masters, if `has_moved`.
    pub(super) fn tell_of_move(&self, has_moved: bool) {
        if let (true, Some(tracker)) = (has_moved, &self.tracker) {
            tracker.lost(Gap::Moved);
        }
    }

    /// A server was asked just this once, on a connection that may not stay: nobody tracks what it answered.
    pub(super) fn tell_of_asking(&self, class: Class, command: &Command) {
        let (Class::Read, Some(tracker)) = (class, &self.tracker) else { return };
        // The keys are among the words, and what else is there harms nobody.
        for word in command.parts().flat_map(Cmd::args_iter) {
            if let Arg::Simple(word) = word {
                tracker.changed(word);
            }
        }
    }
}
