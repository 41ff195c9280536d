//! One connection that is kept alive: made at first use, watched, and made anew when it breaks.

use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use redis::RedisResult;
use redis::aio::MultiplexedConnection;
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

use super::connector::{Connector, Target};
use super::sentinel::is_replica;
use super::trouble::{Class, Failure, lost};
use crate::{Error, ErrorKind, Result};

/// The pause after a first failed attempt to connect; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A connection to a server, shared by all calls. It is made at first use, and again when it breaks, by a task that ends with
/// the line.
pub(super) struct Line {
    shared: Arc<Shared>,
    /// The task that keeps the connection; it moves to another runtime when its own ends.
    keeper: Mutex<Option<AbortHandle>>,
    /// The calls in flight that were counted.
    busy: AtomicUsize,
}

struct Shared {
    connector: Connector,
    target: Target,
    state: watch::Sender<State>,
    /// The connection stands, but leads to a replica.
    renew: Notify,
    /// How many connections were made so far, by whichever task.
    made: AtomicU64,
}

enum State {
    /// No task keeps the connection.
    Idle,
    Connecting,
    Up(Connection),
    /// The last attempt failed. Calls fail at once until a further one succeeds.
    Down(Error),
    Closed,
}

struct Connection {
    multiplexed: MultiplexedConnection,
    driver: AbortHandle,
    number: u64,
}

impl Connection {
    fn is_usable(&self, after: u64) -> bool {
        self.number > after && !self.driver.is_finished()
    }

    fn handle(&self) -> (MultiplexedConnection, u64) {
        (self.multiplexed.clone(), self.number)
    }
}

impl Line {
    pub(super) fn new(connector: Connector, target: Target) -> Self {
        let state = watch::Sender::new(State::Idle);
        let shared = Shared { connector, target, state, renew: Notify::new(), made: AtomicU64::new(0) };
        Self { shared: Arc::new(shared), keeper: Mutex::new(None), busy: AtomicUsize::new(0) }
    }

    /// The calls in flight that were counted.
    pub(super) fn busy(&self) -> usize {
        self.busy.load(Ordering::Relaxed)
    }

    /// Counts a call until it is dropped.
    pub(super) fn count(&self) -> Busy<'_> {
        self.busy.fetch_add(1, Ordering::Relaxed);
        Busy(&self.busy)
    }

    /// Sends something, and gives its answer. A call that the loss of the connection leaves without one is repeated once if it only
    /// reads.
    pub(super) async fn send<T, F>(&self, class: Class, send: impl Fn(MultiplexedConnection) -> F) -> Result<T, Failure>
    where
        F: Future<Output = RedisResult<T>>,
    {
        let (connection, number) = match self.standing() {
            Some(standing) => standing,
            None => self.connection(0).await.map_err(Failure::NotSent)?,
        };
        let error = match send(connection).await {
            Ok(answer) => return Ok(answer),
            Err(error) if class != Class::Read => error,
            Err(_) => {
                let (connection, _) = self.connection(number).await.map_err(Failure::NotSent)?;
                match send(connection).await {
                    Ok(answer) => return Ok(answer),
                    Err(error) => error,
                }
            }
        };
        Err(Failure::Lost(lost(class, error)))
    }

    /// Looks for the primary again: the server says that it is a replica.
    pub(super) fn renew(&self) {
        if matches!(self.shared.target, Target::Primary) {
            self.shared.renew.notify_one();
        }
    }

    /// Ends the connection for good, and every call in flight.
    pub(super) fn close(&self) {
        self.shared.state.send_replace(State::Closed);
        if let Some(keeper) = self.keeper.lock().unwrap_or_else(PoisonError::into_inner).take() {
            keeper.abort();
        }
    }

    /// The connection, newer than number `after`, with its own number; waits while one is being made, and fails at once between
    /// attempts.
    async fn connection(&self, after: u64) -> Result<(MultiplexedConnection, u64)> {
        let mut states = self.shared.state.subscribe();
        loop {
            match &*states.borrow_and_update() {
                State::Up(connection) if connection.is_usable(after) => return Ok(connection.handle()),
                State::Down(error) => return Err(error.clone()),
                State::Closed => return Err(Error::new(ErrorKind::Closed, "the Redis backend was closed")),
                State::Up(_) | State::Idle | State::Connecting => {}
            }
            self.ensure_keeper()?;
            // The sender is a field of this line.
            let _ = states.changed().await;
        }
    }

    /// The connection, if it stands, as it does for nearly every call.
    fn standing(&self) -> Option<(MultiplexedConnection, u64)> {
        match &*self.shared.state.borrow() {
            State::Up(connection) if connection.is_usable(0) => Some(connection.handle()),
            _ => None,
        }
    }

    fn ensure_keeper(&self) -> Result<()> {
        let Ok(runtime) = Handle::try_current() else {
            let text = "connecting to Redis needs a tokio runtime; await the call inside one with `enable_all`";
            return Err(Error::new(ErrorKind::NoRuntime, text));
        };
        let mine = self.shared.state.send_if_modified(|state| {
            let idle = matches!(state, State::Idle);
            if idle {
                *state = State::Connecting;
            }
            idle
        });
        if mine {
            let keeper = runtime.spawn(keep(Arc::clone(&self.shared), Resign(Arc::clone(&self.shared))));
            *self.keeper.lock().unwrap_or_else(PoisonError::into_inner) = Some(keeper.abort_handle());
        }
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &*self.shared.state.borrow() {
            State::Idle => "idle",
            State::Connecting => "connecting",
            State::Up(_) => "up",
            State::Down(_) => "down",
            State::Closed => "closed",
        };
        f.debug_struct("Line").field("target", &self.shared.target).field("state", &state).finish_non_exhaustive()
    }
}

