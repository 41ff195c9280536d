//! A channel of Redis on which near caches of several processes tell each other what they have written, by `PUBLISH` and `SUBSCRIBE`.
//!
//! A message is 16 hexadecimal digits, which name the sender, and then `=` and the key, or `*` where anything may have changed.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use redis::{Cmd, Value};
use tokio::runtime::Handle;

use super::Redis;
use super::config::RedisConfig;
use super::connector::Connector;
use super::fleet::Fleet;
use super::node::Node;
use super::server_error::server_error;
use super::tracking::watch;
use super::trouble::Class;
use crate::backend::{Gap, Tracker};
use crate::limit::pause;
use crate::repeated::tell_repeated;
use crate::unique::unheard_of;
use crate::{Error, ErrorKind, Result};

/// The channel of all of them.
pub(super) const NAME: &str = "polycache:near";

/// So many messages wait to be sent. In place of more, others are told that anything may have changed.
const MOST: usize = 1_024;

/// The pauses between attempts that fail.
const SHORTEST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

const DIGITS: usize = 16;

/// A membership of the channel, joined or not yet.
#[derive(Debug)]
pub(super) struct Membership {
    /// The name in its own messages, which the server sends back.
    id: String,
    /// Whether it hears the others.
    is_joined: AtomicBool,
}

/// A near cache's end of the channel. Told of a change, it tells others; their messages go to the tracker that it was made with.
#[derive(Debug)]
pub(in crate::backends) struct Channel(Arc<Shared>);

struct Shared {
    fleet: Arc<Fleet>,
    node: Arc<Node>,
    membership: Arc<Membership>,
    outbox: Mutex<Outbox>,
}

/// What is still to be sent.
#[derive(Debug, Default)]
struct Outbox {
    messages: Vec<Vec<u8>>,
    /// Some messages are lost: others are to be told that anything may have changed.
    has_lost: bool,
    /// The connection is to be made.
    wants_connection: bool,
    /// Whether a task sends.
    has_task: bool,
}

impl Membership {
    pub(super) fn set_joined(&self, is_joined: bool) {
        self.is_joined.store(is_joined, Ordering::SeqCst);
    }

    fn message(&self, sign: u8, text: &[u8]) -> Vec<u8> {
        [self.id.as_bytes(), &[sign], text].concat()
    }

    /// Hands somebody's message to the tracker. What isn't understood may mean anything.
    pub(super) fn hear(&self, message: &[u8], tracker: &dyn Tracker, server: &str) {
        match message.split_at_checked(DIGITS) {
            Some((id, _)) if id == self.id.as_bytes() => {}
            Some((_, [b'=', key @ ..])) => tracker.changed(key),
            _ => tracker.lost(Gap::Told { server }),
        }
    }
}

impl Redis {
    /// An end of the channel, with a connection of its own; `tracker` hears what others say.
    pub(in crate::backends) fn channel(&self, tracker: Arc<dyn Tracker>) -> Result<Channel> {
        let Fleet::Single(node) = &*self.fleet else {
            let text = "a cluster is no channel for near caches: give the URL of one of its servers, which passes on what is said";
            return Err(Error::new(ErrorKind::Config, text));
        };
        let (connector, target) = node.leads_to();
        let membership =
            Arc::new(Membership { id: format!("{:016x}", unheard_of()), is_joined: AtomicBool::new(false) });
        let connector = connector.on_channel(tracker, &membership)?;
        let node = Arc::new(Node::new(&connector, target));
        let fleet = Arc::new(Fleet::Single(Arc::clone(&node)));
        watch(&fleet, connector.config.heartbeat)?;
        Ok(Channel(Arc::new(Shared { fleet, node, membership, outbox: Mutex::default() })))
    }
}

impl Connector {
    fn on_channel(&self, tracker: Arc<dyn Tracker>, membership: &Arc<Membership>) -> Result<Self> {
        let mut connector = self.clone();
        connector.config = Arc::new(RedisConfig { connections: 1, ..(*self.config).clone() });
        connector.tracker = Some(tracker);
        connector.membership = Some(Arc::clone(membership));
        connector.check_hearing()?;
        Ok(connector)
    }
}

