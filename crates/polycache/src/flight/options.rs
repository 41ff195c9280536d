//! The options of a call that computes. A type tells them, so that a hit carries none.

use std::fmt;
use std::marker::PhantomData;

use super::apart::Spawn;
use super::lead::Policy;
use crate::Error;

/// Options of a [`GetOrSet`](super::GetOrSet): `()` for none, or one around others. Sealed.
pub trait CallOptions<T, E, Fut, K>: private::Sealed
where
    T: Send + Sync + 'static,
    E: Send + Sync + 'static,
{
    #[doc(hidden)]
    const BEHIND: bool;
    #[doc(hidden)]
    const SPAWN: Option<Spawn<T, E, Fut>>;
    #[doc(hidden)]
    const TIMES_OUT: Option<fn(Error) -> E>;

    #[doc(hidden)]
    fn policy() -> Policy<T> {
        Policy { behind: Self::BEHIND, ..Policy::default() }
    }
}

/// After [`write_behind`](super::GetOrSet::write_behind).
pub struct Behind<O = ()>(PhantomData<fn() -> O>);

/// After [`detached`](super::GetOrSet::detached).
pub struct Detached<O = ()>(PhantomData<fn() -> O>);

/// After [`times_out`](super::GetOrSet::times_out).
pub struct TimesOut<O = ()>(PhantomData<fn() -> O>);

impl<T: Send + Sync + 'static, E: Send + Sync + 'static, Fut, K> CallOptions<T, E, Fut, K> for () {
    const BEHIND: bool = false;
    const SPAWN: Option<Spawn<T, E, Fut>> = None;
    const TIMES_OUT: Option<fn(Error) -> E> = None;
}

impl<T, E, Fut, K, O> CallOptions<T, E, Fut, K> for Behind<O>
where
    T: Send + Sync + 'static,
    E: Send + Sync + 'static,
    O: CallOptions<T, E, Fut, K>,
{
    const BEHIND: bool = true;
    const SPAWN: Option<Spawn<T, E, Fut>> = O::SPAWN;
    const TIMES_OUT: Option<fn(Error) -> E> = O::TIMES_OUT;
}

impl<T, E, Fut, K, O> CallOptions<T, E, Fut, K> for Detached<O>
where
    K: crate::cache::Form<T>,
    T: Clone + Send + Sync + 'static,
    E: Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<T, E>> + Send + 'static,
    O: CallOptions<T, E, Fut, K>,
{
    const BEHIND: bool = O::BEHIND;
    const SPAWN: Option<Spawn<T, E, Fut>> = Some(super::apart::spawn::<K, T, E, Fut>);
    const TIMES_OUT: Option<fn(Error) -> E> = O::TIMES_OUT;
}

impl<T, E, Fut, K, O> CallOptions<T, E, Fut, K> for TimesOut<O>
where
    T: Send + Sync + 'static,
    E: From<Error> + Send + Sync + 'static,
    O: CallOptions<T, E, Fut, K>,
{
    const BEHIND: bool = O::BEHIND;
    const SPAWN: Option<Spawn<T, E, Fut>> = O::SPAWN;
    const TIMES_OUT: Option<fn(Error) -> E> = Some(E::from);
}

macro_rules! markers {
    ($($name:ident)*) => {$(
        impl<O> fmt::Debug for $name<O> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(stringify!($name))
            }
        }

        impl<O> private::Sealed for $name<O> {}
    )*};
}

markers! { Behind Detached TimesOut }

mod private {
    pub trait Sealed {}

    impl Sealed for () {}
}
