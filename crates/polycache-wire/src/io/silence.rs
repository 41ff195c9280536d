//! A server that somebody has waited for in vain: calls fail at once until it says something.
//!
//! Heartbeats take seconds to find such a server, and until then each call would wait for as long as it may. Only the caller knows that
//! time: so the caller says whether it gives up a call because its time is over, or for another reason.

use std::cell::Cell;
use std::sync::atomic::Ordering;

use super::Traffic;
use crate::protocol::{Protocol, Trouble};
use crate::shared::{Phase, Shared};
use crate::slots::{GONE, NO_SLOT, SlotId};

thread_local! {
    static IN_VAIN: Cell<bool> = const { Cell::new(false) };
}

/// Runs `give_up`, which drops calls that have waited for as long as they may. If their server owes answers and has sent nothing since
/// these calls were sent, further calls to it fail at once until something comes: each would wait in vain as well. A call that is dropped
/// outside of `in_vain` proves nothing.
///
/// ```
/// # use std::time::Duration;
/// # async fn ask() {}
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let mut call = Box::pin(ask());
/// if tokio::time::timeout(Duration::from_millis(200), &mut call).await.is_err() {
///     polycache_wire::in_vain(|| drop(call));
/// }
/// # }
/// ```
pub fn in_vain<T>(give_up: impl FnOnce() -> T) -> T {
    /// Resets the flag even if dropping the calls panics.
    struct Reset(bool);

    impl Drop for Reset {
        fn drop(&mut self) {
            IN_VAIN.set(self.0);
        }
    }

    let _reset = Reset(IN_VAIN.replace(true));
    give_up()
}

impl<P: Protocol> Shared<P> {
    /// A call without a reply was given up. It has this slot, or none if it was alone.
    #[cold]
    pub(crate) fn given_up(&self, slot: Option<SlotId>) {
        if !IN_VAIN.get() {
            return;
        }
        let slot = slot.unwrap_or(GONE);
        // Before the caller asks anything else. If something has come and isn't read yet, the driver's next turn ends the silence.
        match self.io.try_lock() {
            Some(mut io) => {
                if let Some(io) = &mut *io {
                    io.traffic.doubt(self, slot);
                }
            }
            None => self.doubted.store(slot, Ordering::Release),
        }
        let mut state = self.state.lock();
        match state.phase {
            Phase::Open | Phase::Silent { .. } => self.wake_driver(state),
            Phase::Opening => state.phase = Phase::Silent { error: self.protocol.error(Trouble::Silent) },
            Phase::Idle | Phase::Pausing { .. } | Phase::Closed => {}
        }
    }
}

impl<P: Protocol> Traffic<P> {
    /// For the driver's turn, once it has read everything.
    #[inline]
    pub(super) fn look_into_doubt(&mut self, shared: &Shared<P>) {
        if shared.doubted.load(Ordering::Relaxed) != NO_SLOT {
            let slot = shared.doubted.swap(NO_SLOT, Ordering::Acquire);
            self.doubt(shared, slot);
        }
    }

    /// A call has waited in vain. The server is silent if nothing has come since the call was sent; one that answers others is only slow.
    #[cold]
    fn doubt(&mut self, shared: &Shared<P>, slot: SlotId) {
        let Some(first) = self.in_flight.front() else { return };
        let call = self.in_flight.iter().find(|pending| pending.slot == Some(slot)).unwrap_or(first);
        if call.end <= self.heard {
            return;
        }
        let mut state = shared.state.lock();
        if matches!(state.phase, Phase::Open) {
            shared.is_quiet.store(false, Ordering::Release);
            state.phase = Phase::Silent { error: shared.protocol.error(Trouble::Silent) };
            self.silent = true;
        }
    }

    /// Something has come.
    #[inline]
    pub(super) fn end_silence(&mut self, shared: &Shared<P>) {
        if std::mem::take(&mut self.silent) {
            let mut state = shared.state.lock();
            if matches!(state.phase, Phase::Silent { .. }) {
                state.phase = Phase::Open;
            }
        }
    }
}