/// A call that is counted while it is in flight.
pub(super) struct Busy<'a>(&'a AtomicUsize);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Says that nobody keeps the connection any more, when the keeper's task ends in whatever way: with its runtime, for one.
struct Resign(Arc<Shared>);

impl Drop for Resign {
    fn drop(&mut self) {
        self.0.state.send_if_modified(|state| {
            let open = !matches!(state, State::Closed);
            if open {
                *state = State::Idle;
            }
            open
        });
    }
}

/// Ends a connection's driver, and with it every call in flight on it.
struct EndDriver(AbortHandle);

impl Drop for EndDriver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn keep(shared: Arc<Shared>, _resign: Resign) {
    let mut failures = 0;
    loop {
        // A runtime without I/O or timers can't be told apart but by the panic.
        let made = AssertUnwindSafe(shared.connector.connect(&shared.target)).catch_unwind().await;
        match made {
            Ok(Ok((multiplexed, driver))) => {
                failures = 0;
                let number = shared.made.fetch_add(1, Ordering::Relaxed) + 1;
                let mut driver = tokio::spawn(driver);
                let _end = EndDriver(driver.abort_handle());
                let connection = Connection { multiplexed, driver: driver.abort_handle(), number };
                let heartbeat = heartbeat(&shared, connection.multiplexed.clone());
                shared.turn(State::Up(connection));
                tokio::select! {
                    _ = &mut driver => tracing::debug!(target = ?shared.target, "the connection to Redis ended"),
                    () = heartbeat => tracing::warn!(target = ?shared.target, "Redis doesn't answer; connecting anew"),
                    () = shared.renew.notified() => tracing::debug!(target = ?shared.target, "connecting to Redis anew"),
                }
                shared.turn(State::Connecting);
            }
            Ok(Err(error)) => {
                tracing::warn!(%error, "can't connect to Redis");
                shared.turn(State::Down(error));
                sleep(pause(failures)).await;
                failures += 1;
            }
            Err(_) => {
                let text =
                    "connecting to Redis panicked; build the tokio runtime with `enable_all`, for I/O and timers";
                shared.turn(State::Down(Error::new(ErrorKind::NoRuntime, text)));
                // Until this runtime ends, and another one can do better.
                return std::future::pending().await;
            }
        }
    }
}

impl Shared {
    fn turn(&self, next: State) {
        self.state.send_if_modified(|state| {
            let open = !matches!(state, State::Closed);
            if open {
                *state = next;
            }
            open
        });
    }
}

/// Doubles with each failure, up to a bound; a random half of it is taken off, so that many clients don't come back at once.
fn pause(failures: u32) -> Duration {
    let whole = FIRST_PAUSE.saturating_mul(1 << failures.min(10)).min(LONGEST_PAUSE);
    whole.mul_f64(0.5 + fastrand::f64() / 2.0)
}

/// Returns when the server has stopped answering, or is no longer the primary it was taken for.
async fn heartbeat(shared: &Shared, mut connection: MultiplexedConnection) {
    let every = shared.connector.config.heartbeat;
    if every.is_zero() {
        return std::future::pending().await;
    }
    let sentinels = matches!(shared.target, Target::Primary);
    let mut command = redis::Cmd::new();
    command.arg(if sentinels { "ROLE" } else { "PING" });
    loop {
        sleep(every).await;
        match timeout(every, connection.send_packed_command(&command)).await {
            Ok(Ok(role)) if sentinels && is_replica(&role) => return,
            // An error of the server's is an answer too.
            Ok(Ok(_)) => {}
            // The driver has ended, which the keeper sees by itself.
            Ok(Err(_)) => return std::future::pending().await,
            Err(_) => return,
        }
    }
}
