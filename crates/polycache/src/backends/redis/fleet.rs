//! The servers, whatever their topology.

use std::sync::Arc;

use redis::{Cmd, Value};

use super::cluster::Cluster;
use super::command::{Command, joined};
use super::config::{RedisConfig, Topology};
use super::connector::{Connector, Target};
use super::node::Node;
use super::trouble::Class;
use crate::Result;
use crate::events::Listeners;
use crate::slot::slot;

#[derive(Debug)]
pub(super) enum Fleet {
    /// One server, or the primary of the sentinels.
    Single(Arc<Node>),
    Cluster(Arc<Cluster>),
}

impl Fleet {
    pub(super) fn new(config: RedisConfig, listeners: Arc<Listeners>) -> Result<Self> {
        let config = config.checked()?;
        let target = match (config.topology, config.servers.as_slice()) {
            (Topology::Standalone, [server, ..]) => Some(Target::Fixed(server.clone())),
            (Topology::Sentinel, _) => Some(Target::Primary),
            (Topology::Standalone | Topology::Cluster, _) => None,
        };
        let connector = Connector::new(config, listeners)?;
        Ok(match target {
            Some(target) => Self::Single(Arc::new(Node::new(&connector, &target))),
            None => Self::Cluster(Arc::new(Cluster::new(connector))),
        })
    }

    /// The command for the server that has `key`.
    pub(super) fn command(&self, key: &[u8], command: Cmd) -> Command {
        let slot = match self {
            Self::Single(_) => 0,
            Self::Cluster(_) => slot(key),
        };
        Command { command, slot, first: None }
    }

    /// The answer to one command.
    pub(super) async fn one(&self, class: Class, command: Command) -> Result<Value> {
        match (self, &command) {
            (Self::Single(node), Command { first: None, command, .. }) => Ok(node.one(class, command).await?),
            // Apart: otherwise the most frequent call would be as large as these.
            _ => Box::pin(self.one_of_more(class, command)).await,
        }
    }

    async fn one_of_more(&self, class: Class, command: Command) -> Result<Value> {
        match self {
            Self::Single(node) => {
                let sent: Vec<&Cmd> = command.parts().collect();
                let answers = node.many(class, &sent).await?;
                Ok(joined([&command], answers).pop().unwrap_or_default())
            }
            Self::Cluster(cluster) => cluster.one(class, command).await,
        }
    }

    /// The answers to several commands, in one round trip to each server.
    pub(super) async fn many(&self, class: Class, commands: Vec<Command>) -> Result<Vec<Value>> {
        match self {
            Self::Single(node) => {
                let sent: Vec<&Cmd> = commands.iter().flat_map(Command::parts).collect();
                Ok(joined(&commands, node.many(class, &sent).await?))
            }
            Self::Cluster(cluster) => cluster.many(class, commands).await,
        }
    }

    pub(super) fn connector(&self) -> &Connector {
        match self {
            Self::Single(node) => node.leads_to().0,
            Self::Cluster(cluster) => cluster.connector(),
        }
    }

    /// Tells the tracker of connections that nobody has read since this was last done.
    pub(super) fn tell_of_standstill(&self) {
        match self {
            Self::Single(node) => node.tell_of_standstill(),
            Self::Cluster(cluster) => cluster.masters().iter().for_each(|member| member.node.tell_of_standstill()),
        }
    }

    pub(super) fn close(&self) {
        match self {
            Self::Single(node) => node.close(),
            Self::Cluster(cluster) => cluster.close(),
        }
    }
}
