//! Watching whether the driver still runs. A runtime that is neither driven nor dropped keeps its tasks and runs none of them.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::time::sleep;

use crate::ending::Ending;
use crate::protocol::Protocol;
use crate::shared::{Phase, Shared, State};

/// A driver that was woken must run within twice this time, if all its requests under way can be sent once more, so that ending its
/// connection harms nobody. Measured twice, so that a machine that stands still for a moment isn't taken for a runtime that does.
const QUICK: Duration = Duration::from_millis(75);
/// A pause longer than this proves nothing.
const LATE: Duration = Duration::from_millis(125);

/// The time for a driver with requests under way that can't be sent once more; a heartbeat, if that is longer.
const PATIENCE: Duration = Duration::from_secs(1);

/// With this many requests queued, a further one doesn't compare its runtime with the driver's: an earlier one has.
const ASKED: usize = 16;

impl<P: Protocol> Shared<P> {
    /// A call was given up. If it was made on another runtime than the driver's, the cause may be that the driver doesn't run.
    #[cold]
    pub(crate) fn suspect(self: &Arc<Self>) {
        let mut state = self.state.lock();
        let watch = self.watch(&mut state);
        self.wake_driver(state);
        watch.into_iter().for_each(Watch::start);
    }

    /// For a request that is about to be queued. One on another runtime than the driver's has the driver watched.
    #[inline]
    pub(crate) fn watch_driver(self: &Arc<Self>, state: &mut State<P>) -> Option<Watch<P>> {
        if state.is_watched || state.driver.is_none() && state.queued.len() >= ASKED {
            return None;
        }
        self.watch(state)
    }

    fn watch(self: &Arc<Self>, state: &mut State<P>) -> Option<Watch<P>> {
        let runtime = Handle::try_current().ok()?;
        let is_driven = matches!(state.phase, Phase::Open | Phase::Opening | Phase::Silent { .. });
        if state.is_watched || !is_driven || state.runtime == Some(runtime.id()) {
            return None;
        }
        state.is_watched = true;
        let turns = self.turns.load(Ordering::Relaxed);
        Some(Watch { shared: Arc::clone(self), run: state.run, turns, runtime })
    }
}

/// Watches a driver.
pub(crate) struct Watch<P: Protocol> {
    shared: Arc<Shared<P>>,
    run: u64,
    /// How often the driver had run before it was woken.
    turns: u64,
    runtime: Handle,
}

impl<P: Protocol> Watch<P> {
    /// To be called without a lock, and after the driver was woken.
    #[cold]
    pub(crate) fn start(self) {
        let runtime = self.runtime.clone();
        // On a runtime without timers only this task panics.
        runtime.spawn(self.watch());
    }

    async fn watch(self) {
        let until = Instant::now() + PATIENCE.max(self.shared.options.heartbeat.unwrap_or_default());
        let mut silent = 0;
        loop {
            let started = Instant::now();
            sleep(QUICK).await;
            if self.shared.turns.load(Ordering::Relaxed) != self.turns {
                return;
            }
            let now = Instant::now();
            if now.duration_since(started) <= LATE {
                silent += 1;
            }
            if silent >= 2 && (now >= until || self.is_harmless()) {
                return self.end_run();
            }
        }
    }

    /// Whether all requests under way may be sent once more.
    fn is_harmless(&self) -> bool {
        match &*self.shared.io.lock() {
            Some(io) => io.run != self.run || io.is_repeatable(),
            None => true,
        }
    }

    /// Ends the driver's connection, or its attempt to make one. The next call makes another connection.
    fn end_run(&self) {
        let Self { shared, run, .. } = self;
        let io = shared.io.lock().take_if(|io| io.run == *run);
        let is_opening = io.is_none() && {
            let state = shared.state.lock();
            state.run == *run && matches!(state.phase, Phase::Opening | Phase::Silent { .. })
        };
        if io.is_none() && !is_opening {
            return;
        }
        let was_open = io.is_some();
        let (written, in_flight) = io.map(|io| io.end(shared)).unwrap_or_default();
        shared.settle(Ending { run: *run, reason: None, was_open, written, in_flight });
        let mut state = shared.state.lock();
        if state.run == *run {
            // The driver, should it run again, changes nothing any more.
            state.run += 1;
        }
    }
}

impl<P: Protocol> Drop for Watch<P> {
    fn drop(&mut self) {
        self.shared.state.lock().is_watched = false;
    }
}
