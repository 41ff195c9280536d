//! A connection to a server that all calls share.

use std::sync::atomic::{AtomicBool, Ordering};

use bytes::BytesMut;
use parking_lot::Mutex;
use polycache_wire::{Connection, ConnectionOptions, Decoder, Fate, Protocol, Reconnect, Request, Stream, Trouble};
use redis::{Arg, Cmd, Value};

use super::command::after;
use super::config::Server;
use super::connector::{Connector, Target};
use super::glance::Glance;
use super::resp::{Frame, Reader};
use super::sentinel::is_replica;
use super::store::Store;
use super::tracking::Pushes;
use super::trouble::{Class, Failure, lost};
use crate::backend::Gap;
use crate::events::{Event, EventKinds};
use crate::{Error, ErrorKind, Result};

/// The server of a connection, and how to connect to it.
pub(super) struct Link {
    connector: Connector,
    target: Target,
    /// The server at the other end of the present connection, or of the last one.
    server: Mutex<Option<Server>>,
    /// Whether the server has called itself a primary on this connection.
    was_primary: AtomicBool,
}

/// Commands that are sent together, with one reply.
struct Commands<'a> {
    class: Class,
    commands: &'a [&'a Cmd],
}

/// The arrived part of the reply to some commands.
pub(super) enum Expect {
    /// Nothing yet, of one command.
    One,
    /// Nothing yet, of two commands: the first deletes, the second answers.
    Second,
    /// The first of those two has come. If it didn't delete, its answer is kept.
    Last(Option<Box<Value>>),
    Many {
        left: usize,
        come: Vec<Value>,
    },
}

/// Takes replies out of the bytes of a connection.
pub(super) struct Replies {
    reader: Reader,
    /// Hears what comes between the replies.
    pushes: Option<Box<Pushes>>,
}

/// The reply to some commands.
pub(super) enum Reply {
    One(Value),
    Many(Vec<Value>),
}

impl Link {
    pub(super) fn connection(connector: Connector, target: Target) -> Connection<Self> {
        let heartbeat = connector.config.heartbeat;
        let options = ConnectionOptions::new()
            .heartbeat((!heartbeat.is_zero()).then_some(heartbeat))
            .reconnect(Reconnect::Always)
            .listens(connector.tracker.is_some());
        Connection::new(
            Self { connector, target, server: Mutex::new(None), was_primary: AtomicBool::new(false) },
            options,
        )
    }

    /// Tells the listeners of an event of the present connection.
    fn tell(&self, event: impl FnOnce(&str) -> Event<'_>) {
        let listeners = &self.connector.listeners;
        if listeners.want(EventKinds::CONNECTIONS) {
            listeners.tell(&event(&self.server()));
        }
    }

    /// Tells the tracker, if there is one, of a gap.
    pub(super) fn tell_tracker(&self, gap: impl FnOnce(&str) -> Gap<'_>) {
        if let Some(tracker) = &self.connector.tracker {
            tracker.lost(gap(&self.server()));
        }
    }

    fn server(&self) -> String {
        self.server.lock().as_ref().map(ToString::to_string).unwrap_or_default()
    }

    /// How the connection is made, and where it leads to.
    pub(super) fn leads_to(&self) -> (&Connector, &Target) {
        (&self.connector, &self.target)
    }

    /// Whether the server is asked for its role: sentinels may have named another one since. In a cluster a master that has become a
    /// replica still tells of changes, but only of those that reach it.
    fn watches_role(&self) -> bool {
        matches!(self.target, Target::Primary) || self.connector.tracker.is_some()
    }
}

/// The reply to one command.
pub(super) async fn one(connection: &Connection<Link>, class: Class, command: &Cmd) -> Result<Value, Failure> {
    match connection.call(&Commands { class, commands: &[command] }).await {
        Ok(Reply::One(value)) => Ok(value),
        Ok(Reply::Many(mut values)) => Ok(values.pop().unwrap_or_default()),
        Err(failure) => Err(told(class, failure)),
    }
}

/// The replies to several commands, in their order.
pub(super) async fn many(
    connection: &Connection<Link>,
    class: Class,
    commands: &[&Cmd],
) -> Result<Vec<Value>, Failure> {
    if commands.is_empty() {
        return Ok(Vec::new());
    }
    match connection.call(&Commands { class, commands }).await {
        Ok(Reply::One(value)) => Ok(vec![value]),
        Ok(Reply::Many(values)) => Ok(values),
        Err(failure) => Err(told(class, failure)),
    }
}

/// The replies to a [`Glance`].
pub(super) async fn glance(connection: &Connection<Link>, glance: &Glance) -> Result<Vec<Value>, Failure> {
    match connection.call(glance).await {
        Ok(Reply::One(value)) => Ok(vec![value]),
        Ok(Reply::Many(values)) => Ok(values),
        Err(failure) => Err(told(Class::Read, failure)),
    }
}

/// The reply to a [`Store`].
pub(super) async fn store(connection: &Connection<Link>, store: &Store) -> Result<Value, Failure> {
    match connection.call(store).await {
        Ok(Reply::One(value)) => Ok(value),
        Ok(Reply::Many(mut values)) => Ok(values.pop().unwrap_or_default()),
        Err(failure) => Err(told(Class::Write, failure)),
    }
}

#[cold]
fn told(class: Class, failure: polycache_wire::Failure<Error>) -> Failure {
    match failure.fate {
        Fate::NotSent => Failure::NotSent(failure.error),
        Fate::Unknown | Fate::Garbled => Failure::Lost(lost(class, failure.error)),
    }
}

