//! A macro that writes the operations that a wrapper doesn't change.

/// Writes the operations that a wrapper passes on: all of [`Backend`](crate::backend::Backend) but the listed ones, which the wrapper
/// writes itself. It stands inside of the `impl`, with the field that holds the inner backend:
///
/// ```
/// use polycache::backend::{self, Backend, Key, SetOptions};
/// use polycache::backends::memory::Memory;
/// use polycache::{Cache, Reply, Value};
///
/// /// Prints what is stored.
/// #[derive(Debug)]
/// struct Loud<B>(B);
///
/// impl<B: Backend> Backend for Loud<B> {
///     backend::forward!(self.0, all but [set]);
///
///     fn set(&self, key: Key<'_>, value: Value, options: SetOptions) -> Reply<bool> {
///         println!("{} is stored", key.full());
///         self.0.set(key, value, options)
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
/// let cache = Cache::builder().backend(Loud(Memory::new())).build()?;
/// cache.set("k", 1).await?;
/// assert_eq!(cache.get::<i32>("k").await?, Some(1));
/// # Ok(()) }
/// ```
///
/// The compiler finds every mistake: a listed operation that isn't written is missing from the `impl`, one that is written and not listed
/// is there twice, and a listed name that no operation has is refused:
///
/// ```compile_fail
/// # use polycache::backend::{self, Backend};
/// # #[derive(Debug)] struct Loud<B>(B);
/// impl<B: Backend> Backend for Loud<B> {
///     backend::forward!(self.0, all but [sett]); // `sett` is no operation of a backend
/// }
/// ```
///
/// An operation that the trait gets later is passed on, too. A wrapper that must not let a new operation by, such as one that encrypts,
/// writes out all of them instead.
///
/// - `info` is passed on. A wrapper that can do less than the inner backend, or has a name of its own, keeps a
///   [`BackendInfo`](crate::backend::BackendInfo), lists `info`, and returns its own.
/// - [`ending_leases`](crate::backend::Backend::ending_leases) is *not* passed on, and can't be listed: the inner backend's handle would
///   write past the wrapper. Without this method, the cache ends leases in a step before each write, and has leases only if it is told
///   to. A wrapper that holds an `Arc<dyn Backend>`, and can be made around another one, keeps the inner backend's ability:
///
/// ```
/// use polycache::backend::{self, Backend, Holder};
/// use std::sync::Arc;
///
/// #[derive(Debug)]
/// struct Wrapper {
///     inner: Arc<dyn Backend>,
/// }
///
/// impl Backend for Wrapper {
///     backend::forward!(self.inner, all but []);
///
///     fn ending_leases(&self, holder: &Holder) -> Option<Arc<dyn Backend>> {
///         Some(Arc::new(Self { inner: self.inner.ending_leases(holder)? }))
///     }
/// }
/// ```
///
/// - Neither is [`tracked`](crate::backend::Backend::tracked), for the same reason: without this method nothing is tracked.
#[doc(hidden)]
#[macro_export]
macro_rules! __forward {
    ($self:ident . $($field:tt).+ , all but [$($own:ident)*]) => {
        $($crate::__forward_known!($own);)*
        $crate::__forward_ops! {
            ($self $($field).+) [$($own)*]
            info get look multi_get set multi_set increment expire delete multi_delete clear scan raw close listen clears
        }
    };
}

/// Refuses names that no operation has.
#[doc(hidden)]
#[macro_export]
macro_rules! __forward_known {
    (info) => {};
    (get) => {};
    (look) => {};
    (multi_get) => {};
    (set) => {};
    (multi_set) => {};
    (increment) => {};
    (expire) => {};
    (delete) => {};
    (multi_delete) => {};
    (clear) => {};
    (scan) => {};
    (raw) => {};
    (close) => {};
    (listen) => {};
    (clears) => {};
    (ending_leases) => {
        ::std::compile_error!("`ending_leases` is never forwarded: write it, and leave it out of the list");
    };
    (tracked) => {
        ::std::compile_error!("`tracked` is never forwarded: write it, and leave it out of the list");
    };
    ($other:ident) => {
        ::std::compile_error!(::std::concat!("`", ::std::stringify!($other), "` is no operation of a backend"));
    };
}

/// Each operation with the whole list, which `macro_rules` can't repeat inside of a repetition over the operations.
#[doc(hidden)]
#[macro_export]
macro_rules! __forward_ops {
    ($place:tt $own:tt $($op:ident)*) => {
        $($crate::__forward_op!($op $place $own);)*
    };
}

