//! One server, with the connections to it.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

use polycache_wire::Connection;
use redis::{Cmd, Value};

use super::connector::{Connector, Target};
use super::link::{self, Link};
use super::trouble::{Class, Failure};

/// A server, or what the sentinels name as such, and the connections that its calls are spread over.
pub(super) struct Node {
    lines: Box<[Line]>,
}

struct Line {
    connection: Connection<Link>,
    /// The calls in flight that were counted.
    busy: AtomicUsize,
}

impl Node {
    pub(super) fn new(connector: &Connector, target: &Target) -> Self {
        let connection = || Link::connection(connector.clone(), target.clone());
        let line = |_| Line { connection: connection(), busy: AtomicUsize::new(0) };
        Self { lines: (0..connector.config.connections).map(line).collect() }
    }

    /// The answer to one command. An error that the server answers with is a value here.
    pub(super) async fn one(&self, class: Class, command: &Cmd) -> Result<Value, Failure> {
        let Some((connection, _busy)) = self.connection() else {
            return Ok(Value::Nil);
        };
        let answer = link::one(connection, class, command).await?;
        if is_read_only(&answer) {
            look_for_primary(connection);
        }
        Ok(answer)
    }

    /// The answers to several commands, in one round trip.
    pub(super) async fn many(&self, class: Class, commands: &[&Cmd]) -> Result<Vec<Value>, Failure> {
        let Some((connection, _busy)) = self.connection() else {
            return Ok(Vec::new());
        };
        let answers = link::many(connection, class, commands).await?;
        if answers.iter().any(is_read_only) {
            look_for_primary(connection);
        }
        Ok(answers)
    }

    /// Refuses further calls. What is under way is still answered.
    pub(super) fn close(&self) {
        for line in &self.lines {
            line.connection.close();
        }
    }

    /// The connection with the fewest calls in flight, where one more is counted. There always is one.
    fn connection(&self) -> Option<(&Connection<Link>, Option<Busy<'_>>)> {
        match &*self.lines {
            // There is no choice: counting would cost for nothing.
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

/// Whether the server answers that it is a replica: a failover has left us with the wrong one.
fn is_read_only(answer: &Value) -> bool {
    matches!(answer, Value::ServerError(error) if error.code() == "READONLY")
}

#[cold]
fn look_for_primary(connection: &Connection<Link>) {
    if connection.protocol().is_found_by_sentinels() {
        connection.renew();
    }
}
