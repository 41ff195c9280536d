//! The tokio runtime that drives the connections of this process: one thread, made when it is first needed.

use std::io;
use std::sync::mpsc;
use std::time::Duration;

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

/// These threads look up host names.
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

/// The runtime of this process, if it has made one.
pub(super) fn present() -> Option<Runtime> {
    CURRENT.lock().as_ref().map(|(runtime, _)| runtime.clone())
}

/// How long a fork waits for the runtime's thread to stand still.
const HALT: Duration = Duration::from_millis(100);

/// The runtime's thread waits for this while it stands still.
static HALTED: Mutex<Option<mpsc::Sender<()>>> = Mutex::new(None);

/// Before a fork: makes the runtime's thread stand still, at a place where it holds no lock that the child would find locked for ever.
pub(super) fn before_fork() {
    let Some(runtime) = present() else { return };
    let (here, is_here) = mpsc::channel();
    let (go, gone) = mpsc::channel::<()>();
    runtime.handle.spawn(async move {
        // Either nobody waits any longer, or the thread is told to go on.
        let _ = here.send(());
        let _ = gone.recv();
    });
    // A thread that is busy for longer isn't waited for.
    let _ = is_here.recv_timeout(HALT);
    *HALTED.lock() = Some(go);
}

/// After a fork, in the parent: the runtime goes on.
pub(super) fn after_fork_in_parent() {
    drop(HALTED.lock().take());
}

/// In the child of a fork: the parent's runtime has no thread here, and its sockets are the parent's.
pub(super) fn after_fork_in_child() {
    std::mem::forget(HALTED.lock().take());
    std::mem::forget(CURRENT.lock().take());
}