/// One operation: nothing if the list has its name, which is searched word by word.
#[doc(hidden)]
#[macro_export]
macro_rules! __forward_op {
    (info $place:tt [info $($own:ident)*]) => {};
    (get $place:tt [get $($own:ident)*]) => {};
    (look $place:tt [look $($own:ident)*]) => {};
    (multi_get $place:tt [multi_get $($own:ident)*]) => {};
    (set $place:tt [set $($own:ident)*]) => {};
    (multi_set $place:tt [multi_set $($own:ident)*]) => {};
    (increment $place:tt [increment $($own:ident)*]) => {};
    (expire $place:tt [expire $($own:ident)*]) => {};
    (delete $place:tt [delete $($own:ident)*]) => {};
    (multi_delete $place:tt [multi_delete $($own:ident)*]) => {};
    (clear $place:tt [clear $($own:ident)*]) => {};
    (scan $place:tt [scan $($own:ident)*]) => {};
    (raw $place:tt [raw $($own:ident)*]) => {};
    (close $place:tt [close $($own:ident)*]) => {};
    (listen $place:tt [listen $($own:ident)*]) => {};
    (clears $place:tt [clears $($own:ident)*]) => {};
    ($op:ident $place:tt [$other:ident $($own:ident)*]) => {
        $crate::__forward_op!($op $place [$($own)*]);
    };
    (info $place:tt []) => {
        $crate::__forward_fn!($place info() -> &$crate::backend::BackendInfo);
    };
    (get $place:tt []) => {
        $crate::__forward_fn!($place get(key: $crate::backend::Key<'_>) -> $crate::Reply<Option<$crate::Value>>);
    };
    (look $place:tt []) => {
        $crate::__forward_fn!($place look(key: $crate::backend::Key<'_>, want: $crate::backend::Want) -> $crate::Reply<Option<$crate::backend::Found>>);
    };
    (multi_get $place:tt []) => {
        $crate::__forward_fn!($place multi_get(keys: &[$crate::backend::Key<'_>], want: $crate::backend::Want) -> $crate::Reply<Vec<Option<$crate::backend::Found>>>);
    };
    (set $place:tt []) => {
        $crate::__forward_fn!($place set(key: $crate::backend::Key<'_>, value: $crate::Value, options: $crate::backend::SetOptions) -> $crate::Reply<bool>);
    };
    (multi_set $place:tt []) => {
        $crate::__forward_fn!($place multi_set(entries: Vec<$crate::backend::Entry<'_>>) -> $crate::Reply<()>);
    };
    (increment $place:tt []) => {
        $crate::__forward_fn!($place increment(key: $crate::backend::Key<'_>, delta: i64, ttl: $crate::Ttl) -> $crate::Reply<i64>);
    };
    (expire $place:tt []) => {
        $crate::__forward_fn!($place expire(key: $crate::backend::Key<'_>, ttl: $crate::Ttl) -> $crate::Reply<bool>);
    };
    (delete $place:tt []) => {
        $crate::__forward_fn!($place delete(key: $crate::backend::Key<'_>, when: $crate::backend::When) -> $crate::Reply<bool>);
    };
    (multi_delete $place:tt []) => {
        $crate::__forward_fn!($place multi_delete(keys: &[$crate::backend::Key<'_>]) -> $crate::Reply<u64>);
    };
    (clear $place:tt []) => {
        $crate::__forward_fn!($place clear(prefix: &str) -> $crate::Reply<()>);
    };
    (scan $place:tt []) => {
        $crate::__forward_fn!($place scan(prefix: &str, pattern: &$crate::backend::Pattern, cursor: Option<$crate::backend::Cursor>) -> $crate::Reply<$crate::backend::Page>);
    };
    (raw $place:tt []) => {
        $crate::__forward_fn!($place raw(command: &str, args: &[&[u8]]) -> $crate::Reply<$crate::Raw>);
    };
    (close $place:tt []) => {
        $crate::__forward_fn!($place close() -> $crate::Reply<()>);
    };
    (listen $place:tt []) => {
        $crate::__forward_fn!($place listen(listener: $crate::events::Listener) -> ());
    };
    (clears $place:tt []) => {
        $crate::__forward_fn!($place clears() -> Option<::std::sync::Arc<$crate::backend::Clears>>);
    };
}

/// A method that calls the same method of the inner backend.
#[doc(hidden)]
#[macro_export]
macro_rules! __forward_fn {
    (($self:ident $($inner:tt)+) $op:ident($($argument:ident: $type:ty),*) -> $answer:ty) => {
        #[inline]
        fn $op(&$self, $($argument: $type),*) -> $answer {
            $self.$($inner)+.$op($($argument),*)
        }
    };
}
