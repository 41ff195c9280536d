//! The callers' side.

use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};

use tokio::runtime::Handle;
use tokio::time::{Sleep, sleep};

use crate::call::{Alone, Call, Sent};
use crate::line::LOOK;
use crate::options::ConnectionOptions;
use crate::protocol::{Failure, Protocol, Request};
use crate::shared::{Outcome, Phase, Shared, State};

/// The weight of a call in the queue beside its bytes: its slot and the head of its reply.
const CALL_WEIGHT: usize = 256;

/// A connection to one server, made when it is needed and made again when it is lost. Any number of tasks may use it at once.
///
/// Callers write their requests into a buffer behind one lock, and wait in a slot. One task sends the buffered requests together, and puts
/// the replies into the slots. Dropping the connection closes it as [`close`](Self::close) does.
pub struct Connection<P: Protocol> {
    shared: Arc<Shared<P>>,
}

impl<P: Protocol> Connection<P> {
    /// A connection that isn't made before the first call.
    pub fn new(protocol: P, options: ConnectionOptions) -> Self {
        Self { shared: Arc::new(Shared::new(protocol, options)) }
    }

    /// The protocol, which knows the server.
    pub fn protocol(&self) -> &P {
        &self.shared.protocol
    }

    /// How often in a row the connection was lost or couldn't be made; 0 while it stands. An idle connection's loss may be noticed only
    /// with a heartbeat, or by the next call before it sends.
    pub fn failures(&self) -> u32 {
        self.shared.failures.load(Ordering::Relaxed)
    }

    /// Sends a request, and waits for its reply. A request that was lost with its connection, and is safe to repeat, is sent once more.
    ///
    /// # Errors
    /// Why there is no reply, and what became of the request.
    #[inline]
    pub fn call<'a, R: Request<P>>(&'a self, request: &'a R) -> Call<'a, P, R> {
        Call::new(self, request)
    }

    pub(crate) fn shared(&self) -> &Arc<Shared<P>> {
        &self.shared
    }

    /// Sends several requests together. The replies come in the order of the requests.
    pub async fn call_many<R: Request<P>>(&self, requests: &[R]) -> Vec<Outcome<P>> {
        let mut calls = Vec::with_capacity(requests.len());
        let mut rest = requests;
        let portion = self.shared.options.max_queue / 4;
        while !rest.is_empty() {
            let mut weight = 0;
            let fits = rest.iter().take_while(|request| {
                weight += self.weight(*request) as usize;
                weight <= portion
            });
            let (now, later) = rest.split_at(fits.count().max(1));
            rest = later;
            self.send_all(now, u32::MAX, &mut calls).await;
        }
        let mut outcomes = Vec::with_capacity(calls.len());
        for (request, call) in requests.iter().zip(calls) {
            let first = match call {
                Ok(sent) => sent.await,
                Err(error) => Err(Failure::not_sent(error)),
            };
            outcomes.push(match first {
                Err(failure) if failure.again => self.queued(request).await,
                outcome => outcome,
            });
        }
        outcomes
    }

    /// As `call_many`, but all requests go over one connection, so the server executes them in this order. Lost requests are sent again all
    /// or none.
    pub async fn call_in_order<R: Request<P>>(&self, requests: &[R]) -> Vec<Outcome<P>> {
        let begun = poll_fn(|context| Poll::Ready(Alone::begin(&self.shared, requests, context))).await;
        let first = match begun {
            Some(alone) => {
                let (mut outcomes, calls) = alone.await;
                for call in calls {
                    outcomes.push(call.await);
                }
                outcomes
            }
            None => self.send_in_order(requests).await,
        };
        let again = |outcome: &Outcome<P>| outcome.as_ref().is_err_and(|failure| failure.again);
        if first.iter().all(again) { self.send_in_order(requests).await } else { first }
    }

    async fn send_in_order<R: Request<P>>(&self, requests: &[R]) -> Vec<Outcome<P>> {
        let mut calls = Vec::with_capacity(requests.len());
        // All of them must fit into the queue.
        let most = self.shared.options.max_queue / requests.len().max(1);
        self.send_all(requests, u32::try_from(most).unwrap_or(u32::MAX), &mut calls).await;
        let mut outcomes = Vec::with_capacity(calls.len());
        for call in calls {
            outcomes.push(match call {
                Ok(sent) => sent.await,
                Err(error) => Err(Failure::not_sent(error)),
            });
        }
        outcomes
    }

    /// Begins to connect, unless the connection stands or is being made, or a pause after a failure isn't over.
    pub fn nudge(&self) {
        self.shared.nudge();
    }

    /// Whether calls fail at once because a call has waited in vain for the server and nothing has come since, see
    /// [`in_vain`](crate::in_vain).
    pub fn is_silent(&self) -> bool {
        matches!(self.shared.state.lock().phase, Phase::Silent { .. })
    }

    /// Whether the connection stands, and its task hasn't run since this was last asked. It runs twice in a heartbeat, unless its runtime
    /// isn't driven: then nothing is read.
    pub fn has_stood_still(&self) -> bool {
        let turns = self.shared.turns.load(Ordering::Relaxed);
        let seen = self.shared.turns_seen.swap(turns, Ordering::Relaxed);
        turns == seen && matches!(self.shared.state.lock().phase, Phase::Open | Phase::Silent { .. })
    }

    /// Makes the connection anew. Requests under way are still answered on the old one; later ones go to the new one.
    pub fn renew(&self) {
        self.wake_after(|state| state.renew = true);
    }

