//! The macros of [polycache](https://docs.rs/polycache): use them from there.

mod borrowed;
mod cached;
mod function;
mod key;
mod literals;
mod multi;
mod options;
mod tags;
mod template;

use proc_macro::TokenStream;

/// Caches what an async function returns.
///
/// ```
/// use polycache::cached;
/// # #[derive(Debug, Clone, PartialEq)] struct DbError;
/// # #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)] struct User { id: u64 }
///
/// #[cached(ttl = "60s", key = "user:{id}")]
/// async fn user(id: u64) -> Result<User, DbError> {
///     if id == 0 { Err(DbError) } else { Ok(User { id }) } // from the database
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
/// assert_eq!(user(7).await, Ok(User { id: 7 })); // computed
/// assert_eq!(user(7).await, Ok(User { id: 7 })); // from the cache
/// assert_eq!(user(7).refresh().await, Ok(User { id: 7 })); // computed, and stored anew
/// assert_eq!(user(0).await, Err(DbError)); // an error isn't stored
/// user(7).invalidate().await?;
/// # Ok(()) }
/// ```
///
/// The function returns a `CachedCall`, a future that can be told to do otherwise first: `refresh()`, `read_only()`, `write_behind()`,
/// `uncached()`. `invalidate()` deletes the value; `key()` and `cache()` return its key and its cache. Calls that miss a key at the same
/// time compute once.
///
/// The returned type has to be `Clone`, `Send`, `Sync`, `'static` and serde's `Serialize` and `Deserialize`, or with `object` an `Arc` of
/// any type. Of a `Result` this holds for the value, and the error may be any type that is `Send`. The `Result` must be written by that
/// name: another name, as of `type DbResult<T> = Result<T, E>`, doesn't compile without `cache_errors`.
///
/// | option | |
/// |---|---|
/// | `alias = "name"` | the cache: of that alias among `polycache::caches()`; `default` where nothing is said |
/// | `url = "memory://?max_entries=100"` | a cache of its own, made at first use |
/// | `cache = expression` | a `Cache`, or a reference to one; may use the arguments, as in `self.cache` |
/// | `key = "user:{id}"` | the key, from arguments and their fields (`{user.id}`), in the format language of `std::fmt`; take `{name:?}` where a text may hold what separates it from the next |
/// | `key_builder = function` | makes the key of references to all arguments; a closure need not name their types |
/// | neither | the key is the path of the function and all its arguments, which need serde |
/// | `skip(db, request)` | leaves these arguments out of a key that is made of all |
/// | `noself` | leaves `self` out of such a key |
/// | `ttl = "60s"` | how long a value lives: a text as in configurations, a number of seconds, or an expression of `Duration` or `Ttl` |
/// | `ttl_from = function` | the same from a reference to the value |
/// | `grace = "1h"` | how long a value stays after its TTL, for when the function fails: see `CacheBuilder::grace` |
/// | `soft_timeout = "200ms"` | how long a caller waits before it takes a stale value: see `CacheBuilder::soft_timeout`; the call is `detached` |
/// | `hard_timeout = "2s"` | how long a caller waits at most: see `CacheBuilder::hard_timeout`; the error has `From<polycache::Error>` |
/// | `refresh_early = 0.8` | past this part of its TTL, a value is given and computed anew in the background: see `CacheBuilder::refresh_early`; the call is `detached` |
/// | `detached` | the function, once begun, goes on in a task if its caller leaves: its future is `Send` and borrows nothing |
/// | `tags = ["user:{id}", "team:{result.team}"]` | the tags of what is stored, for `Cache::clear_tag`; as `key`, and `result` is the computed value, unless an argument has that name |
/// | `skip_if = function` | doesn't store a value for which this returns true |
/// | `cache_errors` | stores a `Result` whole, errors too |
/// | `write_behind` | returns as soon as the value is computed; a task stores it |
/// | `object` | the value is an `Arc<T>`, kept in memory as it is and shared: `T` needs neither serde nor `Clone` |
/// | `crate = path` | the path of the library, if not `::polycache` |
///
/// Functions of `ttl_from` and `skip_if` are paths, or closures that capture nothing.
#[proc_macro_attribute]
pub fn cached(options: TokenStream, item: TokenStream) -> TokenStream {
    cached::expand(options.into(), item.into(), cached::Kind::Cached).into()
}

/// Caches what an async function returns, and computes it once across all processes that share the cache.
///
/// ```
/// use polycache::cached_stampede;
///
/// #[cached_stampede(lease = "2s", ttl = "10m")]
/// async fn report(year: u16) -> String {
///     format!("the report of {year}") // takes a while
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// assert_eq!(report(2026).await, "the report of 2026");
/// # }
/// ```
///
/// As [`cached`](macro@cached), with one more option: `lease = "2s"`, how long other processes wait after the computing one has died. Two
/// seconds by default. The lease is renewed while the function runs. On a cache that only this process uses it makes no difference.
///
/// Whoever writes to these keys in another way should use a cache with a lease too (`lease` in its configuration, or of its builder):
/// otherwise another process may store after the write what it computed before it.
#[proc_macro_attribute]
pub fn cached_stampede(options: TokenStream, item: TokenStream) -> TokenStream {
    cached::expand(options.into(), item.into(), cached::Kind::Stampede).into()
}

/// Caches what an async function returns for each of many keys, and calls it for those that are missing.
///
/// ```
/// use polycache::multi_cached;
/// use std::collections::HashMap;
/// # #[derive(Debug, Clone, PartialEq)] struct DbError;
///
/// #[multi_cached(keys = ids, key = "user:{ids}", ttl = "60s")]
/// async fn users(ids: &[u64]) -> Result<HashMap<u64, String>, DbError> {
///     // One query to the database, for those that aren't in the cache.
///     Ok(ids.iter().map(|id| (*id, format!("user {id}"))).collect())
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
/// users(&[1, 2]).await.unwrap();
/// let users = users(&[2, 3]).await.unwrap(); // the function is called with 3
/// assert_eq!(users[&2], "user 2");
/// # Ok(()) }
/// ```
///
/// `keys` names the argument with the keys: a slice or a `Vec`. The function returns a `HashMap`, a `BTreeMap` or a `Vec` of pairs, or one
/// of them in a `Result`; keys that it leaves out have no value, and nothing is stored for them. In `key`, in `tags` and for `key_builder`
/// that argument stands for one key, and in `tags` `result` for its value. The other arguments have to be `Clone`, as the function may be
/// called again for keys that other callers have given up. The function's future has to be `Send`.
///
/// The other options are those of [`cached`](macro@cached), without `cache_errors`. After a soft timeout keys with a stale value are given
/// it, and the call waits for the others. Where it is `detached`, the keys may still be a slice: they are copied. The call returned is a
/// `MultiCall`: the same methods, but `keys()` in place of `key()`.
#[proc_macro_attribute]
pub fn multi_cached(options: TokenStream, item: TokenStream) -> TokenStream {
    multi::expand(options.into(), item.into()).into()
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
