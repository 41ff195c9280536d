//! Connections that the server tells which entries have changed, by `CLIENT TRACKING` in its default mode: it remembers what each connection
//! has read, and tells of the first change since. Follows "Client-side caching reference" of the Redis documentation.
//!
//! The broadcasting mode isn't used: there a server tells each client of every write to every key, whether the client has read it or not.
//! Nor is `NOLOOP`: a write that its caller has given up may be done later, and is told then.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use redis::{Arg, Cmd, ServerError, Value};

use super::Redis;
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

/// What to do where a server can't track.
const INSTEAD: &str = "or keep entries near by time alone, with `tracking` of the near cache set to `false`";

/// Tells a tracker what a server pushes on a connection.
pub(super) struct Pushes {
    tracker: Arc<dyn Tracker>,
    server: String,
}

impl Pushes {
    pub(super) fn new(tracker: &Arc<dyn Tracker>, server: String) -> Box<Self> {
        Box::new(Self { tracker: Arc::clone(tracker), server })
    }

    /// A message that answers no command: `invalidate` and the keys, or nil if the server was flushed.
    pub(super) fn tell(&self, push: &[Value]) {
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

/// Whether these settings allow tracking.
fn check(config: &RedisConfig) -> Result<()> {
    let refuse = |text: &str| Err(Error::new(ErrorKind::Config, format!("tracking on Redis needs {text}, {INSTEAD}")));
    match config {
        RedisConfig { protocol: Protocol::Resp2, .. } => refuse("RESP3; leave out `protocol=2`"),
        RedisConfig { heartbeat, .. } if heartbeat.is_zero() => {
            refuse("heartbeats, or a server that stands still is never found; leave out `heartbeat=0`")
        }
        _ => Ok(()),
    }
}

/// The error of a server that speaks no RESP3.
pub(super) fn has_no_pushes(server: &Server, refusal: &ServerError) -> Error {
    let text = format!(
        "Redis at {server} can't tell which entries change, since it speaks no RESP3: take Redis 6 or newer and allow `HELLO`, {INSTEAD}"
    );
    Error::new(ErrorKind::Backend, text).with_source(server_error(refusal))
}

/// The error of a server that refuses `CLIENT TRACKING`.
pub(super) fn refused(server: &Server, source: Error) -> Error {
    if source.kind() == ErrorKind::Unavailable {
        return source;
    }
    let text = format!(
        "Redis at {server} refuses to tell which entries change: give its user `+client|tracking` (`+client` before Redis 7), {INSTEAD}"
    );
    Error::new(ErrorKind::Backend, text).with_source(source)
}

/// Looks with each heartbeat whether the connections are read. A thread does: the runtime of a connection may not be driven any more, while
/// on others nobody asks the server for anything, since all is kept near.
fn watch(fleet: &Arc<Fleet>, heartbeat: Duration) -> Result<()> {
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
    fn tracked(&self, tracker: Arc<dyn Tracker>) -> Result<Self> {
        check(&self.config)?;
        let mut connector = self.clone();
        connector.tracker = Some(tracker);
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
