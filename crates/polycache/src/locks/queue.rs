//! The queue of a process for a lock: first come, first served.
//!
//! A member of the queue looks several times a second. One that hasn't looked for a while is passed over: a future that nobody polls
//! keeps no free lock from the others.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use compact_str::CompactString;
use parking_lot::Mutex;
use tokio::time::{Instant, sleep};

use crate::lease::Until;
use crate::unique::unheard_of;

/// How often the members of a queue look.
const LOOK: Duration = Duration::from_millis(100);

/// A member that hasn't looked for this long is passed over. A member that is itself this late passes nobody over: the same cause may have
/// held up both.
const ABSENT: Duration = Duration::from_millis(350);
const LATE: Duration = Duration::from_millis(250);

/// How long a queue remembers that its lock was given back.
const REMEMBERED: Duration = Duration::from_secs(1);

/// The queues of a cache, with its clones and views: one for each lock that this process wants, has, or had a moment ago.
pub(crate) struct Queues {
    /// Tells this process from others.
    name: [u8; 8],
    queues: Mutex<HashMap<CompactString, Arc<Mutex<Queue>>>>,
}

#[derive(Debug, Default)]
struct Queue {
    next: u64,
    /// The first member has the lock, or is about to take it.
    members: BTreeMap<u64, Member>,
    /// When this process last gave the lock back.
    released: Option<Instant>,
}

#[derive(Debug)]
enum Member {
    Waits {
        seen: Instant,
        waker: Option<Waker>,
    },
    /// Has the lock; a lease lasts at least until this time.
    Holds(Option<Until>),
}

/// A place in a queue, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    queue: Arc<Mutex<Queue>>,
    ticket: u64,
}

impl Queues {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { name: unheard_of().to_be_bytes(), queues: Mutex::default() })
    }

    pub(super) fn name(&self) -> &[u8] {
        &self.name
    }

    /// The last place in the queue of this full key.
    pub(super) fn enter(&self, key: &str) -> Place {
        let queue = self.queue(key);
        let ticket = queue.lock().enter(None);
        Place { queue, ticket }
    }

    fn queue(&self, key: &str) -> Arc<Mutex<Queue>> {
        let mut queues = self.queues.lock();
        if let Some(queue) = queues.get(key) {
            return Arc::clone(queue);
        }
        if queues.len() == queues.capacity() {
            // Before the map grows: nobody wants most of these locks any more.
            let was_held =
                |queue: &Mutex<Queue>| queue.lock().released.is_some_and(|released| released.elapsed() < REMEMBERED);
            queues.retain(|_, queue| Arc::strong_count(queue) > 1 || was_held(queue));
        }
        Arc::clone(queues.entry(CompactString::new(key)).or_default())
    }
}

impl Queue {
    fn enter(&mut self, waker: Option<Waker>) -> u64 {
        self.next += 1;
        self.members.insert(self.next, Member::Waits { seen: Instant::now(), waker });
        self.next
    }

    /// Returns the waker of the first member.
    fn wake_first(&mut self) -> Option<Waker> {
        match self.members.first_entry()?.get_mut() {
            Member::Waits { waker, .. } => waker.take(),
            Member::Holds(_) => None,
        }
    }

    /// Removes the absent members at the head of the queue, up to this one.
    fn pass_over(&mut self, ticket: u64, now: Instant, passed: &mut Vec<Member>) {
        while let Some(first) = self.members.first_entry() {
            let is_absent = match first.get() {
                Member::Waits { seen, .. } => now.duration_since(*seen) > ABSENT,
                Member::Holds(until) => until.as_ref().is_some_and(Until::is_long_past),
            };
            if *first.key() >= ticket || !is_absent {
                return;
            }
            passed.push(first.remove());
        }
    }
}

impl Place {
    /// Waits until this place is the first.
    pub(super) async fn turn(&mut self) {
        self.look_often(|place, context| place.poll_turn(context)).await;
    }

    /// Runs `work` as the first member. `None` if this place was passed over.
    pub(super) async fn run<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        self.look_often(|place, context| match work.as_mut().poll(context) {
            Poll::Ready(result) => Poll::Ready(Some(result)),
            Poll::Pending if place.is_seen() => Poll::Pending,
            Poll::Pending => Poll::Ready(None),
        })
        .await
    }

    /// Notes that this place has the lock until the lease ends. Returns `false` if it was passed over before.
    pub(super) fn hold(&self, until: Option<Until>) -> bool {
        let mut queue = self.queue.lock();
        let Some(member) = queue.members.get_mut(&self.ticket) else { return false };
        let waited = std::mem::replace(member, Member::Holds(until));
        drop(queue);
        drop(waited);
        true
    }

    /// When this process last gave the lock back.
    pub(super) fn released(&self) -> Option<Instant> {
        self.queue.lock().released
    }

    pub(super) fn give_back(self) {
        self.queue.lock().released = Some(Instant::now());
    }

    async fn look_often<T>(&mut self, mut look: impl FnMut(&mut Self, &mut Context<'_>) -> Poll<T>) -> T {
        let mut pause = pin!(sleep(LOOK));
        poll_fn(|context| {
            if let Poll::Ready(found) = look(self, context) {
                return Poll::Ready(found);
            }
            while pause.as_mut().poll(context).is_ready() {
                pause.as_mut().reset(Instant::now() + LOOK);
            }
            Poll::Pending
        })
        .await
    }

    /// A member that was passed over begins again, as the last.
    fn poll_turn(&mut self, context: &Context<'_>) -> Poll<()> {
        let mut new = Some(context.waker().clone());
        let now = Instant::now();
        let mut passed = Vec::new();
        let mut replaced = None;
        let is_first = {
            let mut queue = self.queue.lock();
            match queue.members.get_mut(&self.ticket) {
                Some(Member::Waits { seen, waker }) => {
                    let in_time = now.duration_since(std::mem::replace(seen, now)) <= LATE;
                    replaced = std::mem::replace(waker, new.take());
                    if in_time {
                        queue.pass_over(self.ticket, now, &mut passed);
                    }
                }
                Some(Member::Holds(_)) => {}
                None => self.ticket = queue.enter(new.take()),
            }
            queue.members.first_key_value().is_some_and(|(first, _)| *first == self.ticket)
        };
        // Outside of the lock, since wakers are foreign code.
        drop((passed, replaced, new));
        if is_first { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Notes that this member has looked. Returns `false` if it was passed over before.
    fn is_seen(&self) -> bool {
        match self.queue.lock().members.get_mut(&self.ticket) {
            Some(Member::Waits { seen, .. }) => {
                *seen = Instant::now();
                true
            }
            Some(Member::Holds(_)) => true,
            None => false,
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let (own, next) = {
            let mut queue = self.queue.lock();
            (queue.members.remove(&self.ticket), queue.wake_first())
        };
        drop(own);
        if let Some(next) = next {
            next.wake();
        }
    }
}

impl fmt::Debug for Queues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queues").finish_non_exhaustive()
    }
}
