//! Command lines of the user.

use bytes::Bytes;

use super::{Client, outcome};
use crate::codec::{RawCommand, Reply, Request};
use crate::{Error, ErrorKind, Result};

impl Client {
    /// Sends a command line as it is, without its end, and returns the reply as it is: lines and data blocks, without the last line end.
    /// Keys in the line are taken literally. In a fleet its first key decides which server is asked. The commands that list all keys,
    /// `lru_crawler metadump` and `mgdump`, go over a connection of their own.
    ///
    /// ```no_run
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache_memcached::Result<()> {
    /// let client = polycache_memcached::Client::open("127.0.0.1:11211")?;
    /// assert_eq!(client.raw(b"delete none").await?, "NOT_FOUND");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// `InvalidInput` as [`RawCommand::new`], or a command without a key in a fleet; `Server` for an error line; trouble with
    /// the server.
    pub async fn raw(&self, line: &[u8]) -> Result<Bytes> {
        let command = RawCommand::new(line)?;
        let request = Request::Raw(command);
        let reply = match (self.fleet.connections(), command.key()) {
            ([only], _) if command.is_dump() => only.call_apart(&request).await?,
            ([only], _) => only.call(&request).await?,
            (_, Some(key)) => self.fleet.call(key, &request).await?.ok_or_else(outcome::unexpected)?,
            _ => {
                let message = "this command has no key, so it isn't clear which server of the fleet is meant; \
                               open a client of that server alone";
                return Err(Error::new(ErrorKind::InvalidInput, message));
            }
        };
        match reply {
            Reply::Raw(reply) => Ok(reply),
            Reply::Refused(refusal) => Err(outcome::refused(&refusal, false)),
            _ => Err(outcome::unexpected()),
        }
    }
}