    /// Refuses further calls. Calls under way are still answered, then the connection ends.
    pub fn close(&self) {
        self.wake_after(|state| state.phase = Phase::Closed);
    }

    fn wake_after(&self, change: impl FnOnce(&mut State<P>)) {
        let mut state = self.shared.state.lock();
        self.shared.is_quiet.store(false, Ordering::Release);
        change(&mut state);
        self.shared.wake_driver(state);
    }

    /// A call that waits for room in the queue.
    #[cold]
    pub(crate) fn queued<'a, R: Request<P>>(
        &'a self,
        request: &'a R,
    ) -> Pin<Box<dyn Future<Output = Outcome<P>> + Send + 'a>> {
        let weight = self.weight(request);
        Box::pin(async move {
            let slot =
                self.queue(weight, |state| state.push(request, weight, None)).await.map_err(Failure::not_sent)?;
            Sent::new(&self.shared, slot).await
        })
    }

    pub(crate) fn weight<R: Request<P>>(&self, request: &R) -> u32 {
        let weight = request.weight().saturating_add(CALL_WEIGHT).min(self.shared.options.max_queue);
        u32::try_from(weight).unwrap_or(u32::MAX)
    }

    /// Queues requests at once, each with a weight of `most` at most.
    async fn send_all<'a, R: Request<P>>(
        &'a self,
        requests: &[R],
        most: u32,
        calls: &mut Vec<Result<Sent<'a, P>, P::Error>>,
    ) {
        let weigh = |request: &R| self.weight(request).min(most);
        let weight: u32 = requests.iter().map(weigh).sum();
        let push = |state: &mut State<P>| {
            requests.iter().map(|request| state.push(request, weigh(request), None)).collect::<Vec<_>>()
        };
        match self.queue(weight, push).await {
            Ok(slots) => calls.extend(slots.into_iter().map(|slot| Ok(Sent::new(&self.shared, slot)))),
            Err(error) => calls.extend(requests.iter().map(|_| Err(error.clone()))),
        }
    }

    /// Has `push` queue requests of this weight, once there is room for them. Their replies give the room back.
    async fn queue<T>(&self, weight: u32, push: impl Fn(&mut State<P>) -> T) -> Result<T, P::Error> {
        match self.shared.enqueue(weight, |state| state.has_room(weight), &push)? {
            Some(pushed) => Ok(pushed),
            None => Box::pin(self.queue_in_turn(weight, push)).await,
        }
    }

    async fn queue_in_turn<T>(&self, weight: u32, push: impl Fn(&mut State<P>) -> T) -> Result<T, P::Error> {
        let mut waiting = Waiting { shared: &self.shared, ticket: None };
        let mut alarm = pin!(pause());
        poll_fn(|context| {
            if let Some(pushed) = waiting.look(weight, &push, context)? {
                return Poll::Ready(Ok(pushed));
            }
            // Without a timer it looks only when it is woken.
            while rings(alarm.as_mut(), context) {
                alarm.set(pause());
            }
            Poll::Pending
        })
        .await
    }
}

/// A timer for the next look, if the runtime has timers.
fn pause() -> Option<Sleep> {
    let _runtime = Handle::try_current().ok()?;
    // Only the panic tells a runtime without timers.
    catch_unwind(|| sleep(LOOK)).ok()
}

fn rings(pause: Pin<&mut Option<Sleep>>, context: &mut Context<'_>) -> bool {
    let Some(pause) = pause.as_pin_mut() else { return false };
    // The poll panics if the timer's runtime has ended.
    catch_unwind(AssertUnwindSafe(|| pause.poll(context).is_ready())).unwrap_or(false)
}

/// A caller who waits for room in the queue.
struct Waiting<'a, P: Protocol> {
    shared: &'a Arc<Shared<P>>,
    /// The caller's place in the line.
    ticket: Option<u64>,
}

impl<P: Protocol> Waiting<'_, P> {
    fn look<T>(
        &mut self,
        weight: u32,
        push: impl FnOnce(&mut State<P>) -> T,
        context: &Context<'_>,
    ) -> Result<Option<T>, P::Error> {
        let Self { shared, ticket } = self;
        let waker = context.waker().clone();
        let mut old = Vec::new();
        let is_turn = |state: &mut State<P>| {
            let room = state.room;
            shared.is_quiet.store(false, Ordering::Release);
            state.line.look(ticket, weight as usize, room, waker, &mut old)
        };
        let pushed = shared.enqueue(weight, is_turn, push)?;
        if pushed.is_none() {
            // Others wait for a caller who is alone: the driver, once woken, makes that call one like any other.
            shared.wake_driver(shared.state.lock());
        }
        Ok(pushed)
    }
}

impl<P: Protocol> Drop for Waiting<'_, P> {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket else { return };
        let mut wakers = Vec::new();
        let own = {
            let mut state = self.shared.state.lock();
            let own = state.line.leave(ticket);
            self.shared.give_room(&mut state, 0, &mut wakers);
            own
        };
        drop(own);
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl<P: Protocol> Drop for Connection<P> {
    fn drop(&mut self) {
        self.close();
    }
}

impl<P: Protocol> fmt::Debug for Connection<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let phase = match self.shared.state.lock().phase {
            Phase::Idle => "Idle",
            Phase::Opening => "Opening",
            Phase::Open => "Open",
            Phase::Silent { .. } => "Silent",
            Phase::Pausing { .. } => "Pausing",
            Phase::Closed => "Closed",
        };
        f.debug_struct("Connection").field("phase", &phase).finish_non_exhaustive()
    }
}
