//! Locks by means of a cache: [`RedLock`] keeps others out, [`OptimisticLock`] tells whether anybody wrote in between.

mod guard;
mod optimistic;
mod queue;
mod red;

pub use self::guard::RedLockGuard;
pub use self::optimistic::OptimisticLock;
pub(crate) use self::queue::Queues;
pub use self::red::RedLock;
