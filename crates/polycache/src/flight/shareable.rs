//! Errors of computations that several callers wait for.

/// The error of a computation that several callers may wait for; each gets a copy. Every type that is `Clone + Send + Sync + 'static`.
///
/// Put another error into an `Arc`:
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), std::sync::Arc<std::io::Error>> {
/// use std::sync::Arc;
///
/// async fn load() -> std::io::Result<String> {
///     Ok("from a file".to_owned()) // `io::Error` isn't `Clone`
/// }
///
/// let cache = polycache::Cache::memory();
/// let text = cache.get_or_set("text", || async { load().await.map_err(Arc::new) }).await?;
/// assert_eq!(text, "from a file");
/// # Ok(()) }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be shared by those who wait for the computation",
    label = "an error that isn't `Clone + Send + Sync + 'static`",
    note = "each of them gets a copy: derive `Clone` for the error, or put it into an `Arc`, by `.map_err(Arc::new)`",
    note = "a function with `#[cached]` may have any error that is `Send`: one that isn't `Clone` goes to its own caller alone"
)]
pub trait Shareable: Clone + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<E: Clone + Send + Sync + 'static> Shareable for E {}
