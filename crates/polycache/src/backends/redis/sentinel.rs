//! Finding the primary: sentinels are asked for its address before every connection, so after a failover a new connection is enough.
//! Follows "Guidelines for Redis clients with support for Redis Sentinel" of the Redis documentation.

use polycache_wire::Stream;
use redis::Value;
use tokio::time::timeout;

use super::config::Server;
use super::connector::Connector;
use crate::{Error, ErrorKind, Result};

impl Connector {
    /// A connection to the primary. Its role is checked: sentinels may still name one that was demoted.
    pub(super) async fn primary(&self) -> Result<(Box<dyn Stream>, Server)> {
        let server = self.ask_sentinels().await?;
        let mut dialogue = self.server(&server).await?;
        let limit = self.config.connect_timeout;
        let role = timeout(limit, dialogue.ask(&redis::cmd("ROLE"))).await;
        let stream = match role {
            Ok(Ok(role)) if is_replica(&role) => {
                let text =
                    format!("the sentinels name {server} as primary, but it is a replica; a failover may be under way");
                Err(Error::new(ErrorKind::Unavailable, text))
            }
            // A user who may not ask for the role is served all the same.
            Ok(Ok(_)) => dialogue.end(),
            Ok(Err(error)) if error.kind() == ErrorKind::Backend => dialogue.end(),
            Ok(Err(error)) => Err(error),
            Err(_) => {
                Err(Error::new(ErrorKind::Unavailable, format!("Redis at {server} didn't answer within {limit:?}")))
            }
        };
        stream.map(|stream| (stream, server))
    }

    async fn ask_sentinels(&self) -> Result<Server> {
        let service = self.config.service.as_deref().unwrap_or_default();
        let mut last = None;
        for sentinel in &self.config.servers {
            match timeout(self.config.connect_timeout, self.ask_sentinel(sentinel, service)).await {
                Ok(Ok(server)) => return Ok(server),
                Ok(Err(error)) => last = Some(error),
                Err(_) => {
                    let text = format!("the sentinel {sentinel} didn't answer");
                    last = Some(Error::new(ErrorKind::Unavailable, text));
                }
            }
        }
        let error = Error::new(ErrorKind::Unavailable, format!("no sentinel names a primary for {service:?}"));
        Err(match last {
            Some(last) => error.with_source(last),
            None => error,
        })
    }

    async fn ask_sentinel(&self, sentinel: &Server, service: &str) -> Result<Server> {
        let mut dialogue = self.sentinel(sentinel).await?;
        let mut command = redis::Cmd::new();
        command.arg("SENTINEL").arg("GET-MASTER-ADDR-BY-NAME").arg(service);
        let unknown = || {
            let text = format!("the sentinel {sentinel} knows no service {service:?}; check the name after the `/`");
            Error::new(ErrorKind::Unavailable, text)
        };
        let Value::Array(parts) = dialogue.ask(&command).await? else {
            return Err(unknown());
        };
        let mut parts = parts.into_iter().map(redis::from_redis_value::<String>);
        match (parts.next(), parts.next().and_then(|port| port.ok()?.parse().ok())) {
            (Some(Ok(host)), Some(port)) => Ok(Server::Tcp { host, port }),
            _ => Err(unknown()),
        }
    }
}

/// Whether this is a replica's answer to `ROLE`.
pub(super) fn is_replica(role: &Value) -> bool {
    match role {
        Value::Array(parts) => match parts.first() {
            Some(Value::BulkString(name)) => name == b"slave",
            Some(Value::SimpleString(name)) => name == "slave",
            _ => false,
        },
        _ => false,
    }
}
