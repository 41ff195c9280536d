//! One server, with the connections to it.

use redis::{Cmd, Pipeline, Value};

use super::connector::{Connector, Target};
use super::line::{Busy, Line};
use super::trouble::{Class, Failure};

/// A server, or what the sentinels name as such, and the connections that its calls are spread over.
#[derive(Debug)]
pub(super) struct Node {
    lines: Box<[Line]>,
}

impl Node {
    pub(super) fn new(connector: &Connector, target: &Target) -> Self {
        let line = |_| Line::new(connector.clone(), target.clone());
        Self { lines: (0..connector.config.connections).map(line).collect() }
    }

    /// The answer to one command. An error that the server answers with is a value here.
    pub(super) async fn one(&self, class: Class, command: &Cmd) -> Result<Value, Failure> {
        let Some((line, _busy)) = self.line() else {
            return Ok(Value::Nil);
        };
        let answer =
            line.send(class, |mut connection| async move { connection.send_packed_command(command).await }).await?;
        if is_read_only(&answer) {
            line.renew();
        }
        Ok(answer)
    }

    /// The answers to several commands, in one round trip.
    pub(super) async fn many(&self, class: Class, commands: &Pipeline) -> Result<Vec<Value>, Failure> {
        let Some((line, _busy)) = self.line() else {
            return Ok(Vec::new());
        };
        let count = commands.len();
        let answers = line
            .send(class, |mut connection| async move { connection.send_packed_commands(commands, 0, count).await })
            .await?;
        if answers.iter().any(is_read_only) {
            line.renew();
        }
        Ok(answers)
    }

    pub(super) fn close(&self) {
        for line in &self.lines {
            line.close();
        }
    }

    /// The connection with the fewest calls in flight, where one more is counted. There always is one.
    fn line(&self) -> Option<(&Line, Option<Busy<'_>>)> {
        match &*self.lines {
            // There is no choice: counting would cost for nothing.
            [line] => Some((line, None)),
            lines => lines.iter().min_by_key(|line| line.busy()).map(|line| (line, Some(line.count()))),
        }
    }
}

/// Whether the server answers that it is a replica: a failover has left us with the wrong one.
fn is_read_only(answer: &Value) -> bool {
    matches!(answer, Value::ServerError(error) if error.code() == "READONLY")
}
