//! `multi_get_or_set`: many keys at once, each computed once for all who ask.
//!
//! A bulk call doesn't wait for another call's flight while it leads one, nor for a lease while it has one. So two bulk calls that want
//! each other's keys can't block each other.

use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::pin::pin;
use std::sync::Arc;

use tokio::runtime::Handle;

use super::Part;
use super::circle::{Computes, Node, Turn};
use super::finish::{Finish, note};
use super::lead::{Policy, Terms, rescued};
use super::leader::Leader;
use super::pulse::Pulse;
use super::report::Wait;
use super::shareable::Shareable;
use super::tenure::{self, Tenancy, Tenure};
use super::waiter::{Arrival, Waiter};
use crate::backend::When;
use crate::cache::{Encoded, Form};
use crate::join::{Unordered, join_all, together};
use crate::key::OwnedKey;
use crate::repeated::tell_repeated;
use crate::{Cache, ErrorKind, OnError, Reply};

impl Cache {
    /// The values under `keys`, in their order; the missing ones are computed, by one call, and stored.
    ///
    /// `compute` gets the keys that nobody else is computing, and returns pairs of a key and its value; a key that it leaves out is
    /// `Ok(None)`, and nothing is stored for it. Its error is the result of every key that it was asked for. Each key is treated as by
    /// [`get_or_set`](Self::get_or_set), towards single calls too: the call waits for keys that others compute, and calls `compute` again
    /// for keys that those have given up.
    ///
    /// ```
    /// # #[derive(Debug, Clone, PartialEq)] struct DbError;
    /// # async fn users(ids: &[String]) -> Result<Vec<(String, String)>, DbError> {
    /// #     Ok(ids.iter().filter(|id| *id != "9").map(|id| (id.clone(), format!("user {id}"))).collect())
    /// # }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
    /// let cache = polycache::Cache::memory().namespace("user");
    /// cache.set("1", "Ada").await?;
    ///
    /// let found = cache.multi_get_or_set(&["1", "2", "9"], |missing| async move { users(&missing).await }).await;
    /// assert_eq!(found, [Ok(Some("Ada".into())), Ok(Some("user 2".into())), Ok(None)]);
    /// # Ok(()) }
    /// ```
    pub async fn multi_get_or_set<T, E, K, Values, F, Fut>(
        &self,
        keys: &[impl AsRef<str>],
        compute: F,
    ) -> Vec<Result<Option<T>, E>>
    where
        Encoded: Form<T>,
        T: Clone + Send + Sync + 'static,
        E: Shareable,
        K: AsRef<str>,
        Values: IntoIterator<Item = (K, T)>,
        F: FnMut(Vec<String>) -> Fut,
        Fut: Future<Output = Result<Values, E>>,
    {
        let names: Vec<&str> = keys.iter().map(AsRef::as_ref).collect();
        run::<Encoded, _, _, _, _, _, _>(self, &names, Policy::default(), false, compute).await
    }
}

/// `multi_get_or_set` with a policy for the computed values. With `anew` all keys are computed, whatever is stored or computed by others;
/// then no name may come twice.
pub(crate) async fn run<Kept, T, E, K, Values, F, Fut>(
    cache: &Cache,
    names: &[&str],
    policy: Policy<T>,
    anew: bool,
    compute: F,
) -> Vec<Result<Option<T>, E>>
where
    Kept: Form<T>,
    T: Clone + Send + Sync + 'static,
    E: Shareable,
    K: AsRef<str>,
    Values: IntoIterator<Item = (K, T)>,
    F: FnMut(Vec<String>) -> Fut,
    Fut: Future<Output = Result<Values, E>>,
{
    let results = names.iter().map(|_| None).collect();
    let mut bulk = Bulk { cache, names, policy, compute, results, form: PhantomData::<Kept> };
    let mut open: Vec<usize> = (0..names.len()).collect();
    if anew {
        bulk.lead_anew(std::mem::take(&mut open)).await;
    }
    while !open.is_empty() {
        open = bulk.round(open).await;
    }
    bulk.results.into_iter().map(|result| result.unwrap_or(Ok(None))).collect()
}

/// One bulk call on its way.
struct Bulk<'a, T, E, F, Kept> {
    cache: &'a Cache,
    names: &'a [&'a str],
    policy: Policy<T>,
    compute: F,
    results: Vec<Option<Result<Option<T>, E>>>,
    form: PhantomData<Kept>,
}

