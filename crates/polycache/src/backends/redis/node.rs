//! One server, with the connections to it.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use polycache_wire::Connection;
use redis::{Cmd, ServerError, Value};

use super::connector::{Connector, Target};
use super::glance::Glance;
use super::link::{self, Link};
use super::server_error::{connection_goes, without_echo};
use super::store::Store;
use super::trouble::{Class, Failure};
use crate::backend::Gap;

/// The shortest time between two give-ups of the connections.
const STAY: Duration = Duration::from_secs(1);

/// A server, or the primary that the sentinels name, and the connections that share its calls.
pub(super) struct Node {
    lines: Box<[Line]>,
    /// When the connections were last given up.
    left: Mutex<Option<Instant>>,
}

struct Line {
    connection: Connection<Link>,
    /// The number of its calls in flight.
    busy: AtomicUsize,
}

impl Node {
    pub(super) fn new(connector: &Connector, target: &Target) -> Self {
        let connection = || Link::connection(connector.clone(), target.clone());
        let line = |_| Line { connection: connection(), busy: AtomicUsize::new(0) };
        Self { lines: (0..connector.config.connections).map(line).collect(), left: Mutex::new(None) }
    }

    /// How its connections are made, and where they lead to.
    pub(super) fn leads_to(&self) -> (&Connector, &Target) {
        self.lines[0].connection.protocol().leads_to()
    }

    /// The answer to one command. A server's error is a value here.
    pub(super) async fn one(&self, class: Class, command: &Cmd) -> Result<Value, Failure> {
        let Some((connection, _busy)) = self.connection() else {
            return Ok(Value::Nil);
        };
        let mut answer = link::one(connection, class, command).await?;
        if let Value::ServerError(error) = &mut answer {
            self.met(error, command);
        }
        Ok(answer)
    }

    /// The answer to a [`Store`].
    pub(super) async fn store(&self, store: &Store) -> Result<Value, Failure> {
        let Some((connection, _busy)) = self.connection() else {
            return Ok(Value::Nil);
        };
        let mut answer = link::store(connection, store).await?;
        if let Value::ServerError(error) = &mut answer {
            self.met(error, &store.words());
        }
        Ok(answer)
    }

    /// The answers to a [`Glance`]: the lives, and the values.
    pub(super) async fn glance(&self, glance: &Glance) -> Result<Vec<Value>, Failure> {
        let Some((connection, _busy)) = self.connection() else {
            return Ok(Vec::new());
        };
        let mut answers = link::glance(connection, glance).await?;
        for answer in &mut answers {
            if let Value::ServerError(error) = answer {
                self.met(error, &glance.words());
            }
        }
        Ok(answers)
    }

    /// The answers to several commands, in one round trip.
    pub(super) async fn many(&self, class: Class, commands: &[&Cmd]) -> Result<Vec<Value>, Failure> {
        let Some((connection, _busy)) = self.connection() else {
            return Ok(Vec::new());
        };
        let mut answers = link::many(connection, class, commands).await?;
        for (answer, command) in answers.iter_mut().zip(commands) {
            if let Value::ServerError(error) = answer {
                self.met(error, command);
            }
        }
        Ok(answers)
    }

    /// Deals with a server's error: cuts the command's words out of it, and gives up connections that lead to the wrong server. A name, a
    /// proxy or the sentinels may lead to another server by now.
    #[cold]
    fn met(&self, error: &mut ServerError, command: &Cmd) {
        if let Some(cut) = without_echo(error, command) {
            *error = cut;
        }
        if !connection_goes(error) {
            return;
        }
        {
            // Not for each such answer: a server whose role doesn't change isn't connected to again and again.
            let mut left = self.left.lock();
            if left.is_some_and(|left| left.elapsed() < STAY) {
                return;
            }
            *left = Some(Instant::now());
        }
        tracing::warn!(code = error.code(), "Redis answers with an error, so its connections are made anew");
        self.lines.iter().for_each(|line| line.connection.renew());
    }

    /// Tells the tracker of connections that nobody has read since this was last done.
    pub(super) fn tell_of_standstill(&self) {
        let still = self.lines.iter().map(|line| &line.connection).filter(|connection| connection.has_stood_still());
        still.for_each(|connection| connection.protocol().tell_tracker(|server| Gap::Unread { server }));
    }

    /// Whether calls fail at once because the server says nothing.
    pub(super) fn is_silent(&self) -> bool {
        self.lines.iter().any(|line| line.connection.is_silent())
    }

    /// Refuses further calls. Calls under way are still answered.
    pub(super) fn close(&self) {
        for line in &self.lines {
            line.connection.close();
        }
    }

    /// The connection with the fewest calls in flight, which counts one more. There always is one.
    fn connection(&self) -> Option<(&Connection<Link>, Option<Busy<'_>>)> {
        match &*self.lines {
            // Without a choice, counting would cost for nothing.
            [line] => Some((&line.connection, None)),
            lines => {
                let line = lines.iter().min_by_key(|line| line.busy.load(Ordering::Relaxed))?;
                Some((&line.connection, Some(Busy::count(&line.busy))))
            }
        }
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.lines.iter().map(|line| &line.connection)).finish()
    }
}

/// A call that is counted while it is in flight.
struct Busy<'a>(&'a AtomicUsize);

impl<'a> Busy<'a> {
    fn count(busy: &'a AtomicUsize) -> Self {
        busy.fetch_add(1, Ordering::Relaxed);
        Self(busy)
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
