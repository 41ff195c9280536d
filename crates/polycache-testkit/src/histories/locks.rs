//! Locks: no two processes hold one.

use std::sync::{Arc, Mutex, PoisonError};

use polycache::locks::RedLockGuard;

#[derive(Debug)]
pub(super) struct Locks(Vec<Mutex<Vec<Holder>>>);

#[derive(Debug)]
struct Holder {
    process: usize,
    epoch: u64,
    guard: Arc<RedLockGuard>,
}

impl Locks {
    pub(super) fn new(number: usize) -> Self {
        Self((0..number).map(|_| Mutex::default()).collect())
    }

    /// Notes a holder. Returns another process that believes to hold the lock too, if there is one.
    pub(super) fn hold(&self, lock: usize, process: usize, epoch: u64, guard: &Arc<RedLockGuard>) -> Option<usize> {
        let mut holders = self.0[lock].lock().unwrap_or_else(PoisonError::into_inner);
        let other = holders.iter().find(|other| other.epoch == epoch && other.guard.is_held() && guard.is_held());
        let other = other.map(|other| other.process);
        holders.push(Holder { process, epoch, guard: Arc::clone(guard) });
        other
    }

    pub(super) fn give_up(&self, lock: usize, guard: &Arc<RedLockGuard>) {
        let mut holders = self.0[lock].lock().unwrap_or_else(PoisonError::into_inner);
        holders.retain(|holder| !Arc::ptr_eq(&holder.guard, guard));
    }
}
