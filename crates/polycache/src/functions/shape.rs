//! What a cached function returns, and which part of it is stored.

use std::convert::Infallible;
use std::fmt;
use std::marker::PhantomData;

use crate::cache::{Encoded, Live};

/// How a function's result is split into a value to store or an error: [`Whole`] or [`Fallible`], or one of them in [`Objects`].
#[diagnostic::on_unimplemented(
    message = "what this function returns can't be taken apart",
    note = "a type called `Result` is taken for that of the standard library, of which what is in `Ok` is stored; another one is stored whole with `cache_errors`",
    note = "its value is `Send + Sync + 'static`, and its error `Send + 'static`"
)]
pub trait Shape: sealed::Sealed + 'static {
    /// What the function returns.
    type Return;
    /// The value, which is stored.
    type Value: Send + Sync + 'static;
    /// The error, which isn't stored.
    type Error: Send + 'static;
    /// The form of the stored value: [`Encoded`] or [`Live`].
    type Form: Send + Sync + 'static;

    /// This type. Macros write it so that a type that is no shape gives one error: without `Itself`, nothing is left to complain of.
    #[doc(hidden)]
    type Itself;

    /// The value or the error.
    #[doc(hidden)]
    fn split(returned: Self::Return) -> Result<Self::Value, Self::Error>;

    /// The function's result again.
    #[doc(hidden)]
    fn join(result: Result<Self::Value, Self::Error>) -> Self::Return;
}

/// The function's whole result is stored.
pub struct Whole<R>(PhantomData<fn() -> R>);

/// The function returns a [`Result`]. The value in `Ok` is stored.
pub struct Fallible<R>(PhantomData<fn() -> R>);

/// Like the shape `S`, for a value that is an `Arc<T>`, or an `Arc<T>` for each of many keys. It is kept as a live object, without serde.
pub struct Objects<S>(PhantomData<fn() -> S>);

impl<T: Send + Sync + 'static> Shape for Whole<T> {
    type Return = T;
    type Value = T;
    type Error = Infallible;
    type Form = Encoded;
    type Itself = Self;

    fn split(returned: T) -> Result<T, Infallible> {
        Ok(returned)
    }

    fn join(result: Result<T, Infallible>) -> T {
        match result {
            Ok(value) => value,
            Err(never) => match never {},
        }
    }
}

impl<T: Send + Sync + 'static, E: Send + 'static> Shape for Fallible<Result<T, E>> {
    type Return = Result<T, E>;
    type Value = T;
    type Error = E;
    type Form = Encoded;
    type Itself = Self;

    fn split(returned: Result<T, E>) -> Result<T, E> {
        returned
    }

    fn join(result: Result<T, E>) -> Result<T, E> {
        result
    }
}

impl<S: Shape> Shape for Objects<S> {
    type Return = S::Return;
    type Value = S::Value;
    type Error = S::Error;
    type Form = Live;
    type Itself = Self;

    fn split(returned: S::Return) -> Result<S::Value, S::Error> {
        S::split(returned)
    }

    fn join(result: Result<S::Value, S::Error>) -> S::Return {
        S::join(result)
    }
}

impl<R> fmt::Debug for Whole<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Whole")
    }
}

impl<R> fmt::Debug for Fallible<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fallible")
    }
}

impl<S> fmt::Debug for Objects<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Objects")
    }
}

mod sealed {
    pub trait Sealed {}

    impl<R> Sealed for super::Whole<R> {}
    impl<R> Sealed for super::Fallible<R> {}
    impl<S> Sealed for super::Objects<S> {}
}
