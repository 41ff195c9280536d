//! Many keys at once, each computed once for all who ask.
//!
//! A bulk call doesn't wait for another call's flight while it leads one, nor for a lease while it has one. So two bulk calls that want
//! each other's keys can't block each other.

use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::Part;
use super::circle::{Computes, Node, Turn};
use super::finish::{Finish, note};
use super::lead::{Policy, Terms, rescued};
use super::leader::Leader;
use super::multi_read::{Missing, once_each, read};
use super::pulse::Pulse;
use super::report::Wait;
use super::shareable::Shareable;
use super::tenure::Tenure;
use super::under_way::Task;
use super::waiter::{Arrival, Waiter};
use crate::backend::When;
use crate::cache::Form;
use crate::join::{Unordered, join_all};
use crate::{Cache, Reply};

/// The results of a bulk call, in the order of its keys.
pub(crate) type Results<T, E> = Vec<Result<Option<T>, E>>;

/// One bulk call on its way.
pub(super) struct Bulk<'a, T, E, F, Kept> {
    pub(super) cache: &'a Cache,
    pub(super) names: &'a [&'a str],
    pub(super) policy: Policy<T>,
    pub(super) compute: F,
    pub(super) results: Vec<Option<Result<Option<T>, E>>>,
    /// The caller who awaits the results, if a task computes them.
    pub(super) caller: Option<oneshot::Sender<Results<T, E>>>,
    pub(super) form: PhantomData<Kept>,
}

/// A key that this call leads, by its place among the names.
pub(super) struct Led<T: Send + Sync + 'static, E: Send + Sync + 'static> {
    pub(super) index: usize,
    pub(super) leader: Leader<T, E>,
    pub(super) when: When,
    pub(super) tenure: Option<Box<Tenure>>,
}

impl<T: Send + Sync + 'static, E: Send + Sync + 'static> Led<T, E> {
    pub(super) fn new(index: usize, leader: Leader<T, E>, when: When) -> Self {
        Self { index, leader, when, tenure: None }
    }
}

