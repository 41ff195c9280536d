//! Finds out, where a macro is expanded, whether an error can be copied, and whether a type is a `Result`, whatever it is called.
//!
//! `(&Probe::<E>::new()).share()` takes the method of the first trait if `E` has its bounds, and else that of the second, which takes one
//! reference more: the technique that David Tolnay describes as autoref-based specialization
//! (<https://github.com/dtolnay/case-studies/blob/master/autoref-specialization/README.md>).

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use serde_core::Serialize;

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

impl<T, E> Probe<Result<T, E>> {
    /// Of a `Result`: found before the method of [`Plain`].
    #[must_use]
    pub const fn kind(&self) -> AResult {
        AResult
    }
}

/// All types; asked where it is no `Result`, or can't be told.
pub trait Plain {
    /// No `Result`.
    fn kind(&self) -> NoResult;
}

impl<R> Plain for Probe<R> {
    fn kind(&self) -> NoResult {
        NoResult
    }
}

/// What may be part of a key that is made of all arguments.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be part of a key",
    label = "serde's `Serialize` isn't implemented for this argument",
    note = "make the key of the arguments that tell values apart: `key = \"user:{{id}}\"`",
    note = "or leave this one out of the key: `skip(name)`, for `self` `noself`"
)]
pub trait InKey<Kind> {
    /// What is written.
    type Written<'a>: Serialize
    where
        Self: 'a;

    /// A reference to it.
    fn written(&self) -> Self::Written<'_>;
}

/// The kind of all that serde knows.
#[derive(Debug, Clone, Copy)]
pub struct Known;

#[diagnostic::do_not_recommend]
impl<T: Serialize + ?Sized> InKey<Known> for T {
    type Written<'a>
        = &'a T
    where
        Self: 'a;

    #[inline]
    fn written(&self) -> &T {
        self
    }
}

/// No type has this.
pub trait Never {}

/// A second kind, which nothing is of. With one alone, the compiler would take it for that of any type, and complain once more where what is
/// written lacks `Serialize`.
#[diagnostic::do_not_recommend]
impl<T: Never + ?Sized> InKey<()> for T {
    type Written<'a>
        = ()
    where
        Self: 'a;

    fn written(&self) {}
}

/// The argument, as a part of the key.
#[inline]
pub fn in_key<Kind, T: InKey<Kind> + ?Sized>(argument: &T) -> T::Written<'_> {
    argument.written()
}

/// What a [`Result`] is.
#[derive(Debug, Clone, Copy)]
pub struct AResult;

/// What any other type is.
#[derive(Debug, Clone, Copy)]
pub struct NoResult;

/// What may be returned, and stored whole, unless `cache_errors` is said.
#[diagnostic::on_unimplemented(
    message = "a `Result` by another name, whose errors would be stored as values",
    label = "not called `Result`",
    note = "write it out, `Result<T, E>`, to have what is in `Ok` stored; or say `cache_errors` to have all of it stored"
)]
pub trait Returned {}

impl Returned for NoResult {}

/// Takes no `Result`.
pub fn returned<K: Returned>(_: K) {}

/// What may be a value among many, unless `skip_if` tells which are stored.
#[diagnostic::on_unimplemented(
    message = "the values of these keys are `Result`s, whose errors would be stored as values",
    label = "has a `Result` for each key",
    note = "return a `Result` of the collection, or leave out the keys that have no value; or say which values aren't stored: `skip_if = Result::is_err`"
)]
pub trait OneOfMany {}

impl OneOfMany for NoResult {}

/// Takes no `Result`.
pub fn one_of_many<K: OneOfMany>(_: K) {}

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
