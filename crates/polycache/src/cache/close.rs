//! The end of a cache.

use std::time::Duration;

use super::Cache;
use crate::events::{Event, EventKinds};
use crate::limit::limited;
use crate::switch::State;
use crate::{Error, ErrorKind, Reply, Result};

/// How long closing waits for tasks, if the cache has no timeout, and for the backend at least: it may have lost writes to make up for.
const PATIENCE: Duration = Duration::from_secs(5);

/// How many keys an error names.
const NAMED: usize = 5;

impl Cache {
    /// Closes the cache, for all its views and clones, and releases the backend's entries and connections. Every later command is an
    /// error of the kind [`Closed`](ErrorKind::Closed); a second `close` does nothing.
    ///
    /// Background tasks end first: those that store values (`write_behind`, or on their way to a server), and
    /// [detached](crate::GetOrSet::detached) computations. They have as long as the cache's timeout, or 5 seconds without one. Callers who
    /// are computing get their values, which aren't stored. Then the backend has as long, and 5 seconds at least.
    ///
    /// # Errors
    /// [`Timeout`](ErrorKind::Timeout) if a task was still under way then: it names the keys whose values aren't stored. The cache is
    /// closed nevertheless.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
    /// let cache = polycache::Cache::memory();
    /// cache.close().await?;
    /// assert_eq!(cache.get::<i32>("k").await.unwrap_err().kind(), polycache::ErrorKind::Closed);
    /// # Ok(()) }
    /// ```
    pub fn close(&self) -> Reply<()> {
        let waits = self.flights().is_under_way();
        match self.view.switch.close(waits) {
            State::Closed | State::Off => return Reply::ready(()),
            State::On | State::Disabled => {}
        }
        if let Some(audience) = self.audience(EventKinds::CLOSINGS) {
            audience.tell(&Event::Closed);
        }
        if self.view.switch.is_closing() {
            let closing = Closing(self.clone());
            return Reply::pending(async move { closing.run().await });
        }
        self.close_backend()
    }

    fn close_backend(&self) -> Reply<()> {
        match self.view.backend.close().now() {
            Ok(result) => Reply::from(result.map_err(|error| error.during("close", None))),
            Err(pending) => {
                let patience = self.time_limit().map(|timeout| timeout.max(PATIENCE));
                let limited = limited(patience, patience.unwrap_or_default(), pending);
                Reply::pending(async move { limited.await.map_err(|error| error.during("close", None)) })
            }
        }
    }
}

/// A cache that is closed but for tasks under way. Closed to all when dropped.
struct Closing(Cache);

impl Closing {
    async fn run(self) -> Result<()> {
        let cache = self.0.clone();
        let patience = cache.time_limit().unwrap_or(PATIENCE);
        let settled = async {
            cache.flights().settled().await;
            Ok(())
        };
        // Without a runtime's timers nothing would end the wait, so it doesn't wait.
        let in_time = limited(Some(patience), patience, settled).await.is_ok();
        let dropped = (!in_time).then(|| dropped(cache.flights().unsettled(), patience)).flatten();
        drop(self);
        let closed = cache.close_backend().await;
        match dropped {
            Some(error) => {
                tracing::warn!(%error, "the cache is closed");
                Err(error)
            }
            None => closed,
        }
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.view.switch.end();
    }
}

/// The error that names the keys under way; none if the tasks have just ended.
fn dropped(mut keys: Vec<String>, patience: Duration) -> Option<Error> {
    if keys.is_empty() {
        return None;
    }
    keys.sort_unstable();
    let named: Vec<String> = keys.iter().take(NAMED).map(|key| format!("{key:?}")).collect();
    let more = match keys.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let text = format!(
        "what was being computed or stored in the background took longer than {patience:?} and isn't stored: {}{more}; give the cache a \
         longer `timeout`, or await it before the cache is closed",
        named.join(", ")
    );
    Some(Error::new(ErrorKind::Timeout, text).during("close", None))
}
