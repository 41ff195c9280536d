//! The place for Python objects that are dropped on a thread that Python doesn't know.
//!
//! Expired entries leave the store on the engine's thread. It must not wait for the interpreter, which Python code may hold for
//! milliseconds at a time, once for each entry. So it leaves the objects here, and a thread of their own gives them back together. No
//! call is needed for that.

use std::sync::OnceLock;
use std::thread::{self, Thread};

use arc_swap::ArcSwapOption;
use parking_lot::Mutex;
use pyo3::prelude::*;

use crate::shutdown::Within;

/// The beginning of the names of threads that aren't Python's.
pub(crate) const FOREIGN: &str = "polycache-";

#[derive(Debug, Default)]
struct Graveyard {
    objects: Mutex<Vec<Py<PyAny>>>,
    thread: OnceLock<Option<Thread>>,
}

/// A fork gets another one: the child lacks the thread, and may find the lock locked.
static CURRENT: ArcSwapOption<Graveyard> = ArcSwapOption::const_empty();

thread_local! {
    static IS_FOREIGN: bool = thread::current().name().is_some_and(|name| name.starts_with(FOREIGN));
}

/// Gives an object back, on any thread. No lock may be held: its finalizer may call the cache.
#[inline]
pub(crate) fn give_back(object: Py<PyAny>) {
    // A thread whose locals are gone is ending; it is one of Python's.
    if IS_FOREIGN.try_with(|is_foreign| *is_foreign).unwrap_or(false) {
        bury(object);
    } else {
        Python::attach(|py| {
            let _within = Within::enter(py);
            object.drop_ref(py);
        });
    }
}

/// Gives an object back on a thread of its own: for where locks may be held.
#[cold]
pub(crate) fn bury(object: Py<PyAny>) {
    let graveyard = match CURRENT.load_full() {
        Some(graveyard) => graveyard,
        None => {
            CURRENT.rcu(|present| present.clone().or_else(|| Some(std::sync::Arc::default())));
            match CURRENT.load_full() {
                Some(graveyard) => graveyard,
                None => return std::mem::forget(object),
            }
        }
    };
    let is_first = {
        let mut objects = graveyard.objects.lock();
        objects.push(object);
        objects.len() == 1
    };
    if is_first {
        let spawn = || {
            let graveyard = std::sync::Arc::clone(&graveyard);
            let dig = thread::Builder::new().name(format!("{FOREIGN}drops")).spawn(move || graveyard.dig());
            Some(dig.ok()?.thread().clone())
        };
        if let Some(thread) = graveyard.thread.get_or_init(spawn) {
            thread.unpark();
        }
    }
}

impl Graveyard {
    fn dig(&self) {
        loop {
            let objects = std::mem::take(&mut *self.objects.lock());
            if objects.is_empty() {
                thread::park();
                continue;
            }
            let mut objects = Some(objects);
            let given_back = Python::try_attach(|py| {
                let _within = Within::enter(py);
                for object in objects.take().into_iter().flatten() {
                    object.drop_ref(py);
                }
            });
            if given_back.is_none() {
                // The interpreter is shutting down: the objects go with the process.
                std::mem::forget(objects);
            }
        }
    }
}

/// For the child of a fork.
pub(crate) fn after_fork_in_child() {
    std::mem::forget(CURRENT.swap(None));
}
