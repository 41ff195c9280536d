//! The leases of a bulk call.

use std::future::Future;
use std::sync::Arc;

use super::multi::{Bulk, Led};
use super::pulse::Pulse;
use super::shareable::Shareable;
use super::tenure::{self, Tenancy};
use crate::backend::When;
use crate::cache::Form;
use crate::join::{join_all, together};

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
    /// Computes these keys, whatever is stored or computed by others.
    pub(super) async fn lead_anew(&mut self, open: Vec<usize>) {
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

    /// Takes the leases of these keys, if the cache has leases. Returns the keys that other processes compute.
    pub(super) async fn take_leases(
        &mut self,
        led: &mut Vec<Led<T, E>>,
        pulse: &Arc<Pulse>,
        renews: bool,
    ) -> Vec<Led<T, E>> {
        let (cache, names, among) = (self.cache, self.names, led.len());
        if Kept::lease_life(cache).is_some() {
            led.iter_mut().for_each(|one| one.leader.asks(cache, names[one.index]));
        }
        let take =
            |one: &Led<T, E>| Box::pin(tenure::try_take::<Kept, T>(cache, names[one.index], among, pulse, renews));
        let taken = together(join_all(led.iter().map(take))).await;
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
                Some(Tenancy::None) => {
                    // Without a lease a value that was to be renewed is as good as before.
                    one.when = if renews { When::Absent } else { one.when };
                    led.push(one);
                }
                None => elsewhere.push(one),
            }
        }
        elsewhere
    }

    /// Computes one key, once no other process does. Returns whether another process has computed it.
    pub(super) async fn lead_one(&mut self, mut one: Led<T, E>, pulse: &Arc<Pulse>) -> bool {
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
}
