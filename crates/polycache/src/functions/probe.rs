//! Finds out, where a macro is expanded, whether an error can be copied.
//!
//! `(&Probe::<E>::new()).share()` takes the method of the first trait if `E` has its bounds, and else that of the second, which takes one
//! reference more: the technique that David Tolnay describes as autoref-based specialization
//! (<https://github.com/dtolnay/case-studies/blob/master/autoref-specialization/README.md>).

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use super::failure::Share;

/// Asks about a type.
pub struct Probe<E>(PhantomData<fn() -> E>);

impl<E> Probe<E> {
    /// About `E`.
    #[must_use]
    #[allow(clippy::new_without_default, reason = "only macros make one")]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

/// How an error is shared, if it is.
pub struct Sharing<E>(pub(super) Option<Share<E>>);

/// Errors that can be copied from another thread.
pub trait Shared<E> {
    /// By copies.
    fn share(&self) -> Sharing<E>;
}

impl<E: Clone + Send + Sync + 'static> Shared<E> for Probe<E> {
    fn share(&self) -> Sharing<E> {
        Sharing(Some(|error| {
            let error = error.clone();
            Arc::new(move || error.clone())
        }))
    }
}

/// All others.
pub trait Unshared<E> {
    /// Not at all.
    fn share(&self) -> Sharing<E>;
}

impl<E> Unshared<E> for &Probe<E> {
    fn share(&self) -> Sharing<E> {
        Sharing(None)
    }
}

impl<E> Clone for Sharing<E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for Sharing<E> {}

impl<E> fmt::Debug for Probe<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Probe")
    }
}

impl<E> fmt::Debug for Sharing<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sharing").field(&self.0.is_some()).finish()
    }
}
