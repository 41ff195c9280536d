//! The tokio runtime that drives the connections of this process: one thread, made when it is first needed.

use std::io;

use parking_lot::Mutex;
use tokio::runtime::{Builder, Handle};

use crate::fork;
use crate::graveyard::FOREIGN;

/// A handle on the runtime of the process that asked for it.
#[derive(Debug, Clone)]
pub(crate) struct Runtime {
    pub(crate) handle: Handle,
    pub(crate) generation: u64,
}

/// Only held by threads that are attached to the interpreter, so no thread holds it while another forks.
static CURRENT: Mutex<Option<(Runtime, tokio::runtime::Runtime)>> = Mutex::new(None);

/// Host names are looked up on these.
const BLOCKING_THREADS: usize = 4;

/// The runtime of this process.
pub(crate) fn runtime() -> io::Result<Runtime> {
    let mut current = CURRENT.lock();
    if let Some((runtime, _)) = &*current {
        return Ok(runtime.clone());
    }
    let made = Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(BLOCKING_THREADS)
        .thread_name(format!("{FOREIGN}io"))
        .enable_all()
        .build()?;
    let runtime = Runtime { handle: made.handle().clone(), generation: fork::generation() };
    *current = Some((runtime.clone(), made));
    Ok(runtime)
}

/// In the child of a fork: the parent's runtime has no thread here, and its sockets are the parent's.
pub(super) fn after_fork_in_child() {
    std::mem::forget(CURRENT.lock().take());
}
