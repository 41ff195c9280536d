//! Seeing whether the driver still runs. A runtime that nobody drives any more, and nobody has dropped, keeps its tasks and runs none.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::sleep;

use crate::ending::Ending;
use crate::protocol::Protocol;
use crate::shared::{Phase, Shared};

/// How long a driver has to run at least once after it was woken; or for a heartbeat, if that is longer.
const PATIENCE: Duration = Duration::from_secs(1);

impl<P: Protocol> Shared<P> {
    /// A call was given up. Where it was made on another runtime than the driver's, the driver may be why.
    #[cold]
    pub(crate) fn suspect(self: &Arc<Self>) {
        let Ok(here) = Handle::try_current() else { return };
        let mut state = self.state.lock();
        if state.is_watched
            || !matches!(state.phase, Phase::Open | Phase::Silent { .. })
            || state.runtime == Some(here.id())
        {
            return;
        }
        state.is_watched = true;
        let watch = Watch { shared: Arc::clone(self), run: state.run, turns: self.turns.load(Ordering::Relaxed) };
        self.wake_driver(state);
        here.spawn(watch.watch());
    }
}

/// Whoever watches a driver.
struct Watch<P: Protocol> {
    shared: Arc<Shared<P>>,
    run: u64,
    /// How often it had run when it was woken.
    turns: u64,
}

impl<P: Protocol> Watch<P> {
    async fn watch(self) {
        sleep(PATIENCE.max(self.shared.settings.heartbeat.unwrap_or_default())).await;
        if self.shared.turns.load(Ordering::Relaxed) == self.turns {
            self.end_run();
        }
    }

    /// Ends the connection in the place of its driver. The next call makes another one.
    fn end_run(&self) {
        let Self { shared, run, .. } = self;
        let Some(io) = shared.io.lock().take_if(|io| io.run == *run) else { return };
        let (written, in_flight) = io.end(shared);
        shared.settle(Ending { run: *run, reason: None, was_open: true, written, in_flight });
        let mut state = shared.state.lock();
        if state.run == *run {
            // Its driver, should it run again, has nothing to say any more.
            state.run += 1;
        }
    }
}

impl<P: Protocol> Drop for Watch<P> {
    fn drop(&mut self) {
        self.shared.state.lock().is_watched = false;
    }
}
