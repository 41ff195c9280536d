//! Cached functions: `#[cached]`, `#[cached_stampede]`, `#[multi_cached]`, and their calls.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

mod caches;
mod calls;
mod forms;
mod keys;
mod multi;
mod objects;
mod sharing;
mod tags;
mod timeouts;
mod trouble;
mod written_by_macros;

/// Polls once.
async fn is_pending(future: &mut (impl Future + Unpin)) -> bool {
    poll_fn(|context| Poll::Ready(Pin::new(&mut *future).poll(context).is_pending())).await
}
