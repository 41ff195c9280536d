//! The lock and the counter of the table. A model checker puts its own in their place.

#[cfg(not(all(test, polycache_shuttle)))]
pub(super) use parking_lot::Mutex;
#[cfg(not(all(test, polycache_shuttle)))]
pub(super) use std::sync::atomic::{AtomicUsize, Ordering};

#[cfg(all(test, polycache_shuttle))]
pub(super) use self::modelled::Mutex;
#[cfg(all(test, polycache_shuttle))]
pub(super) use shuttle::sync::atomic::{AtomicUsize, Ordering};

#[cfg(all(test, polycache_shuttle))]
mod modelled {
    use shuttle::sync::MutexGuard;

    /// As parking_lot's: no poisoning.
    #[derive(Debug, Default)]
    pub(crate) struct Mutex<T>(shuttle::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(shuttle::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
        }
    }
}
