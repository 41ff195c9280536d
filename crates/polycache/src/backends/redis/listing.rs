//! Walking over the keys: `SCAN` on every master, never `KEYS`.

use std::sync::Arc;

use std::time::Duration;

use redis::Cmd;
use tokio::time::sleep;

use super::answers;
use super::cluster::Cluster;
use super::command::Command;
use super::fleet::Fleet;
use super::layout::Layout;
use super::node::Node;
use super::trouble::Class;
use crate::backend::{Cursor, Page, Pattern};
use crate::{Error, ErrorKind, Result};

/// How many keys the server looks at for one batch.
const BATCH: usize = 1000;

/// How often a walk visits slots again that have moved meanwhile.
const ROUNDS: u32 = 12;

/// The pause before a round grows by this with each round: 1.5 seconds in all.
const PAUSE: Duration = Duration::from_millis(20);

/// The next batch of keys: one master after the other.
pub(super) async fn page(fleet: &Fleet, prefix: &str, pattern: &Pattern, cursor: Option<Cursor>) -> Result<Page> {
    let cursor = cursor.unwrap_or(Cursor { part: 0, place: 0 });
    // The server's `?` is a byte, and `Pattern`'s a character: so the pattern itself is applied here afterwards.
    let glob = Pattern::escape(prefix) + &pattern.superset();
    let (next, keys) = match fleet {
        Fleet::Single(node) => {
            let (place, keys) = batch(node, &glob, cursor.place).await?;
            ((place != 0).then_some(Cursor { part: 0, place }), keys)
        }
        Fleet::Cluster(cluster) => cluster_page(cluster, &glob, cursor).await?,
    };
    // Keys that aren't UTF-8 can't be listed.
    let mut keys: Vec<String> = keys.into_iter().filter_map(|key| String::from_utf8(key).ok()).collect();
    keys.retain(|key| key.strip_prefix(prefix).is_some_and(|name| pattern.matches(name)));
    Ok(Page::new(keys, next))
}

/// A batch of the server that the cursor names: it holds the server's index, the number of the round, and the mark of the layout. If
/// slots have moved before a round ends, another round follows, since keys may have been missed.
async fn cluster_page(cluster: &Arc<Cluster>, glob: &str, cursor: Cursor) -> Result<(Option<Cursor>, Vec<Vec<u8>>)> {
    let (index, round) = ((cursor.part & 0xffff) as usize, cursor.part >> 16 & 0xf);
    let part = |index: usize, round: u64, layout: &Layout| index as u64 | round << 16 | layout.mark() << 20;
    let again = |layout: &Layout| match round + 1 {
        round if round < ROUNDS.into() => Ok(Some(Cursor { part: part(0, round, layout), place: 0 })),
        _ => Err(moving("the scan, so keys may be missing")),
    };
    let expected = (cursor.part != 0).then_some(cursor.part >> 20);
    let layout = cluster.layout(expected).await?;
    if expected.is_some_and(|expected| expected != layout.mark()) {
        return Ok((again(&layout)?, Vec::new()));
    }
    let servers = layout.all();
    let server = servers.get(index).ok_or_else(|| moving("the scan, so keys may be missing"))?;
    let (place, keys) = batch(&cluster.member_at(server).node, glob, cursor.place).await?;
    let next = if place != 0 {
        Some(Cursor { part: part(index, round, &layout), place })
    } else if index + 1 < servers.len() {
        Some(Cursor { part: part(index + 1, round, &layout), place: 0 })
    } else {
        let now = cluster.layout(None).await?;
        if now.moved_since(&layout).is_empty() { None } else { again(&now)? }
    };
    Ok((next, keys))
}

/// The error of a walk during which slots never stopped moving.
fn moving(what: &str) -> Error {
    let text = format!("slots of the cluster went on moving between servers during {what}; try again when they rest");
    Error::new(ErrorKind::Unavailable, text)
}

/// Deletes all keys that begin with `prefix`, with any bytes after it; all keys if it is empty.
pub(super) async fn clear(fleet: &Fleet, prefix: &str) -> Result<()> {
    let cluster = match fleet {
        Fleet::Single(node) => return clear_on(fleet, node, prefix).await,
        Fleet::Cluster(cluster) => cluster,
    };
    let mut layout = cluster.layout(None).await?;
    let mut servers = layout.all();
    for round in 1..=ROUNDS {
        for server in &servers {
            clear_on(fleet, &cluster.member_at(server).node, prefix).await?;
        }
        // Keys that have moved meanwhile may have been missed on both servers.
        let now = cluster.layout(None).await?;
        let moved = now.moved_since(&layout);
        if moved.is_empty() {
            return Ok(());
        }
        servers = now.holders(moved);
        layout = now;
        sleep(PAUSE * round).await;
    }
    Err(moving("the clear, so keys may be left"))
}

async fn clear_on(fleet: &Fleet, node: &Node, prefix: &str) -> Result<()> {
    if prefix.is_empty() {
        let mut command = Cmd::new();
        command.arg("FLUSHDB").arg("ASYNC");
        return answers::all_good([node.one(Class::Write, &command).await?]);
    }
    let glob = Pattern::escape(prefix) + "*";
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

/// The commands that delete these keys: one, or one for each key if slots differ.
pub(super) fn unlink(fleet: &Fleet, keys: &[impl AsRef<[u8]>]) -> Vec<Command> {
    let command = |keys: &[&[u8]]| {
        let mut command = Cmd::new();
        command.arg("UNLINK");
        for key in keys {
            command.arg(*key);
        }
        command
    };
    let keys: Vec<&[u8]> = keys.iter().map(AsRef::as_ref).collect();
    match fleet {
        Fleet::Single(_) => vec![fleet.command(&[], command(&keys))],
        Fleet::Cluster(_) => keys.iter().map(|key| fleet.command(key, command(&[key]))).collect(),
    }
}

async fn batch(node: &Node, glob: &str, place: u64) -> Result<(u64, Vec<Vec<u8>>)> {
    let mut command = Cmd::new();
    command.arg("SCAN").arg(place).arg("MATCH").arg(glob).arg("COUNT").arg(BATCH);
    answers::page(node.one(Class::Read, &command).await?)
}
