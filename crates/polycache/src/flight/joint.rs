//! A future that all waiters drive: whichever of them is polled polls it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use super::leader::wake;
use super::sync::Mutex;

/// Such a future, as the table of flights keeps it.
pub(super) struct Joint<T>(Arc<Shared<T>>);

struct Shared<T> {
    state: Mutex<State<T>>,
}

struct State<T> {
    work: Work<T>,
    /// Whether it was woken while somebody polled it.
    woken: bool,
    /// The wakers of the waiters.
    wakers: Vec<(u64, Waker)>,
    next: u64,
}

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

enum Work<T> {
    Rests(Boxed<T>),
    /// Somebody polls it just now.
    Polled,
    /// It is over. The result is here until it is taken.
    Done(Option<T>),
}

/// A future for one waiter. It is ready when the work is done.
pub(super) struct Follower<T> {
    joint: Joint<T>,
    ticket: Option<u64>,
}

impl<T: Send + 'static> Joint<T> {
    pub(super) fn new(work: impl Future<Output = T> + Send + 'static) -> Self {
        let state = State { work: Work::Rests(Box::pin(work)), woken: false, wakers: Vec::new(), next: 0 };
        Self(Arc::new(Shared { state: Mutex::new(state) }))
    }

    pub(super) fn follow(&self) -> Follower<T> {
        Follower { joint: self.clone(), ticket: None }
    }

    /// The result, for its owner.
    pub(super) fn take(&self) -> Option<T> {
        match &mut self.0.state.lock().work {
            Work::Done(result) => result.take(),
            Work::Rests(_) | Work::Polled => None,
        }
    }

    pub(super) fn is_done(&self) -> bool {
        matches!(self.0.state.lock().work, Work::Done(_))
    }

    /// Drops the unfinished work, unless somebody polls it.
    pub(super) fn abandon(&self) {
        let (work, wakers) = {
            let mut state = self.0.state.lock();
            if !matches!(state.work, Work::Rests(_)) {
                return;
            }
            (std::mem::replace(&mut state.work, Work::Done(None)), std::mem::take(&mut state.wakers))
        };
        drop(work);
        wake_all(wakers);
    }

    fn poll(&self, ticket: &mut Option<u64>, context: &Context<'_>) -> Poll<()> {
        let waker = context.waker().clone();
        let mut replaced = None;
        let work = {
            let mut state = self.0.state.lock();
            if let Work::Done(_) = state.work {
                return Poll::Ready(());
            }
            state.leave(ticket, waker, &mut replaced);
            match std::mem::replace(&mut state.work, Work::Polled) {
                Work::Rests(work) => work,
                // Another waiter polls it, and then wakes them all.
                _ => return Poll::Pending,
            }
        };
        drop(replaced);
        let mut turn = Turn { shared: &self.0, work: Some(work) };
        turn.poll(&Waker::from(Arc::clone(&self.0)))
    }
}

impl<T> State<T> {
    /// Leaves a waker, in place of the one that was left before.
    fn leave(&mut self, ticket: &mut Option<u64>, waker: Waker, replaced: &mut Option<Waker>) {
        let own = *ticket.get_or_insert_with(|| {
            self.next += 1;
            self.next
        });
        match self.wakers.iter_mut().find(|(ticket, _)| *ticket == own) {
            Some((_, kept)) => *replaced = Some(std::mem::replace(kept, waker)),
            None => self.wakers.push((own, waker)),
        }
    }
}

/// One poll of the work, outside of the lock. If the work panics it is over.
struct Turn<'a, T> {
    shared: &'a Shared<T>,
    work: Option<Boxed<T>>,
}

impl<T> Turn<'_, T> {
    fn poll(&mut self, waker: &Waker) -> Poll<()> {
        let Some(work) = &mut self.work else { return Poll::Pending };
        let Poll::Ready(result) = work.as_mut().poll(&mut Context::from_waker(waker)) else {
            let woken = {
                let mut state = self.shared.state.lock();
                if let Some(work) = self.work.take() {
                    state.work = Work::Rests(work);
                }
                // Its wake-up came during this poll, and the polling waiter may not come again.
                if std::mem::take(&mut state.woken) { std::mem::take(&mut state.wakers) } else { Vec::new() }
            };
            wake_all(woken);
            return Poll::Pending;
        };
        self.end(Some(result));
        Poll::Ready(())
    }

    fn end(&mut self, result: Option<T>) {
        // Dropped before anybody is woken.
        drop(self.work.take());
        let wakers = {
            let mut state = self.shared.state.lock();
            state.work = Work::Done(result);
            std::mem::take(&mut state.wakers)
        };
        wake_all(wakers);
    }
}

impl<T> Drop for Turn<'_, T> {
    fn drop(&mut self) {
        if self.work.is_some() {
            self.end(None);
        }
    }
}

impl<T: Send + 'static> Wake for Shared<T> {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let wakers = {
            let mut state = self.state.lock();
            if let Work::Polled = state.work {
                state.woken = true;
                return;
            }
            std::mem::take(&mut state.wakers)
        };
        wake_all(wakers);
    }
}

fn wake_all(wakers: Vec<(u64, Waker)>) {
    wake(wakers.into_iter().map(|(_, waker)| waker));
}

impl<T> Clone for Joint<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Send + 'static> Future for Follower<T> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Self { joint, ticket } = &mut *self;
        joint.poll(ticket, context)
    }
}

impl<T> Drop for Follower<T> {
    fn drop(&mut self) {
        let Some(own) = self.ticket else { return };
        let waker = {
            let mut state = self.joint.0.state.lock();
            let place = state.wakers.iter().position(|(ticket, _)| *ticket == own);
            place.map(|place| state.wakers.swap_remove(place))
        };
        drop(waker);
    }
}