impl<'a, Kept, T, E, K, Values, F, Fut> Bulk<'a, T, E, F, Kept>
where
    Kept: Form<T>,
    T: Clone + Send + Sync + 'static,
    E: Shareable,
    K: AsRef<str>,
    Values: IntoIterator<Item = (K, T)>,
    F: FnMut(Vec<String>) -> Fut,
    Fut: Future<Output = Result<Values, E>>,
{
    pub(super) fn new(cache: &'a Cache, names: &'a [&'a str], policy: Policy<T>, compute: F) -> Self {
        let results = names.iter().map(|_| None).collect();
        Self { cache, names, policy, compute, results, caller: None, form: PhantomData }
    }

    /// Goes from what is missing to the results. With `None` all keys are computed, whatever is stored or computed by others; then no name
    /// may come twice.
    pub(super) async fn complete(&mut self, missing: Option<Vec<Missing>>) -> Results<T, E> {
        let mut missing = match missing {
            None => {
                self.lead_anew((0..self.names.len()).collect()).await;
                Vec::new()
            }
            Some(missing) => missing,
        };
        while !missing.is_empty() {
            let (firsts, copies) = once_each(missing);
            let mut again = self.round(firsts).await;
            for (index, first) in copies {
                if again.contains(&first) {
                    again.push(index);
                }
                self.results[index] = self.results[first].clone();
            }
            if again.is_empty() || self.caller.as_ref().is_some_and(oneshot::Sender::is_closed) {
                break;
            }
            missing = self.read(again).await;
        }
        self.results.iter_mut().map(|result| result.take().unwrap_or(Ok(None))).collect()
    }

    /// The same for a caller who may be gone.
    pub(super) async fn complete_for_caller(&mut self, missing: Option<Vec<Missing>>) {
        let results = self.complete(missing).await;
        if let Some(caller) = &mut self.caller {
            let (gone, _) = oneshot::channel();
            // A caller that is gone needs no results.
            let _ = std::mem::replace(caller, gone).send(results);
        }
    }

    /// Computes these keys, whose values are there, in so far as nobody else does.
    pub(super) async fn renew(&mut self, mut led: Vec<Led<T, E>>) {
        let pulse = Pulse::new();
        led.iter_mut().for_each(|one| one.leader.share(&pulse));
        let work = async {
            if Kept::lease_life(self.cache).is_some() {
                // Other processes compute the rest.
                drop(self.take_leases(&mut led, &pulse, true).await);
            } else {
                led = self.check(led, true).await;
            }
            self.lead(led).await;
        };
        pulse.of(work).await;
    }

    /// Takes what there is under these keys, and returns those that are missing.
    pub(super) async fn read(&mut self, open: Vec<usize>) -> Vec<Missing> {
        let found = read::<Kept, T>(self.cache, self.names, open, false).await;
        let mut missing = Vec::new();
        for (one, found) in found {
            match found {
                Ok((value, _)) => self.results[one.index] = Some(Ok(Some(value))),
                Err(when) => missing.push(Missing { when, ..one }),
            }
        }
        missing
    }

    /// Computes the missing keys, which are all different, and waits for others. Returns the keys that have to be read again.
    async fn round(&mut self, missing: Vec<Missing>) -> Vec<usize> {
        let (mut led, mut again, mut waits, mut alone) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for Missing { index, full, seen, when } in missing {
            match self.cache.flights().join(full.key()) {
                Part::Leads(leader, landings) => {
                    let looks_again = landings != seen || Kept::looks_again(self.cache);
                    let target = if looks_again { &mut again } else { &mut led };
                    target.push(Led::new(index, leader, when));
                }
                Part::Waits(waiter) => waits.push((index, waiter)),
                Part::Circles => alone.push(index),
            }
        }
        let pulse = Pulse::new();
        for one in led.iter_mut().chain(&mut again) {
            one.leader.share(&pulse);
        }
        pulse
            .of(async {
                led.extend(self.check(again, false).await);
                let mut later = self.take_leases(&mut led, &pulse, false).await;
                self.lead(led).await;
                while let Some(one) = later.pop() {
                    if self.lead_one(one, &pulse).await {
                        // Another process has computed this key: it may have computed them all.
                        later = self.check(later, false).await;
                    }
                }
                self.compute_alone(alone).await;
                self.wait(waits, &pulse).await
            })
            .await
    }

    /// Reads these keys again, and returns those that are still missing or, if the call renews, still not fresh.
    pub(super) async fn check(&mut self, led: Vec<Led<T, E>>, renews: bool) -> Vec<Led<T, E>> {
        let bare = self.cache.bare();
        let serve: fn(&Cache, &str) -> Reply<Option<T>> = if renews { Kept::serve_calm } else { Kept::serve };
        let found = join_all(led.iter().map(|one| serve(&bare, self.names[one.index]))).await;
        let missing = |(one, found): (Led<T, E>, crate::Result<Option<T>>)| match found {
            Ok(Some(value)) => {
                self.results[one.index] = Some(one.leader.land(Ok(value)).map(Some));
                None
            }
            _ => Some(one),
        };
        led.into_iter().zip(found).filter_map(missing).collect()
    }

    /// Computes these keys, stores and shares.
    pub(super) async fn lead(&mut self, mut led: Vec<Led<T, E>>) {
        if led.is_empty() {
            return;
        }
        for one in &mut led {
            one.leader.begins(self.cache, self.names[one.index]);
        }
        // Closing the cache waits for a task's computation.
        let is_task = self.caller.is_some();
        let _tasks: Vec<Task> = led.iter().filter(|_| is_task).map(|one| Task::begin(one.leader.seat())).collect();
        let missing = led.iter().map(|one| self.names[one.index].to_owned()).collect();
        let computes = Computes::Many(led.iter().map(|one| Node::of(one.leader.seat())).collect());
        let turn = Turn::begin(computes.clone());
        let computing = (self.compute)(missing);
        drop(turn);
        let mut computing = pin!(named(computing));
        let computed = poll_fn(|context| {
            let turn = Turn::begin(computes.clone());
            let poll = computing.as_mut().poll(context);
            drop(turn);
            if poll.is_pending() {
                led.iter_mut().filter_map(|one| one.tenure.as_mut()).for_each(|tenure| tenure.keep());
            }
            poll
        });
        let computed = computed.await;
        led.iter_mut().for_each(|one| one.leader.ends());
        let mut values = match computed {
            Ok(values) => values,
            Err(error) => {
                let bare = self.cache.bare();
                let stale = join_all(led.iter().map(|one| bare.rescue(self.names[one.index], Kept::read_aged))).await;
                for (one, stale) in led.into_iter().zip(stale) {
                    let result = rescued(self.cache, self.names[one.index], Err(error.clone()), stale);
                    self.results[one.index] = Some(one.leader.land(result).map(Some));
                }
                return;
            }
        };
        let behind = self.policy.goes_behind(self.cache) && Handle::try_current().is_ok();
        let (mut indices, mut finishes) = (Vec::with_capacity(led.len()), Vec::with_capacity(led.len()));
        for Led { index, mut leader, when, tenure } in led {
            // The computation has left this key out: a waiter takes its flight over.
            let Some(value) = values.remove(self.names[index]) else { continue };
            let terms = Terms { when, tenure };
            let fill = self.policy.fill::<Kept, E>(self.cache, self.names[index], &value, terms, &mut leader);
            let result = match fill.map(Reply::now) {
                None => leader.land(Ok(value)),
                Some(Ok(stored)) => {
                    note(self.cache.flights(), stored);
                    leader.land(Ok(value))
                }
                Some(Err(fill)) => {
                    finishes.push(Finish::new(leader, fill, Ok(value.clone())));
                    if !behind {
                        indices.push(index);
                        continue;
                    }
                    Ok(value)
                }
            };
            self.results[index] = Some(result.map(Some));
        }
        if behind {
            return Finish::all_behind(finishes);
        }
        for (index, result) in indices.into_iter().zip(Finish::all(finishes).await) {
            self.results[index] = Some(result.map(Some));
        }
    }

    /// Computes these keys, which are a part of what the caller computes itself, and stores nothing.
    async fn compute_alone(&mut self, indices: Vec<usize>) {
        if indices.is_empty() {
            return;
        }
        let missing = indices.iter().map(|index| self.names[*index].to_owned()).collect();
        let mut values = match named((self.compute)(missing)).await {
            Ok(values) => values,
            Err(error) => {
                indices.into_iter().for_each(|index| self.results[index] = Some(Err(error.clone())));
                return;
            }
        };
        for index in indices {
            self.results[index] = Some(Ok(values.remove(self.names[index])));
        }
    }

    /// Waits for others' computations, and takes over those that they give up. Returns the keys that have to be read again.
    async fn wait(&mut self, waits: Vec<(usize, Waiter<T, E>)>, pulse: &Arc<Pulse>) -> Vec<usize> {
        let (cache, mut again) = (self.cache, Vec::new());
        let mut waits = Unordered::new(waits.into_iter().map(|(index, mut waiter)| {
            let mut wait = None;
            poll_fn(move |context| {
                let begun = wait.get_or_insert_with(|| Wait::begin(cache));
                waiter.poll(context).map(|arrival| (index, begun.take(), arrival))
            })
        }));
        loop {
            let next = poll_fn(|context| {
                // What nobody waits for any more is others' business.
                let is_left = self.caller.as_mut().is_some_and(|caller| caller.poll_closed(context).is_ready());
                if is_left { Poll::Ready(None) } else { waits.poll_next(context) }
            });
            let Some((_, (index, wait, arrival))) = next.await else { return again };
            match arrival {
                Arrival::Landed(result) => {
                    wait.iter().for_each(|wait| wait.tell(self.cache, self.names[index]));
                    self.results[index] = Some(result.map(Some));
                }
                Arrival::Again => again.push(index),
                // At once: others wait for it.
                Arrival::Leads(mut leader) => {
                    leader.share(pulse);
                    // The read is old by now.
                    let led = vec![Led::new(index, leader, When::Absent)];
                    if let Some(one) = self.check(led, false).await.pop() {
                        self.lead_one(one, pulse).await;
                    }
                }
            }
        }
    }
}

/// The values by their keys.
async fn named<T, E, K: AsRef<str>, Values: IntoIterator<Item = (K, T)>>(
    computing: impl Future<Output = Result<Values, E>>,
) -> Result<HashMap<String, T>, E> {
    Ok(computing.await?.into_iter().map(|(key, value)| (key.as_ref().to_owned(), value)).collect())
}