impl Protocol for Link {
    type Reply = Reply;
    type Expect = Expect;
    type Decoder = Replies;
    type Error = Error;

    async fn open(&self) -> Result<Box<dyn Stream>> {
        let (stream, server) = self.connector.open(&self.target).await?;
        *self.server.lock() = Some(server);
        self.was_primary.store(matches!(self.target, Target::Primary), Ordering::Relaxed);
        Ok(stream)
    }

    fn opened(&self) {
        if let Some(membership) = &self.connector.membership {
            membership.set_joined(true);
            self.tell_tracker(|server| Gap::Joined { server });
        }
        self.tell(|server| Event::Connected { server });
    }

    fn lost(&self) {
        self.tell(|server| Event::Disconnected { server });
    }

    fn losing(&self) {
        if let Some(membership) = &self.connector.membership {
            membership.set_joined(false);
        }
        self.tell_tracker(|server| Gap::Disconnected { server });
    }

    fn decoder(&self) -> Replies {
        let Connector { tracker, membership, .. } = &self.connector;
        let pushes = tracker.as_ref().map(|tracker| Pushes::new(tracker, membership.as_ref(), self.server()));
        Replies { reader: Reader::default(), pushes }
    }

    fn ask_for_life(&self, out: &mut Vec<u8>) -> Expect {
        let command = if self.watches_role() { "ROLE" } else { "PING" };
        redis::cmd(command).write_packed_command(out);
        Expect::One
    }

    /// An error of the server is an answer too.
    fn is_alive(&self, reply: Reply) -> Result<()> {
        match reply {
            Reply::One(role) if self.watches_role() => {
                // A server that was a replica from the beginning may be one: not only primaries are asked for slots.
                let is_primary = !is_replica(&role);
                if self.was_primary.swap(is_primary, Ordering::Relaxed) && !is_primary {
                    return Err(Error::new(ErrorKind::Unavailable, "the primary has become a replica"));
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn error(&self, trouble: Trouble<'_>) -> Error {
        let target = &self.target;
        match trouble {
            Trouble::Lost(why) => {
                Error::new(ErrorKind::Unavailable, format!("the connection to {target} was lost: {why}"))
            }
            Trouble::Garbled(what) => {
                Error::new(ErrorKind::Unavailable, format!("{target} doesn't keep to the protocol: {what}"))
            }
            Trouble::Silent => {
                let text = format!(
                    "{target} says nothing, and another call has waited for it in vain; calls fail at once until it does"
                );
                Error::new(ErrorKind::Unavailable, text)
            }
            Trouble::Closed => Error::new(ErrorKind::Closed, "the Redis backend was closed"),
            Trouble::LackingRuntime => {
                let text =
                    "connecting to Redis panicked; build the tokio runtime with `enable_all`, for I/O and timers";
                Error::new(ErrorKind::NoRuntime, text)
            }
            _ => {
                let text = "connecting to Redis needs a tokio runtime; await the call inside one with `enable_all`";
                Error::new(ErrorKind::NoRuntime, text)
            }
        }
    }
}

impl Request<Link> for Commands<'_> {
    fn encode(&self, _number: u16, out: &mut Vec<u8>) -> Expect {
        for command in self.commands {
            command.write_packed_command(out);
        }
        match self.commands.len() {
            1 => Expect::One,
            left => Expect::Many { left, come: Vec::with_capacity(left) },
        }
    }

    fn weight(&self) -> usize {
        let argument = |argument: Arg<&[u8]>| match argument {
            Arg::Simple(bytes) => bytes.len(),
            _ => 0,
        };
        self.commands.iter().flat_map(|command| command.args_iter()).map(argument).sum()
    }

    fn is_read(&self) -> bool {
        self.class == Class::Read
    }
}

impl Replies {
    #[cold]
    fn pushed(&self, push: &[Value]) {
        if let Some(pushes) = &self.pushes {
            pushes.tell(push);
        }
    }
}

impl Decoder<Link> for Replies {
    fn decode(&mut self, input: &mut BytesMut, expect: &mut Expect) -> Result<Option<Reply>, String> {
        while let Some(frame) = self.reader.read(input)? {
            match (frame, &mut *expect) {
                (Frame::Push(push), _) => self.pushed(&push),
                (Frame::Reply(value), Expect::One | Expect::Last(None)) => return Ok(Some(Reply::One(value))),
                (Frame::Reply(value), Expect::Last(Some(first))) => {
                    return Ok(Some(Reply::One(after(std::mem::take(&mut **first), value))));
                }
                (Frame::Reply(first), Expect::Second) => {
                    let has_deleted = matches!(first, Value::Nil | Value::Int(_));
                    *expect = Expect::Last((!has_deleted).then(|| Box::new(first)));
                }
                (Frame::Reply(value), Expect::Many { left, come }) => {
                    come.push(value);
                    *left -= 1;
                    if *left == 0 {
                        return Ok(Some(Reply::Many(std::mem::take(come))));
                    }
                }
            }
        }
        Ok(None)
    }

    fn unasked(&mut self, input: &mut BytesMut) -> Result<(), String> {
        while let Some(frame) = self.reader.read(input)? {
            match frame {
                Frame::Push(push) => self.pushed(&push),
                Frame::Reply(_) => return Err("a reply came that nobody asked for".to_owned()),
            }
        }
        Ok(())
    }
}
