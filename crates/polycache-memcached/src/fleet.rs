//! Several servers as one.

mod call;

use std::sync::Arc;

use futures_util::future::join_all;

use self::call::Call;
use crate::codec::{Reply, Request};
use crate::connection::Connection;
use crate::options::ClientOptions;
use crate::ring::{Placement, Ring};
use crate::server::Server;
use crate::{Error, ErrorKind, Result};

/// What happens to the keys of a server that is out, see [`Builder::on_dead`](crate::Builder::on_dead).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnDead {
    /// Calls for them fail at once.
    #[default]
    Fail,
    /// Reads find nothing; writes fail at once.
    Miss,
    /// The other servers take them, and no other key moves. When the server is back, it has its keys again, with the values that it held
    /// before: they may be older than what was written meanwhile.
    Rehash,
}

/// Connections to the servers of a client.
#[derive(Debug)]
pub(crate) struct Fleet {
    connections: Vec<Connection>,
    ring: Ring,
    on_dead: OnDead,
    eject_after: u32,
    max_value: usize,
}

/// The place that a call goes to.
pub(crate) enum Place<'a> {
    At(usize, &'a Connection),
    /// The server is out, and reads count as misses.
    Nowhere,
}

impl Fleet {
    pub(crate) fn new(
        servers: Vec<Server>,
        options: &Arc<ClientOptions>,
        placement: Placement,
        on_dead: OnDead,
        eject_after: u32,
    ) -> Self {
        let ring = Ring::new(placement, &servers);
        let connections = servers.into_iter().map(|server| Connection::new(server, Arc::clone(options))).collect();
        Self { connections, ring, on_dead, eject_after, max_value: options.max_value }
    }

    pub(crate) fn connections(&self) -> &[Connection] {
        &self.connections
    }

    pub(crate) fn max_value(&self) -> usize {
        self.max_value
    }

    /// Whether a failed call may find its key elsewhere.
    pub(crate) fn moves_keys(&self) -> bool {
        self.connections.len() > 1 && self.on_dead != OnDead::Fail
    }

    /// The present place of a key, given as it is stored.
    #[inline]
    pub(crate) fn place(&self, stored: &[u8]) -> Place<'_> {
        match &self.connections[..] {
            [only] => Place::At(0, only),
            _ => self.place_among_many(stored),
        }
    }

    #[inline(never)]
    fn place_among_many(&self, stored: &[u8]) -> Place<'_> {
        // There is always one: a client has servers, each with a weight.
        let at = self.ring.place(stored, |_| true).unwrap_or_default();
        let connection = &self.connections[at];
        if connection.failures() < self.eject_after {
            return Place::At(at, connection);
        }
        // Nobody waits for this attempt; once it succeeds, the server has its keys again.
        connection.nudge();
        match self.on_dead {
            OnDead::Fail => Place::At(at, connection),
            OnDead::Miss => Place::Nowhere,
            OnDead::Rehash => {
                let alive = |server: usize| self.connections[server].failures() < self.eject_after;
                // If all servers are out, the key's own one is as good as any.
                let at = self.ring.place(stored, alive).unwrap_or(at);
                Place::At(at, &self.connections[at])
            }
        }
    }

    /// Asks the server of a key. `None` is a miss at a server that is out.
    #[inline]
    pub(crate) fn call<'a>(&'a self, stored: &'a [u8], request: &'a Request<'a>) -> Call<'a> {
        Call::new(self, stored, request)
    }

    /// Asks the servers of many keys at once, each in one round trip. The replies come in the order of the requests.
    pub(crate) async fn call_many(&self, requests: &[(&[u8], Request<'_>)]) -> Vec<Result<Option<Reply>>> {
        if let [only] = &self.connections[..] {
            let requests: Vec<_> = requests.iter().map(|&(_, request)| request).collect();
            return only.call_many(&requests).await.into_iter().map(|reply| reply.map(Some)).collect();
        }
        let mut batches: Vec<(Vec<usize>, Vec<Request<'_>>)> = vec![Default::default(); self.connections.len()];
        let mut replies: Vec<Result<Option<Reply>>> = Vec::with_capacity(requests.len());
        for (number, (stored, request)) in requests.iter().enumerate() {
            match self.place(stored) {
                Place::At(at, _) => {
                    batches[at].0.push(number);
                    batches[at].1.push(*request);
                    replies.push(Ok(None));
                }
                Place::Nowhere => replies.push(self.missed(request).map(|()| None)),
            }
        }
        let asked = self
            .connections
            .iter()
            .zip(&batches)
            .map(async |(connection, (numbers, requests))| (numbers, connection.call_many(requests).await));
        for (numbers, answers) in join_all(asked).await {
            for (&number, answer) in numbers.iter().zip(answers) {
                replies[number] = answer.map(Some);
            }
        }
        // A few requests met a server that was on its way out: each finds its new place by itself.
        if self.moves_keys() {
            for (reply, (stored, request)) in replies.iter_mut().zip(requests) {
                if reply.as_ref().is_err_and(Error::is_retryable) {
                    *reply = self.call(stored, request).await;
                }
            }
        }
        replies
    }

    /// As `call_many`, but a server executes its requests in this order.
    pub(crate) async fn call_in_order(&self, requests: &[(&[u8], Request<'_>)]) -> Vec<Result<Option<Reply>>> {
        if let [only] = &self.connections[..] {
            let requests: Vec<_> = requests.iter().map(|&(_, request)| request).collect();
            return only.call_in_order(&requests).await.into_iter().map(|reply| reply.map(Some)).collect();
        }
        let mut replies: Vec<Result<Option<Reply>>> = requests.iter().map(|_| Ok(None)).collect();
        let mut left: Vec<usize> = (0..requests.len()).collect();
        // Twice, since a request that failed at its first place may have another one by now.
        for again in [false, true] {
            let mut batches: Vec<Vec<usize>> = vec![Vec::new(); self.connections.len()];
            for number in std::mem::take(&mut left) {
                match self.place(requests[number].0) {
                    Place::At(at, _) => batches[at].push(number),
                    Place::Nowhere => replies[number] = self.missed(&requests[number].1).map(|()| None),
                }
            }
            let batches = self.connections.iter().zip(batches).filter(|(_, batch)| !batch.is_empty());
            let asked = batches.map(async |(connection, batch)| {
                let asked: Vec<_> = batch.iter().map(|&number| requests[number].1).collect();
                (connection.call_in_order(&asked).await, batch)
            });
            for (answers, batch) in join_all(asked).await {
                let lost = answers.iter().all(|answer| answer.as_ref().is_err_and(Error::is_retryable));
                if lost && self.moves_keys() && !again {
                    left.extend(&batch);
                }
                for (number, answer) in batch.into_iter().zip(answers) {
                    replies[number] = answer.map(Some);
                }
            }
            if left.is_empty() {
                break;
            }
        }
        replies
    }

    #[cold]
    fn missed(&self, request: &Request<'_>) -> Result<()> {
        if request.is_read() {
            return Ok(());
        }
        let out = self.connections.iter().filter(|connection| connection.failures() >= self.eject_after);
        let names: Vec<_> = out.map(|connection| connection.server().to_string()).collect();
        let message = format!("the memcached of this key is out ({}); it is tried again by itself", names.join(", "));
        Err(Error::new(ErrorKind::Unavailable, message))
    }
}
