//! The first commands on a connection, before its callers may use it.

use std::io;

use bytes::BytesMut;
use polycache_wire::Stream;
use redis::{Cmd, ServerError, Value};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::config::{Protocol, Server};
use super::resp::{Frame, Reader};
use super::server_error::{knows_no_such_command, server_error, without_echo};
use super::tracking::{self, Hears};
use super::trouble::unreachable;
use crate::{Error, ErrorKind, Result, Secret};

/// How many bytes a server may send in the dialogue; Redis sends some hundred. A reply is held until it is whole, so something else that
/// listens there and sends without end would fill the memory, with each attempt anew.
const MOST: usize = 1 << 20;

/// A connection that nobody else uses yet.
pub(super) struct Dialogue<'a> {
    server: &'a Server,
    stream: Box<dyn Stream>,
    reader: Reader,
    input: BytesMut,
    /// How many more bytes the server may send.
    left: usize,
}

/// The user, the database and the protocol to ask for.
pub(super) struct LogIn<'a> {
    pub(super) protocol: Protocol,
    pub(super) username: Option<&'a str>,
    pub(super) password: Option<&'a Secret>,
    pub(super) db: u32,
}

impl<'a> Dialogue<'a> {
    pub(super) fn new(server: &'a Server, stream: Box<dyn Stream>) -> Self {
        Self { server, stream, reader: Reader::default(), input: BytesMut::new(), left: MOST }
    }

    /// Logs in, in one round trip; in two if the server is too old for RESP3, or its `HELLO` is switched off, or if it shall tell us
    /// something from now on.
    pub(super) async fn log_in(&mut self, log_in: &LogIn<'_>, hears: Hears) -> Result<()> {
        match self.try_log_in(log_in).await? {
            Some(refusal) if log_in.protocol == Protocol::Resp3 && log_in.has_no_resp3(&refusal) => {
                if hears != Hears::Nothing {
                    return Err(tracking::has_no_pushes(self.server, hears, &refusal));
                }
                let log_in = LogIn { protocol: Protocol::Resp2, ..*log_in };
                self.try_log_in(&log_in).await?
            }
            refusal => refusal,
        }
        .map_or(Ok(()), |refusal| Err(self.refused(&refusal)))?;
        let begin = hears.commands();
        if begin.is_empty() {
            return Ok(());
        }
        self.send(&begin).await?;
        match self.reply().await? {
            Value::ServerError(error) => Err(tracking::refused(self.server, hears, server_error(&error))),
            _ => Ok(()),
        }
    }

    /// The first refusal, if there was any.
    async fn try_log_in(&mut self, log_in: &LogIn<'_>) -> Result<Option<ServerError>> {
        let needed = log_in.commands();
        // Tells the server's administrator which client this is. Older servers don't know the command, which does no harm.
        let mut name = redis::cmd("CLIENT");
        name.arg("SETINFO").arg("LIB-NAME").arg("polycache");
        self.send(needed.iter().chain([&name])).await?;
        let mut refusal = None;
        for command in &needed {
            if let Value::ServerError(error) = self.reply().await? {
                refusal.get_or_insert_with(|| without_echo(&error, command).unwrap_or(error));
            }
        }
        self.reply().await?;
        Ok(refusal)
    }

    /// The answer to a command, unless it is an error.
    pub(super) async fn ask(&mut self, command: &Cmd) -> Result<Value> {
        self.send([command]).await?;
        match self.reply().await? {
            Value::ServerError(error) => Err(server_error(&without_echo(&error, command).unwrap_or(error))),
            value => Ok(value),
        }
    }

    /// The connection, ready for its callers.
    pub(super) fn end(mut self) -> Result<Box<dyn Stream>> {
        // A server that was flushed may have said so.
        while let Ok(Some(Frame::Push(_))) = self.reader.read(&mut self.input) {}
        let is_all = self.input.is_empty() && !self.reader.is_amid();
        if is_all { Ok(self.stream) } else { Err(self.unlike("it says more than it is asked for")) }
    }

    async fn send<'c>(&mut self, commands: impl IntoIterator<Item = &'c Cmd>) -> Result<()> {
        let mut out = Vec::new();
        commands.into_iter().for_each(|command| command.write_packed_command(&mut out));
        self.stream.write_all(&out).await.map_err(|error| self.broken(error))?;
        self.stream.flush().await.map_err(|error| self.broken(error))
    }

    async fn reply(&mut self) -> Result<Value> {
        loop {
            match self.reader.read(&mut self.input) {
                Ok(Some(Frame::Reply(value))) => return Ok(value),
                Ok(Some(Frame::Push(_))) => continue,
                Ok(None) => {}
                Err(what) => return Err(self.unlike(what)),
            }
            let read = self.stream.read_buf(&mut self.input).await.map_err(|error| self.broken(error))?;
            if read == 0 {
                return Err(self.broken(io::ErrorKind::UnexpectedEof.into()));
            }
            match self.left.checked_sub(read) {
                Some(left) => self.left = left,
                None => return Err(self.unlike(&format!("it says more than {MOST} bytes before it lets us in"))),
            }
        }
    }

    fn broken(&self, error: io::Error) -> Error {
        unreachable(self.server).with_source(error)
    }

    fn unlike(&self, what: &str) -> Error {
        self.broken(io::Error::new(io::ErrorKind::InvalidData, format!("what answers is not like Redis: {what}")))
    }

    /// The error of a server that refuses the log-in, or can't serve it for the moment.
    fn refused(&self, error: &ServerError) -> Error {
        let source = server_error(error);
        if source.kind() == ErrorKind::Unavailable {
            return unreachable(self.server).with_source(source);
        }
        let server = self.server;
        let text = format!("Redis at {server} refused the log-in; check user, password, database and protocol");
        Error::new(ErrorKind::Backend, text).with_source(source)
    }
}

impl LogIn<'_> {
    /// Whether a server with this answer needs RESP2.
    fn has_no_resp3(&self, error: &ServerError) -> bool {
        // Valkey 9 answers a `HELLO` that is switched off by asking for a log-in.
        let wants_auth = self.password.is_some() && error.code() == "NOAUTH";
        wants_auth || knows_no_such_command(error) || error.code() == "NOPROTO"
    }

    fn commands(&self) -> Vec<Cmd> {
        let mut commands = Vec::new();
        match (self.protocol, self.password) {
            (Protocol::Resp3, password) => {
                let mut hello = redis::cmd("HELLO");
                hello.arg(3);
                if let Some(password) = password {
                    hello.arg("AUTH").arg(self.username.unwrap_or("default")).arg(password.reveal());
                }
                commands.push(hello);
            }
            (Protocol::Resp2, Some(password)) => {
                let mut auth = redis::cmd("AUTH");
                // Servers without users take only a password, the default user's.
                auth.arg(self.username.filter(|name| *name != "default")).arg(password.reveal());
                commands.push(auth);
            }
            (Protocol::Resp2, None) => {}
        }
        if self.db != 0 {
            let mut select = redis::cmd("SELECT");
            select.arg(self.db);
            commands.push(select);
        }
        commands
    }
}