/// A key that this call leads, by its place among the names.
struct Led<T: Send + Sync + 'static, E: Send + Sync + 'static> {
    index: usize,
    leader: Leader<T, E>,
    when: When,
    tenure: Option<Box<Tenure>>,
}

impl<Kept, T, E, K, Values, F, Fut> Bulk<'_, T, E, F, Kept>
where
    Kept: Form<T>,
    T: Clone + Send + Sync + 'static,
    E: Shareable,
    K: AsRef<str>,
    Values: IntoIterator<Item = (K, T)>,
    F: FnMut(Vec<String>) -> Fut,
    Fut: Future<Output = Result<Values, E>>,
{
    /// Reads the open keys, computes, and waits for others. Returns the keys that have to be read again.
    async fn round(&mut self, open: Vec<usize>) -> Vec<usize> {
        let (mut led, mut waits, mut alone) = (Vec::new(), Vec::new(), Vec::new());
        let full: Vec<OwnedKey> = open.iter().map(|index| self.cache.full_key(self.names[*index])).collect();
        let seen: Vec<u64> = full.iter().map(|key| self.cache.flights().landings(key.key())).collect();
        let found = self.read(&open).await;
        let mut again = Vec::new();
        for (((index, full), seen), found) in open.into_iter().zip(full).zip(seen).zip(found) {
            let when = match found {
                Ok(value) => {
                    self.results[index] = Some(Ok(Some(value)));
                    continue;
                }
                Err(when) => when,
            };
            match self.cache.flights().join(full.key()) {
                Part::Leads(leader, landings) => {
                    let tenure = None;
                    let looks_again = landings != seen || Kept::looks_again(self.cache);
                    let target = if looks_again { &mut again } else { &mut led };
                    target.push(Led { index, leader, when, tenure });
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
                led.extend(self.check(again).await);
                let mut later = self.take_leases(&mut led, &pulse).await;
                self.lead(led).await;
                while let Some(one) = later.pop() {
                    if self.lead_one(one, &pulse).await {
                        // Another process has computed this key: it may have computed them all.
                        later = self.check(later).await;
                    }
                }
                self.compute_alone(alone).await;
                self.wait(waits, &pulse).await
            })
            .await
    }

    /// Computes these keys, whatever is stored or computed by others.
    async fn lead_anew(&mut self, open: Vec<usize>) {
        let (cache, names, among) = (self.cache, self.names, open.len());
        let pulse = Pulse::new();
        let leaders: Vec<_> = open
            .into_iter()
            .map(|index| {
                let mut leader = cache.with_key(names[index], |_, key| cache.flights().lead::<T, E>(key));
                leader.share(&pulse);
                (index, leader)
            })
            .collect();
        let pulse = &pulse;
        let led = leaders.into_iter().map(|(index, leader)| {
            Box::pin(async move {
                let name = names[index];
                let tenure = match tenure::seize::<Kept, T>(cache, name, among, leader.permit().cloned(), pulse) {
                    Some(asking) => asking.await.granted(),
                    None => None,
                };
                Led { index, leader, when: When::Always, tenure }
            })
        });
        pulse
            .of(async {
                tenure::learn(cache).await;
                let led = join_all(led).await;
                self.lead(led).await;
            })
            .await;
    }

    /// Reads these keys: the value, or the condition to store a computed one on. Trouble counts as a miss.
    async fn read(&mut self, open: &[usize]) -> Vec<Result<T, When>> {
        let names: Vec<&str> = open.iter().map(|index| self.names[*index]).collect();
        let nothing = if self.cache.options().on_decode_error == OnError::Miss { When::Always } else { When::Absent };
        match Kept::multi_get(self.cache, &names).await {
            Ok(found) => found.into_iter().map(|value| value.ok_or_else(|| nothing.clone())).collect(),
            Err(error) => {
                let cause = (self.cache.flights().mark(), error.kind());
                tell_repeated!(WARN, cause, %error, "a failed read counts as a miss: the values are computed");
                if error.kind() != ErrorKind::Decode {
                    return names.iter().map(|_| Err(nothing.clone())).collect();
                }
                // One of them can't be read; the others can.
                let bare = self.cache.bare();
                let each = join_all(names.iter().map(|name| Kept::get(&bare, name))).await;
                each.into_iter().map(|found| found.unwrap_or(None).ok_or(When::Always)).collect()
            }
        }
    }

    /// Reads these keys again, and returns those that are still missing.
    async fn check(&mut self, led: Vec<Led<T, E>>) -> Vec<Led<T, E>> {
        let bare = self.cache.bare();
        let found = join_all(led.iter().map(|one| Kept::serve(&bare, self.names[one.index]))).await;
        let missing = |(one, found): (Led<T, E>, crate::Result<Option<T>>)| match found {
            Ok(Some(value)) => {
                self.results[one.index] = Some(one.leader.land(Ok(value)).map(Some));
                None
            }
            _ => Some(one),
        };
        led.into_iter().zip(found).filter_map(missing).collect()
    }

    /// Takes the leases of these keys, if the cache has leases. Returns the keys that other processes compute.
    async fn take_leases(&mut self, led: &mut Vec<Led<T, E>>, pulse: &Arc<Pulse>) -> Vec<Led<T, E>> {
        let (cache, names, among) = (self.cache, self.names, led.len());
        if Kept::lease_life(cache).is_some() {
            led.iter_mut().for_each(|one| one.leader.asks(cache, names[one.index]));
        }
        let taken = led.iter().map(|one| Box::pin(tenure::try_take::<Kept, T>(cache, names[one.index], among, pulse)));
        let taken = together(join_all(taken)).await;
        let mut elsewhere = Vec::new();
        for (mut one, tenancy) in std::mem::take(led).into_iter().zip(taken) {
            match tenancy {
                Some(Tenancy::Found(value)) => {
                    self.results[one.index] = Some(one.leader.land(Ok(value)).map(Some));
                }
                Some(Tenancy::Granted(tenure)) => {
                    one.tenure = Some(tenure);
                    led.push(one);
                }
                Some(Tenancy::None) => led.push(one),
                None => elsewhere.push(one),
            }
        }
        elsewhere
    }

    /// Computes one key, once no other process does. Returns whether another process has computed it.
    async fn lead_one(&mut self, mut one: Led<T, E>, pulse: &Arc<Pulse>) -> bool {
        if let Some(asking) = tenure::ask::<Kept, T>(self.cache, self.names[one.index], pulse) {
            match asking.await {
                Tenancy::Found(value) => {
                    self.results[one.index] = Some(one.leader.land(Ok(value)).map(Some));
                    return true;
                }
                Tenancy::Granted(tenure) => one.tenure = Some(tenure),
                Tenancy::None => {}
            }
        }
        self.lead(vec![one]).await;
        false
    }

    /// Computes these keys, stores and shares.
    async fn lead(&mut self, mut led: Vec<Led<T, E>>) {
        if led.is_empty() {
            return;
        }
        for one in &mut led {
            one.leader.begins(self.cache, self.names[one.index]);
        }
        let missing = led.iter().map(|one| self.names[one.index].to_owned()).collect();
        let computes = Computes::Many(led.iter().map(|one| Node::of(one.leader.seat())).collect());
        let turn = Turn::begin(computes.clone());
        let mut computing = pin!((self.compute)(missing));
        drop(turn);
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
        let mut values: HashMap<String, T> = match computed {
            Ok(values) => values.into_iter().map(|(key, value)| (key.as_ref().to_owned(), value)).collect(),
            Err(error) => {
                let bare = self.cache.bare();
                let stale = join_all(led.iter().map(|one| bare.rescue(self.names[one.index], Kept::read_aged))).await;
                for (one, stale) in led.into_iter().zip(stale) {
                    let result = rescued(self.cache, Err(error.clone()), stale);
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
        let mut values: HashMap<String, T> = match (self.compute)(missing).await {
            Ok(values) => values.into_iter().map(|(key, value)| (key.as_ref().to_owned(), value)).collect(),
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
        while let Some((_, (index, wait, arrival))) = waits.next().await {
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
                    let led = vec![Led { index, leader, when: When::Absent, tenure: None }];
                    if let Some(one) = self.check(led).await.pop() {
                        self.lead_one(one, pulse).await;
                    }
                }
            }
        }
        again
    }
}
