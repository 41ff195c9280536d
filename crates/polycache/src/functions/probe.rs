//! Finds out where a macro is expanded: can an error be copied, and is a type a `Result`, whatever its name?
//!
//! `(&&&&Probe::<E>::new()).share()` takes the method of the first trait whose bounds `E` has; each is implemented for one reference less
//! than the one before. David Tolnay describes the technique as autoref-based specialization
//! (<https://github.com/dtolnay/case-studies/blob/master/autoref-specialization/README.md>).

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use serde_core::Serialize;

use super::failure::{Copies, Share};
use crate::Error;

/// Asks about a type.
pub struct Probe<E>(PhantomData<fn() -> E>);

impl<E> Probe<E> {
    /// A question about `E`.
    #[must_use]
    #[allow(clippy::new_without_default, reason = "only macros make one")]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

/// How an error is shared, if it is.
pub struct Sharing<E>(pub(super) Option<Share<E>>);

/// Errors that can be copied from another thread, and made from the cache's errors.
pub trait SharedOrMade<E> {
    /// Shares it by copies, and makes it.
    fn share(&self) -> Sharing<E>;
}

impl<E: Clone + From<Error> + Send + Sync + 'static> SharedOrMade<E> for &&&Probe<E> {
    fn share(&self) -> Sharing<E> {
        Sharing(Some(|error| match error {
            Ok(error) => Some(copies(error)),
            Err(error) => Some(made(error)),
        }))
    }
}

/// Errors that can be copied from another thread.
pub trait Shared<E> {
    /// Shares it by copies.
    fn share(&self) -> Sharing<E>;
}

impl<E: Clone + Send + Sync + 'static> Shared<E> for &&Probe<E> {
    fn share(&self) -> Sharing<E> {
        Sharing(Some(|error| error.ok().map(copies)))
    }
}

/// Errors that can be made from the cache's.
pub trait Made<E> {
    /// Makes it.
    fn share(&self) -> Sharing<E>;
}

impl<E: From<Error> + 'static> Made<E> for &Probe<E> {
    fn share(&self) -> Sharing<E> {
        Sharing(Some(|error| error.err().map(made)))
    }
}

/// All other errors.
pub trait Unshared<E> {
    /// Doesn't share it.
    fn share(&self) -> Sharing<E>;
}

impl<E> Unshared<E> for Probe<E> {
    fn share(&self) -> Sharing<E> {
        Sharing(None)
    }
}

fn copies<E: Clone + Send + Sync + 'static>(error: &E) -> Copies<E> {
    let error = error.clone();
    Arc::new(move || error.clone())
}

fn made<E: From<Error> + 'static>(error: Error) -> Copies<E> {
    Arc::new(move || E::from(error.clone()))
}

/// An error that tells a call's hard timeout.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't tell that a computation took too long",
    label = "not made from a `polycache::Error`",
    note = "with `hard_timeout` the function returns a `Result`, whose error has `From<polycache::Error>`"
)]
pub trait TellsTimeout {}

#[diagnostic::do_not_recommend]
impl<E: From<Error>> TellsTimeout for E {}

/// Takes an error that tells a timeout.
pub fn tells_timeout<E: TellsTimeout>() {}

impl<T, E> Probe<Result<T, E>> {
    /// The compiler finds this method before the one of [`Plain`].
    #[must_use]
    pub const fn kind(&self) -> AResult {
        AResult
    }
}

/// All types: asked about those that are no `Result` or aren't known.
pub trait Plain {
    /// The kind of a type that is no `Result`.
    fn kind(&self) -> NoResult;
}

impl<R> Plain for Probe<R> {
    fn kind(&self) -> NoResult {
        NoResult
    }
}

/// An argument that may be part of a key made of all arguments.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be part of a key",
    label = "serde's `Serialize` isn't implemented for this argument",
    note = "make the key of the arguments that tell values apart: `key = \"user:{{id}}\"`",
    note = "or leave this one out of the key: `skip(name)`, for `self` `noself`"
)]
pub trait InKey<Kind> {
    /// The form in which the key has the argument.
    type Written<'a>: Serialize
    where
        Self: 'a;

    /// The argument in that form.
    fn written(&self) -> Self::Written<'_>;
}

/// The kind of all arguments that implement `Serialize`.
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

/// No type implements this trait.
pub trait Never {}

/// A second kind, to which no type belongs. If there were only one, the compiler would take any type for it, and complain a second time
/// that what is written lacks `Serialize`.
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

/// The kind of a [`Result`].
#[derive(Debug, Clone, Copy)]
pub struct AResult;

/// The kind of any other type.
#[derive(Debug, Clone, Copy)]
pub struct NoResult;

/// The kind of types that may be returned and stored whole without `cache_errors`.
#[diagnostic::on_unimplemented(
    message = "a `Result` by another name, whose errors would be stored as values",
    label = "not called `Result`",
    note = "write it out, `Result<T, E>`, to have what is in `Ok` stored; or say `cache_errors` to have all of it stored"
)]
pub trait Returned {}

impl Returned for NoResult {}

/// Takes no `Result`.
pub fn returned<K: Returned>(_: K) {}

/// The kind of types that may be a value among many without `skip_if`.
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
