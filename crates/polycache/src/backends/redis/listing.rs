//! Walking over the keys: `SCAN` on every master, never `KEYS`.

use redis::Cmd;

use super::answers;
use super::command::Command;
use super::config::Server;
use super::fleet::Fleet;
use super::node::Node;
use super::trouble::Class;
use crate::backend::{Cursor, Page, Pattern};
use crate::{Error, ErrorKind, Result};

/// How many keys the server looks at for one batch.
const BATCH: usize = 1000;

/// A batch of keys of one master after the other.
pub(super) async fn page(fleet: &Fleet, namespace: &str, pattern: &Pattern, cursor: Option<Cursor>) -> Result<Page> {
    let cursor = cursor.unwrap_or(Cursor { part: 0, place: 0 });
    let (glob, start) = (glob(namespace, &pattern.superset()), start(namespace));
    let (next, mut keys) = match fleet {
        Fleet::Single(node) => {
            let (place, keys) = batch(node, &glob, cursor.place).await?;
            ((place != 0).then_some(Cursor { part: 0, place }), keys)
        }
        Fleet::Cluster(cluster) => {
            let masters = cluster.masters().await?;
            let (index, expected) = ((cursor.part & 0xffff) as usize, cursor.part >> 16);
            let changed = || {
                let text =
                    "the masters of the cluster have changed during the scan, so keys may be missing; start again";
                Error::new(ErrorKind::Unavailable, text)
            };
            let master = masters.get(index).ok_or_else(changed)?;
            if cursor.part != 0 && mark(&master.server) != expected {
                return Err(changed());
            }
            let (place, keys) = batch(&master.node, &glob, cursor.place).await?;
            let part = |index: usize, server: &Server| index as u64 | mark(server) << 16;
            let next = match masters.get(index + 1) {
                _ if place != 0 => Some(Cursor { part: part(index, &master.server), place }),
                Some(next) => Some(Cursor { part: part(index + 1, &next.server), place: 0 }),
                None => None,
            };
            (next, keys)
        }
    };
    keys.retain(|key| key.get(start..).is_some_and(|name| pattern.matches(name)));
    Ok(Page { keys, next })
}

/// Deletes all keys in `namespace`; without one, all there are.
pub(super) async fn clear(fleet: &Fleet, namespace: &str) -> Result<()> {
    match fleet {
        Fleet::Single(node) => clear_on(fleet, node, namespace).await,
        Fleet::Cluster(cluster) => {
            for master in cluster.masters().await? {
                clear_on(fleet, &master.node, namespace).await?;
            }
            Ok(())
        }
    }
}

async fn clear_on(fleet: &Fleet, node: &Node, namespace: &str) -> Result<()> {
    if namespace.is_empty() {
        let mut command = Cmd::new();
        command.arg("FLUSHDB").arg("ASYNC");
        return answers::all_good([node.one(Class::Write, &command).await?]);
    }
    let glob = glob(namespace, "*");
    let mut place = 0;
    loop {
        let (next, keys) = batch(node, &glob, place).await?;
        if !keys.is_empty() {
            answers::all_good(fleet.many(Class::Write, unlink(fleet, &keys)).await?)?;
        }
        match next {
            0 => return Ok(()),
            next => place = next,
        }
    }
}

/// The commands that delete these keys: one, or one for each where slots differ.
pub(super) fn unlink(fleet: &Fleet, keys: &[impl AsRef<str>]) -> Vec<Command> {
    let command = |keys: &[&str]| {
        let mut command = Cmd::new();
        command.arg("UNLINK");
        for key in keys {
            command.arg(*key);
        }
        command
    };
    let keys: Vec<&str> = keys.iter().map(AsRef::as_ref).collect();
    match fleet {
        Fleet::Single(_) => vec![fleet.command(&[], command(&keys))],
        Fleet::Cluster(_) => keys.iter().map(|key| fleet.command(key.as_bytes(), command(&[key]))).collect(),
    }
}

async fn batch(node: &Node, glob: &str, place: u64) -> Result<(u64, Vec<String>)> {
    let mut command = Cmd::new();
    command.arg("SCAN").arg(place).arg("MATCH").arg(glob).arg("COUNT").arg(BATCH);
    answers::page(node.one(Class::Read, &command).await?)
}

/// What `SCAN` is asked for. Its `?` is a byte where ours is a character, so the pattern proper is applied here afterwards.
fn glob(namespace: &str, pattern: &str) -> String {
    if namespace.is_empty() {
        return pattern.to_owned();
    }
    format!("{}:{pattern}", Pattern::escape(namespace))
}

/// Where the name begins in a full key.
fn start(namespace: &str) -> usize {
    if namespace.is_empty() { 0 } else { namespace.len() + 1 }
}

/// Tells masters apart in a cursor: 48 bits that are not zero.
fn mark(server: &Server) -> u64 {
    // FNV-1a.
    let hash = server
        .to_string()
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    hash >> 16 | 1
}
