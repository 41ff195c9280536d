//! The contract of a plugin: hooks around every command.

use std::any::Any;
use std::fmt::Debug;
use std::time::Duration;

use crate::{Command, Outcome, Reply};

/// Hooks that run before and after every command of the caches it is built into.
///
/// Hooks of several plugins run in the order the plugins were given. A hook that has nothing to wait for returns
/// `Reply::ready(())`; with such hooks only, a command on the memory backend is done when its call returns. A hook reaches the
/// cache through [`Command::cache`], on which no plugin runs.
///
/// The time that hooks take counts against the timeout of the call. When the operation has used it up, `after` hooks still run,
/// up to where they first have to wait.
///
/// ```
/// use polycache::{Cache, Command, CommandName, Error, ErrorKind, Plugin, Reply};
///
/// /// Lets nobody clear.
/// #[derive(Debug)]
/// struct NoClear;
///
/// impl Plugin for NoClear {
///     fn before(&self, command: &Command<'_>) -> Reply<()> {
///         match command.name() {
///             CommandName::Clear => Reply::error(Error::new(ErrorKind::Refused, "this cache isn't cleared")),
///             _ => Reply::ready(()),
///         }
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
/// let cache = Cache::builder().plugin(NoClear).build()?;
/// cache.set("k", 1).await?;
/// assert_eq!(cache.clear().await.unwrap_err().to_string(), "clear: this cache isn't cleared");
/// assert!(cache.exists("k").await?);
/// # Ok(()) }
/// ```
pub trait Plugin: Any + Debug + Send + Sync {
    /// Runs before the command. An error stops it: neither the operation nor the hooks after this one run `before`, and the
    /// caller gets the error.
    fn before(&self, command: &Command<'_>) -> Reply<()> {
        let _ = command;
        Reply::ready(())
    }

    /// Runs after the command, whether it succeeded, failed or was stopped. `outcome` is what the caller gets: a miss, where
    /// [`on_error`](crate::CacheBuilder::on_error) makes one of a failure. `took` is the time since before the first hook. The command
    /// has happened: an error here becomes a `tracing` event, and the caller gets the command's own result.
    fn after(&self, command: &Command<'_>, outcome: &Outcome<'_>, took: Duration) -> Reply<()> {
        let _ = (command, outcome, took);
        Reply::ready(())
    }
}
