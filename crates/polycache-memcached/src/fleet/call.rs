//! A call to the server of a key.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::{Fleet, Place};
use crate::codec::{Reply, Request};
use crate::connection::{Link, told};
use crate::{Error, Result};

/// A call to the server of a key, or to another in its place. A future by hand, as [`polycache_wire::Call`] is: with one server, the most
/// frequent case, it is only that call.
#[must_use = "nothing is asked before it is polled"]
pub(crate) struct Call<'a> {
    fleet: &'a Fleet,
    stored: &'a [u8],
    request: &'a Request<'a>,
    stage: Stage<'a>,
}

enum Stage<'a> {
    /// At the server with this number.
    At(usize, polycache_wire::Call<'a, Link, Request<'a>>),
    /// The server is out.
    Nowhere,
    /// At other servers, after the first has failed. Boxed, since it is rare.
    Again(Pin<Box<dyn Future<Output = Result<Option<Reply>>> + Send + 'a>>),
}

impl<'a> Call<'a> {
    #[inline]
    pub(super) fn new(fleet: &'a Fleet, stored: &'a [u8], request: &'a Request<'a>) -> Self {
        let stage = match fleet.place(stored) {
            Place::At(at, connection) => Stage::At(at, connection.ask(request)),
            Place::Nowhere => Stage::Nowhere,
        };
        Self { fleet, stored, request, stage }
    }

    #[cold]
    fn failed(&mut self, at: usize, error: Error, context: &mut Context<'_>) -> Poll<Result<Option<Reply>>> {
        if !error.is_retryable() || !self.fleet.moves_keys() {
            return Poll::Ready(Err(error));
        }
        let mut again = Box::pin(self.fleet.call_again(self.stored, self.request, at, error));
        let poll = again.as_mut().poll(context);
        self.stage = Stage::Again(again);
        poll
    }
}

impl Future for Call<'_> {
    type Output = Result<Option<Reply>>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.stage {
            Stage::At(at, call) => match ready!(Pin::new(call).poll(context)) {
                Ok(reply) => Poll::Ready(Ok(Some(reply))),
                Err(failure) => {
                    let at = *at;
                    let error = told(failure, self.request);
                    self.failed(at, error, context)
                }
            },
            Stage::Nowhere => Poll::Ready(self.fleet.missed(self.request).map(|()| None)),
            Stage::Again(again) => again.as_mut().poll(context),
        }
    }
}

impl Fleet {
    /// Asks at the key's present place, after the server `tried` has failed.
    async fn call_again(
        &self,
        stored: &[u8],
        request: &Request<'_>,
        mut tried: usize,
        mut error: Error,
    ) -> Result<Option<Reply>> {
        loop {
            match self.place(stored) {
                Place::Nowhere => return self.missed(request).map(|()| None),
                Place::At(at, _) if at == tried => return Err(error),
                Place::At(at, connection) => match connection.call(request).await {
                    Err(failed) if failed.is_retryable() => (tried, error) = (at, failed),
                    reply => return reply.map(Some),
                },
            }
        }
    }
}