impl Channel {
    /// Whether it is heard what others say.
    pub(in crate::backends) fn is_heard(&self) -> bool {
        self.0.membership.is_joined.load(Ordering::SeqCst)
    }

    /// Has it heard soon, where a server is there.
    pub(in crate::backends) fn connect(&self) {
        if !self.is_heard() {
            self.0.put(|outbox| outbox.wants_connection = true);
        }
    }

    pub(in crate::backends) fn close(&self) {
        self.0.fleet.close();
    }
}

impl Tracker for Channel {
    fn changed(&self, key: &[u8]) {
        self.0.put(|outbox| outbox.messages.push(self.0.membership.message(b'=', key)));
    }

    fn lost(&self, _: Gap<'_>) {
        self.0.put(|outbox| outbox.has_lost = true);
    }
}

impl Shared {
    /// Has a task of the present runtime send, unless one does. Without a runtime a later call starts it.
    fn put(self: &Arc<Self>, put: impl FnOnce(&mut Outbox)) {
        let mut outbox = self.outbox.lock();
        put(&mut outbox);
        if outbox.messages.len() > MOST {
            outbox.has_lost = true;
        }
        if outbox.has_lost {
            outbox.messages.clear();
        }
        if let (false, Ok(runtime)) = (outbox.has_task, Handle::try_current()) {
            outbox.has_task = true;
            // Made before `run`, since the future may be dropped before its first poll.
            let task = Task { shared: Arc::clone(self), is_over: false };
            runtime.spawn(task.run());
        }
    }

    /// What is to be sent now; `None`, and the task has ended, if there is nothing.
    fn take(&self) -> Option<Vec<Vec<u8>>> {
        let mut outbox = self.outbox.lock();
        let mut messages = std::mem::take(&mut outbox.messages);
        if std::mem::take(&mut outbox.has_lost) {
            messages = vec![self.membership.message(b'*', b"")];
        }
        outbox.has_task = !messages.is_empty() || std::mem::take(&mut outbox.wants_connection);
        outbox.has_task.then_some(messages)
    }

    async fn send(&self, messages: &[Vec<u8>]) -> Result<()> {
        let publish = |message: &Vec<u8>| {
            let mut command = redis::cmd("PUBLISH");
            command.arg(NAME).arg(message);
            command
        };
        let mut commands: Vec<Cmd> = messages.iter().map(publish).collect();
        if commands.is_empty() {
            commands.push(redis::cmd("PING"));
        }
        let commands: Vec<&Cmd> = commands.iter().collect();
        let answers = self.node.many(Class::Write, &commands).await?;
        let refusal = answers.iter().find_map(|answer| match answer {
            Value::ServerError(error) => Some(server_error(error)),
            _ => None,
        });
        refusal.map_or(Ok(()), Err)
    }
}

/// Sends what is in the outbox.
struct Task {
    shared: Arc<Shared>,
    is_over: bool,
}

impl Task {
    async fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        let mut rest = SHORTEST_PAUSE;
        while let Some(messages) = shared.take() {
            let Err(error) = shared.send(&messages).await else {
                rest = SHORTEST_PAUSE;
                continue;
            };
            let cause = Arc::as_ptr(&shared).addr();
            tell_repeated!(WARN, cause, %error, "near caches can't be told of writes; they see them at the end of their `ttl`");
            // The task has two handles. With no others nobody writes any more, and nobody reads here.
            if error.kind() == ErrorKind::Closed || Arc::strong_count(&shared) == 2 {
                return;
            }
            {
                let mut outbox = shared.outbox.lock();
                outbox.has_lost |= !messages.is_empty();
                outbox.wants_connection |= messages.is_empty();
            }
            if pause(rest).await.is_err() {
                return;
            }
            rest = (rest * 2).min(LONGEST_PAUSE);
        }
        self.is_over = true;
    }
}

/// The runtime may drop the task before its end, and with it what was being sent.
impl Drop for Task {
    fn drop(&mut self) {
        if !self.is_over {
            let mut outbox = self.shared.outbox.lock();
            (outbox.has_task, outbox.has_lost) = (false, true);
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("node", &self.node).field("membership", &self.membership).finish_non_exhaustive()
    }
}
