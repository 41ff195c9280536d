//! The calls in progress of one event loop.

use std::cell::RefCell;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use super::drain::Drain;
use super::mailbox::{Alarm, Mailbox};
use super::work::Work;
use crate::fork;

/// The calls of one event loop, and its mailbox. The loop owns it, through its reader: it ends with the loop.
pub(super) struct Calls {
    pub(super) mailbox: Arc<Mailbox>,
    /// Only locked by threads that are attached, never while Python code or a reply is run.
    table: Mutex<Table>,
    generation: u64,
}

#[derive(Default)]
struct Table {
    slots: Vec<Slot>,
    free: Vec<u32>,
}

struct Slot {
    alarm: Arc<Alarm>,
    waker: Waker,
    call: Option<Call>,
}

/// A call in progress.
pub(super) struct Call {
    pub(super) work: Box<dyn Work>,
    pub(super) future: Py<PyAny>,
}

impl Calls {
    pub(super) fn new(mailbox: Arc<Mailbox>) -> Arc<Self> {
        Arc::new(Self { mailbox, table: Mutex::default(), generation: fork::generation() })
    }

    /// A number for a new call, and what wakes it.
    fn reserve(&self) -> (u32, Waker) {
        let mut table = self.table.lock();
        if let Some(number) = table.free.pop() {
            return (number, table.slots[number as usize].waker.clone());
        }
        let number = table.slots.len() as u32;
        let alarm = Alarm::new(&self.mailbox, number);
        let waker = alarm.waker();
        table.slots.push(Slot { alarm, waker: waker.clone(), call: None });
        (number, waker)
    }

    fn put(&self, number: u32, call: Call) {
        self.table.lock().slots[number as usize].call = Some(call);
    }

    pub(super) fn release(&self, number: u32) {
        self.table.lock().free.push(number);
    }

    /// Takes a call out that was woken, to poll it. `None` where it has ended.
    pub(super) fn take(&self, number: u32) -> Option<(Call, Waker)> {
        let mut table = self.table.lock();
        let slot = table.slots.get_mut(number as usize)?;
        slot.alarm.taken();
        Some((slot.call.take()?, slot.waker.clone()))
    }

    pub(super) fn put_back(&self, number: u32, call: Call) {
        self.put(number, call);
    }
}

/// Calls of a loop that has ended are dropped; those that a child of a fork has inherited are the parent's.
impl Drop for Calls {
    fn drop(&mut self) {
        if self.generation != fork::generation() {
            std::mem::forget(std::mem::take(&mut *self.table.lock()));
        }
    }
}

thread_local! {
    /// The loops that have run in this thread, by address; an entry counts as long as its calls are there, which the loop owns.
    static LOOPS: RefCell<Vec<(usize, Weak<Calls>)>> = const { RefCell::new(Vec::new()) };
}

/// The calls of the loop that runs in this thread, and the loop.
fn of_running_loop(py: Python<'_>) -> PyResult<(Bound<'_, PyAny>, Arc<Calls>)> {
    static RUNNING: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let event_loop = RUNNING.import(py, "asyncio", "get_running_loop")?.call0()?;
    let address = event_loop.as_ptr().addr();
    let known = LOOPS.with_borrow(|loops| {
        let (_, calls) = loops.iter().find(|(known, _)| *known == address)?;
        calls.upgrade().filter(|calls| calls.generation == fork::generation())
    });
    match known {
        Some(calls) => Ok((event_loop, calls)),
        None => {
            let calls = Drain::attach(&event_loop)?;
            LOOPS.with_borrow_mut(|loops| {
                loops.retain(|(known, calls)| *known != address && calls.strong_count() > 0);
                loops.push((address, Arc::downgrade(&calls)));
            });
            Ok((event_loop, calls))
        }
    }
}

/// Begins a call, and gives back the future of its result: an `asyncio.Future` of the running loop.
pub(crate) fn start<'py>(py: Python<'py>, mut work: impl Work + 'static) -> PyResult<Bound<'py, PyAny>> {
    let (event_loop, calls) = of_running_loop(py)?;
    let future = event_loop.call_method0(intern!(py, "create_future"))?;
    let (number, waker) = calls.reserve();
    match work.poll(py, &mut Context::from_waker(&waker)) {
        Poll::Pending => calls.put(number, Call { work: Box::new(work), future: future.clone().unbind() }),
        Poll::Ready(result) => {
            calls.release(number);
            complete(&future, result)?;
        }
    }
    Ok(future)
}

/// Gives a future its result. One that was cancelled has no use for it.
pub(super) fn complete(future: &Bound<'_, PyAny>, result: PyResult<Py<PyAny>>) -> PyResult<()> {
    let py = future.py();
    let given = match result {
        Ok(value) => future.call_method1(intern!(py, "set_result"), (value,)),
        Err(error) => future.call_method1(intern!(py, "set_exception"), (error,)),
    };
    match given {
        Err(_) if future.call_method0(intern!(py, "done"))?.is_truthy()? => Ok(()),
        given => given.map(drop),
    }
}
