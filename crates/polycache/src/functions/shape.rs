//! What a cached function returns, and what of it is stored.

use std::convert::Infallible;
use std::fmt;
use std::marker::PhantomData;

use crate::{Readable, Storable};

/// What a function may return to be cached; every type with these bounds is.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be cached",
    note = "a cached value is `Clone + Send + Sync + 'static`, and serde's `Serialize` and `Deserialize`, or is a `polycache::Value`",
    note = "of a `Result` the value in `Ok` is cached; with `cache_errors` all of it"
)]
pub trait Cacheable: Storable + Readable {}

#[diagnostic::do_not_recommend]
impl<T: Storable + Readable> Cacheable for T {}

/// How what a function returns is taken apart into a value to store or an error. [`Whole`] or [`Fallible`].
#[diagnostic::on_unimplemented(
    message = "what this function returns can't be taken apart",
    note = "a type called `Result` is taken for that of the standard library, of which what is in `Ok` is stored; another one is stored whole with `cache_errors`",
    note = "its value is `Send + Sync + 'static`, and its error `Send + 'static`"
)]
pub trait Shape: sealed::Sealed + 'static {
    /// What the function returns.
    type Return;
    /// What is stored.
    type Value: Send + Sync + 'static;
    /// What isn't.
    type Error: Send + 'static;

    /// The value or the error.
    #[doc(hidden)]
    fn split(returned: Self::Return) -> Result<Self::Value, Self::Error>;

    /// What the function would have returned.
    #[doc(hidden)]
    fn join(result: Result<Self::Value, Self::Error>) -> Self::Return;
}

/// All that the function returns is stored, whatever it is.
pub struct Whole<R>(PhantomData<fn() -> R>);

/// The function returns a [`Result`], of which what is in `Ok` is stored.
pub struct Fallible<R>(PhantomData<fn() -> R>);

impl<T: Send + Sync + 'static> Shape for Whole<T> {
    type Return = T;
    type Value = T;
    type Error = Infallible;

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

    fn split(returned: Result<T, E>) -> Result<T, E> {
        returned
    }

    fn join(result: Result<T, E>) -> Result<T, E> {
        result
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

mod sealed {
    pub trait Sealed {}

    impl<R> Sealed for super::Whole<R> {}
    impl<R> Sealed for super::Fallible<R> {}
}
