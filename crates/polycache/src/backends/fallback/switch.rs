//! Whether the server is away.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::runtime::Handle;

use super::outage::Outage;
use crate::backend::{Backend, BackendInfo, Key, Want};
use crate::backends::memory::Memory;
use crate::backends::recovery::{Lost, Recovery};
use crate::limit::{is_overdue, limited, pause};
use crate::{Error, ErrorKind, Result, Ttl};

/// The key that the server is asked for, to see whether it answers. No user is likely to have the same.
const PROBE: Key<'static> = Key::plain("polycache\u{1}probe");

/// How long the server may take to answer.
const ATTEMPT: Duration = Duration::from_secs(5);

/// The pauses between questions.
const SHORTEST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// The state that a fallback's handles share.
pub(super) struct Switch {
    pub(super) recovery: Recovery,
    pub(super) info: BackendInfo,
    max_bytes: u64,
    longest: Duration,
    /// Whether there is an outage. Without one, calls look at nothing else.
    is_away: AtomicBool,
    /// Held while keys are remembered and while an outage ends, so that it ends only when nothing is pending.
    outage: Mutex<Option<Arc<Outage>>>,
    outages: AtomicU64,
    has_task: AtomicBool,
}

impl Switch {
    pub(super) fn new(recovery: Recovery, max_bytes: u64, longest: Duration) -> Self {
        let mut info = recovery.info().clone();
        info.capabilities.live_objects = false;
        info.capabilities.keeps_decoded = false;
        Self {
            recovery,
            info,
            max_bytes,
            longest,
            is_away: AtomicBool::new(false),
            outage: Mutex::default(),
            outages: AtomicU64::new(0),
            has_task: AtomicBool::new(false),
        }
    }

    /// The present outage.
    #[inline]
    pub(super) fn outage(self: &Arc<Self>) -> Option<Arc<Outage>> {
        if !self.is_away.load(Ordering::Acquire) {
            return None;
        }
        self.wake();
        self.outage.lock().clone()
    }

    /// The present outage, for a caller who has seen one. If that has just ended, another one begins.
    pub(super) fn present(self: &Arc<Self>) -> Result<Arc<Outage>> {
        self.wake();
        self.begun(&mut self.outage.lock())
    }

    /// The present outage, after a write is remembered.
    pub(super) fn present_for(self: &Arc<Self>, lost: &Lost) -> Result<Arc<Outage>> {
        self.wake();
        let mut present = self.outage.lock();
        let outage = self.begun(&mut present)?;
        if self.recovery.remember(lost) {
            return Ok(outage);
        }
        let text = "the server is away, and so much has been written meanwhile that no more can be remembered for when it is back";
        Err(Error::new(ErrorKind::Unavailable, text))
    }

    /// The present outage, or a new one.
    fn begun(&self, present: &mut Option<Arc<Outage>>) -> Result<Arc<Outage>> {
        if let Some(present) = present {
            return Ok(Arc::clone(present));
        }
        let memory = Memory::builder().max_bytes(self.max_bytes).build()?;
        let number = self.outages.fetch_add(1, Ordering::Relaxed);
        let outage = Arc::new(Outage::new(memory, number, Ttl::After(self.longest), self.info.capabilities));
        self.is_away.store(true, Ordering::Release);
        Ok(Arc::clone(present.insert(outage)))
    }

    /// A call to the server begins.
    pub(super) fn watch(self: &Arc<Self>) -> Watched {
        Watched { switch: Arc::clone(self), is_over: false }
    }

    /// Begins an outage, unless there is one.
    fn begin(self: &Arc<Self>, why: &str) {
        let mut present = self.outage.lock();
        if present.is_some() || self.begun(&mut present).is_err() {
            return;
        }
        drop(present);
        tracing::warn!(backend = &*self.info.name, error = why, "the server is away, and the memory stands in for it");
        self.wake();
    }

    /// Ends the outage, if nothing is left to delete on the server. Returns whether it has.
    fn end_if_settled(&self) -> bool {
        let mut present = self.outage.lock();
        if !self.recovery.is_settled() {
            return false;
        }
        let ended = present.take();
        self.is_away.store(false, Ordering::Release);
        drop(present);
        // After the lock, since this drops the values.
        drop(ended);
        tracing::info!(backend = &*self.info.name, "the server is back");
        true
    }

    /// Ends the outage at once: memory answers no more.
    pub(super) fn end(&self) {
        let ended = self.outage.lock().take();
        self.is_away.store(false, Ordering::Release);
        drop(ended);
    }

    /// Has a task of the present runtime wait for the server, unless one does.
    fn wake(self: &Arc<Self>) {
        if self.has_task.load(Ordering::Acquire) {
            return;
        }
        if let Ok(runtime) = Handle::try_current()
            && !self.has_task.swap(true, Ordering::AcqRel)
        {
            let task = Task(Arc::clone(self));
            runtime.spawn(task.run());
        }
    }
}

/// A call to the server. If it is dropped because its time is over, the server is away.
pub(super) struct Watched {
    switch: Arc<Switch>,
    is_over: bool,
}

impl Watched {
    /// The server's answer; `None` if it couldn't be reached, so that memory is to be asked.
    pub(super) fn end<T>(mut self, result: Result<T>) -> Option<Result<T>> {
        self.is_over = true;
        match result {
            Err(error) if error.kind().is_out_of_reach() => {
                self.switch.begin(&error.to_string());
                None
            }
            result => Some(result),
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if !self.is_over && is_overdue() {
            self.switch.begin("a call took longer than the cache's timeout");
        }
    }
}

/// Waits for the server.
struct Task(Arc<Switch>);

impl Task {
    async fn run(self) {
        let switch = &self.0;
        let mut time = SHORTEST_PAUSE;
        // Ends also when the task's is the last handle: nobody asks any more.
        while switch.is_away.load(Ordering::Acquire) && Arc::strong_count(switch) > 1 {
            if pause(time).await.is_err() {
                return;
            }
            time = (time * 2).min(LONGEST_PAUSE);
            let answer = limited(Some(ATTEMPT), ATTEMPT, switch.recovery.look(PROBE, Want::NOTHING)).await;
            let is_there = answer.as_ref().err().is_none_or(|error| !error.kind().is_out_of_reach());
            // Looks again soon: the recovery's task deletes now.
            if is_there && !switch.end_if_settled() {
                time = SHORTEST_PAUSE;
            }
        }
    }
}

/// The runtime may drop the task before its end.
impl Drop for Task {
    fn drop(&mut self) {
        self.0.has_task.store(false, Ordering::Release);
    }
}
