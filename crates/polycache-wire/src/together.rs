//! Several calls of one caller that go out together.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;

thread_local! {
    static TOGETHER: Cell<bool> = const { Cell::new(false) };
}

/// Awaits `calls`, a future that begins several calls at once, such as a `join`: they leave with one write. Otherwise, where nothing else
/// is under way, the first would be sent by itself.
///
/// ```
/// # async fn ask(_: &str) {}
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// polycache_wire::together(async { tokio::join!(ask("a"), ask("b")) }).await;
/// # }
/// ```
pub async fn together<F: Future>(calls: F) -> F::Output {
    let mut calls = pin!(calls);
    poll_fn(|context| {
        let _reset = Reset(TOGETHER.replace(true));
        calls.as_mut().poll(context)
    })
    .await
}

/// Whether the caller is about to begin another call.
#[inline]
pub(crate) fn has_more() -> bool {
    TOGETHER.get()
}

/// Resets the flag even if polling panics.
struct Reset(bool);

impl Drop for Reset {
    fn drop(&mut self) {
        TOGETHER.set(self.0);
    }
}
