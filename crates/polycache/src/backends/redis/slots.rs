//! The slots of each server of a cluster. Follows the "Redis cluster specification" of the Redis documentation.

use redis::Value;

use super::config::Server;
use crate::slot::SLOTS;

/// A run of slots and the master that holds them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) first: u16,
    pub(super) last: u16,
    pub(super) master: Server,
}

/// The ranges in the answer of `asked` to `CLUSTER SLOTS`; `None` if it makes no sense.
pub(super) fn ranges(answer: Value, asked: &Server) -> Option<Vec<Range>> {
    let Value::Array(entries) = answer else { return None };
    entries.into_iter().map(|entry| range(entry, asked)).collect()
}

fn range(entry: Value, asked: &Server) -> Option<Range> {
    let Value::Array(mut parts) = entry else { return None };
    if parts.len() < 3 {
        return None;
    }
    let (Value::Int(first), Value::Int(last), Value::Array(master)) =
        (std::mem::take(&mut parts[0]), std::mem::take(&mut parts[1]), std::mem::take(&mut parts[2]))
    else {
        return None;
    };
    let [host, Value::Int(port), ..] = master.as_slice() else { return None };
    let host = match host {
        Value::BulkString(host) => std::str::from_utf8(host).ok()?,
        Value::SimpleString(host) => host,
        Value::Nil => "",
        _ => return None,
    };
    let (first, last) = (u16::try_from(first).ok()?, u16::try_from(last).ok()?);
    let port = u16::try_from(*port).ok()?;
    (first <= last && last < SLOTS).then(|| Range { first, last, master: server(host, port, asked) })
}

/// Where a command belongs, by the server's error.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Redirect {
    /// The slot of the command's keys has another master.
    Moved(u16, Server),
    /// This one command belongs on that server, while the slot of its keys moves.
    Ask(u16, Server),
    /// The cluster can't tell yet.
    Later,
}

/// The redirect in an answer of `asked`, if it is one.
pub(super) fn redirect(answer: &Value, asked: &Server) -> Option<Redirect> {
    let Value::ServerError(error) = answer else { return None };
    // The details are the slot and `host:port`; the host may be missing or an IPv6 address without brackets.
    let there = |redirect: fn(u16, Server) -> Redirect| {
        let mut words = error.details()?.split_whitespace();
        let slot = words.next()?.parse().ok().filter(|slot| *slot < SLOTS)?;
        let (host, port) = words.next()?.rsplit_once(':')?;
        Some(redirect(slot, server(host, port.parse().ok()?, asked)))
    };
    match error.code() {
        "MOVED" => Some(there(Redirect::Moved).unwrap_or(Redirect::Later)),
        "ASK" => Some(there(Redirect::Ask).unwrap_or(Redirect::Later)),
        "TRYAGAIN" | "CLUSTERDOWN" | "LOADING" | "MASTERDOWN" | "READONLY" => Some(Redirect::Later),
        _ => None,
    }
}

/// The server at this address. A node may not know its own address: then it is the asked one.
pub(super) fn server(host: &str, port: u16, asked: &Server) -> Server {
    let host = match (host, asked) {
        ("" | "?", Server::Tcp { host, .. }) => host,
        (host, _) => host,
    };
    Server::Tcp { host: host.trim_matches(['[', ']']).to_owned(), port }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn answers_without_a_host_mean_the_server_asked() {
        let asked = Server::Tcp { host: "10.0.0.9".to_owned(), port: 1 };
        let text = |text: &str| Value::BulkString(text.into());
        let node = |host| Value::Array(vec![host, Value::Int(7000), text("id")]);
        for host in [text(""), Value::Nil] {
            let answer = Value::Array(vec![Value::Array(vec![Value::Int(0), Value::Int(9), node(host)])]);
            let master = Server::Tcp { host: "10.0.0.9".to_owned(), port: 7000 };
            assert_eq!(ranges(answer, &asked).unwrap(), [Range { first: 0, last: 9, master }]);
        }
        for nonsense in [
            Value::Nil,
            Value::Array(vec![Value::Int(1)]),
            Value::Array(vec![Value::Array(vec![Value::Int(5), Value::Int(4), node(text("h"))])]),
            Value::Array(vec![Value::Array(vec![Value::Int(0), Value::Int(16384), node(text("h"))])]),
        ] {
            assert_eq!(ranges(nonsense, &asked), None);
        }
    }
}
