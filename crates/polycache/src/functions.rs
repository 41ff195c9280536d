//! Cached functions: the calls that `#[cached]` and its siblings make of a function, and the same without a macro.
//!
//! A cached function returns a [`CachedCall`], or a [`MultiCall`] if it is about many keys. Awaited, it gives the function's result: from
//! the cache, or computed once for all who ask. Before that it can be told to do otherwise.
//!
//! ```
//! # #[cfg(feature = "macros")]
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
//! use polycache::cached;
//!
//! #[cached(ttl = "60s")]
//! async fn square(number: u64) -> u64 {
//!     number * number
//! }
//!
//! assert_eq!(square(7).await, 49); // computed
//! assert_eq!(square(7).await, 49); // from the cache
//! assert_eq!(square(7).refresh().await, 49); // computed, and stored anew
//! assert!(square(7).invalidate().await?);
//! # Ok(()) }
//! # #[cfg(not(feature = "macros"))] fn main() {}
//! ```
//!
//! The macros make one expression of the function's body: [`CallBuilder::new`], then [`compute`](CallBuilder::compute).
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! use polycache::Cache;
//! use polycache::functions::{CallBuilder, CachedCall, Whole};
//!
//! fn square(cache: &Cache, number: u64) -> CachedCall<Whole<u64>, impl Future<Output = u64>, &Cache> {
//!     CallBuilder::new(cache, format_args!("square:{number}")).compute(async move { number * number })
//! }
//!
//! assert_eq!(square(&Cache::memory(), 7).await, 49);
//! # }
//! ```

mod arguments;
mod cached;
mod call;
mod failure;
mod function_cache;
mod key_text;
mod multi;
mod names;
#[doc(hidden)]
pub mod probe;
mod ron_text;
mod shape;
mod source;
mod tags;

pub use self::arguments::Arguments;
pub use self::cached::{Cached, Work};
pub use self::call::{CachedCall, CallBuilder, One};
pub use self::function_cache::FunctionCache;
pub use self::multi::{Keyed, Many, MultiCall, Pairs};
pub use self::shape::{Fallible, Objects, Shape, Whole};
pub use self::source::CacheSource;
pub use crate::cache::{Encoded, Form, Live};
