//! The contract of a plugin: hooks around every command, and events.

mod command;

use std::any::Any;
use std::fmt::Debug;
use std::time::Duration;

pub use self::command::{Answer, Command, Outcome};
use crate::Reply;
use crate::events::{Event, EventKinds};

/// Hooks that run before and after every command of a cache, and events that no command shows.
///
/// Hooks of several plugins run in the order in which the plugins were given. A hook that has nothing to wait for returns
/// `Reply::ready(..)`; if all hooks do, a command on the memory backend is done when its call returns. A hook reaches the cache through
/// [`Command::cache`], on which no plugin runs.
///
/// The time of hooks counts against the timeout of the call. If the operation has used it up, `after` hooks still run until they first
/// have to wait.
///
/// ```
/// use polycache::{Cache, Command, CommandName, Error, ErrorKind, Held, Plugin, Reply};
///
/// /// Lets nobody clear.
/// #[derive(Debug)]
/// struct NoClear;
///
/// impl Plugin for NoClear {
///     fn before(&self, command: &Command<'_>) -> Reply<Held> {
///         match command.name() {
///             CommandName::Clear => Reply::error(Error::new(ErrorKind::Refused, "this cache isn't cleared")),
///             _ => Reply::ready(Held::NOTHING),
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
    /// Runs before the command. An error stops it: neither the operation nor the `before` of later plugins runs, and the caller gets the
    /// error.
    ///
    /// [`after`](Self::after) gets what this returns. If the call is cancelled in between, it is dropped.
    fn before(&self, command: &Command<'_>) -> Reply<Held> {
        let _ = command;
        Reply::ready(Held::NOTHING)
    }

    /// Runs after the command, whether it succeeded, failed or was stopped. `outcome` is what the caller gets: a miss, if
    /// [`on_error`](crate::CacheBuilder::on_error) makes one of a failure. `took` is the time since before the first hook. The command
    /// has happened: an error here becomes a `tracing` event, and the caller gets the command's own result. `held` is what
    /// [`before`](Self::before) has returned; nothing, if that hasn't run or has failed.
    fn after(&self, command: &Command<'_>, outcome: &Outcome<'_>, took: Duration, held: Held) -> Reply<()> {
        let _ = (command, outcome, took, held);
        Reply::ready(())
    }

    /// The kinds of [events](crate::events) that the plugin wants; none by default. Asked once, when the plugin is built into a cache or
    /// a view.
    fn events(&self) -> EventKinds {
        EventKinds::NONE
    }

    /// Gets an event that no command shows. Called where it happens, on any thread: in a caller's task, in a connection's task, on the
    /// thread that frees expired entries. So it should be quick: a connection whose task waits here answers nobody meanwhile. No lock is
    /// held. A panic becomes a `tracing` event.
    ///
    /// A plugin gets computations and closings that go through its own view; and removed entries and connections anywhere in the backend.
    fn event(&self, event: &Event<'_>) {
        let _ = event;
    }
}

/// A value that a plugin holds from [`before`](Plugin::before) to [`after`](Plugin::after): a span, a timer, a permit. Holding nothing
/// costs nothing.
///
/// ```
/// use polycache::Held;
///
/// let mut held = Held::new(7_u8);
/// assert_eq!(held.take::<String>(), None);
/// assert_eq!(held.take::<u8>(), Some(7));
/// assert_eq!(held.take::<u8>(), None);
/// ```
#[derive(Default)]
pub struct Held(Option<Box<dyn Any + Send>>);

impl Held {
    /// Nothing.
    pub const NOTHING: Self = Self(None);

    /// Holds this value. It is dropped with the `Held`, unless somebody takes it.
    #[must_use]
    pub fn new<T: Any + Send>(value: T) -> Self {
        Self(Some(Box::new(value)))
    }

    /// Takes the value, if it is there and a `T`.
    #[must_use]
    pub fn take<T: Any + Send>(&mut self) -> Option<T> {
        match self.0.take()?.downcast() {
            Ok(value) => Some(*value),
            Err(other) => {
                self.0 = Some(other);
                None
            }
        }
    }

    pub(crate) fn is_nothing(&self) -> bool {
        self.0.is_none()
    }
}

impl Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.is_nothing() { "Held(nothing)" } else { "Held(..)" })
    }
}
