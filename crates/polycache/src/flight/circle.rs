//! Computations that would wait for themselves: one that asks for its own key, or some that ask for each other's.
//!
//! A computation polls its own calls within its poll. So a thread keeps the flights whose computations it is polling, the outermost first.
//! A caller that begins to wait within them is noted with the flight that it waits for, in a graph of who waits for whom. A caller that
//! would close a circle in the graph doesn't wait.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::sending::Seat;

/// A flight of any cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Node {
    flights: usize,
    hash: u64,
    id: u64,
}

/// The flights that one computation is for: one, or those of a bulk call.
#[derive(Debug, Clone)]
pub(super) enum Computes {
    One(Node),
    Many(Arc<[Node]>),
}

thread_local! {
    /// The computations that this thread is polling, each within the previous one.
    static POLLED: RefCell<Vec<Computes>> = const { RefCell::new(Vec::new()) };
}

/// Who waits for whom. Waiters outside of computations aren't in it.
static WAITS: Mutex<Option<HashMap<Node, Vec<Node>>>> = Mutex::new(None);

/// A computation is being polled until this is dropped.
pub(super) struct Turn(());

/// The computations that a task of one's own works for.
///
/// A computation that asks for the key that it computes would wait for its own end, and the cache has such a call compute for itself. It
/// sees the call because the computation polls it. A computation that has another task do its work tells whose work that is: it takes
/// `Inside::current`, and the task polls its calls by [`poll`](Self::poll).
///
/// ```
/// use polycache::{Cache, Inside};
/// use std::convert::Infallible;
/// use std::future::poll_fn;
/// use std::pin::pin;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let cache = Cache::memory();
/// let outer = cache.get_or_set("k", || async {
///     let (inside, cache) = (Inside::current(), cache.clone());
///     let task = tokio::spawn(async move {
///         let mut inner = pin!(cache.get_or_set("k", || async { Ok::<i32, Infallible>(1) }));
///         poll_fn(|context| inside.poll(|| inner.as_mut().poll(context))).await
///     });
///     Ok::<i32, Infallible>(task.await.unwrap().unwrap() + 1)
/// });
/// assert_eq!(outer.await, Ok(2)); // not for ever
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Inside(Arc<[Computes]>);

impl Inside {
    /// The computations that this thread is polling.
    #[must_use]
    pub fn current() -> Self {
        Self(POLLED.try_with(|polled| polled.borrow().as_slice().into()).unwrap_or_default())
    }

    /// Polls a call as a part of these computations.
    pub fn poll<T>(&self, poll: impl FnOnce() -> T) -> T {
        let _turns: Vec<Turn> = self.0.iter().cloned().map(Turn::begin).collect();
        poll()
    }
}

/// Computations wait for a flight until this is dropped.
#[derive(Debug)]
pub(super) struct Awaited {
    by: Vec<Node>,
    flight: Node,
}

/// Waiting would never end.
#[derive(Debug)]
pub(super) struct Circle;

impl Node {
    pub(super) fn of(seat: &Seat) -> Self {
        Self { flights: Arc::as_ptr(&seat.flights).addr(), hash: seat.spot.hash, id: seat.spot.id }
    }
}

impl Computes {
    fn nodes(&self) -> &[Node] {
        match self {
            Self::One(node) => std::slice::from_ref(node),
            Self::Many(nodes) => nodes,
        }
    }
}

impl Turn {
    pub(super) fn begin(computes: Computes) -> Self {
        // Fails only while the thread ends.
        let _ = POLLED.try_with(|polled| polled.borrow_mut().push(computes));
        Self(())
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let _ = POLLED.try_with(|polled| polled.borrow_mut().pop());
    }
}

/// Whether a computation is being polled on this thread.
pub(super) fn is_within() -> bool {
    POLLED.try_with(|polled| !polled.borrow().is_empty()).unwrap_or(false)
}

/// Notes that the computations that are being polled wait for this flight. `None` where no computation is being polled.
pub(super) fn wait_for(flight: Node) -> Result<Option<Box<Awaited>>, Circle> {
    let by = POLLED.try_with(|polled| polled.borrow().iter().flat_map(Computes::nodes).copied().collect());
    let by: Vec<Node> = by.unwrap_or_default();
    if by.is_empty() {
        return Ok(None);
    }
    let mut waits = WAITS.lock();
    let waits = waits.get_or_insert_default();
    let (mut open, mut seen) = (vec![flight], Vec::new());
    while let Some(node) = open.pop() {
        if by.contains(&node) {
            return Err(Circle);
        }
        if !seen.contains(&node) {
            seen.push(node);
            open.extend(waits.get(&node).into_iter().flatten());
        }
    }
    for node in &by {
        waits.entry(*node).or_default().push(flight);
    }
    Ok(Some(Box::new(Awaited { by, flight })))
}

impl Drop for Awaited {
    fn drop(&mut self) {
        let mut waits = WAITS.lock();
        let Some(waits) = waits.as_mut() else { return };
        for node in &self.by {
            let Some(flights) = waits.get_mut(node) else { continue };
            if let Some(place) = flights.iter().position(|flight| *flight == self.flight) {
                flights.swap_remove(place);
            }
            if flights.is_empty() {
                waits.remove(node);
            }
        }
    }
}
