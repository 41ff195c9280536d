//! The operations of the backend with tags.

use std::sync::Arc;
use std::time::Duration;

use super::unasked::Unasked;
use super::{Seen, Tag, Tagged, records, with_tags};
use crate::backend::{self, Backend, Entry, Found, Holder, Key, OwnedKey, SetOptions, Want, When};
use crate::lease::is_lease;
use crate::{ErrorKind, Head, Reply, Result, Ttl, Value};

impl Backend for Tagged {
    backend::forward!(self.inner, all but [get look multi_get set multi_set increment expire]);

    fn get(&self, key: Key<'_>) -> Reply<Option<Value>> {
        if self.reads_tags() && !is_lease(key.full()) {
            let (this, read) = (self.clone(), self.read_with_tags(key, Want::VALUE));
            return Reply::pending(async move { Ok(this.settle_one(read).await?.and_then(|found| found.value)) });
        }
        self.checking(self.inner.get(key).map(|value| value.map(Found::of))).map(|found| found?.value)
    }

    fn look(&self, key: Key<'_>, want: Want) -> Reply<Option<Found>> {
        if want.has(Want::VALUE) && !self.reads_tags() {
            return self.checking(self.inner.look(key, want));
        }
        if (self.is_plain() && !want.has(Want::VALUE)) || is_lease(key.full()) {
            return self.inner.look(key, want);
        }
        let wanted = want.and(Want::VALUE);
        if !self.reads_tags() {
            let found = self.checking(self.inner.look(key, wanted));
            return found.map(move |found| found.map(|found| only(found, want)));
        }
        let this = self.clone();
        if want.has(Want::VERSION) || (want.has(Want::TTL) && !want.has(Want::ROUGH)) {
            // All parts of the entry are from one moment. The generations' need not be.
            let look = self.inner.look(key, wanted).map(|found| vec![found]);
            return Reply::pending(async move {
                let found = this.with_tags(look).await?;
                Ok(found.into_iter().next().flatten().map(|found| only(found, want)))
            });
        }
        let read = self.read_with_tags(key, wanted);
        Reply::pending(async move { Ok(this.settle_one(read).await?.map(|found| only(found, want))) })
    }

    fn multi_get(&self, keys: &[Key<'_>], want: Want) -> Reply<Vec<Option<Found>>> {
        if self.is_plain() && !want.has(Want::VALUE) {
            return self.inner.multi_get(keys, want);
        }
        let this = self.clone();
        let look = self.inner.multi_get(keys, want.and(Want::VALUE));
        let found = if self.reads_tags() {
            Reply::pending(async move { this.with_tags(look).await })
        } else {
            look.and_then(move |found| this.check(found, Vec::new()))
        };
        found.map(move |found| found.into_iter().map(|found| found.map(|found| only(found, want))).collect())
    }

    #[inline]
    fn set(&self, key: Key<'_>, value: Value, options: SetOptions) -> Reply<bool> {
        // This is the `set` of every cache.
        if self.own == 0 && matches!(options.when, When::Always) && value.is_plain() {
            return self.inner.set(key, value, options);
        }
        self.set_rest(key, value, options)
    }

    fn multi_set(&self, entries: Vec<Entry<'_>>) -> Reply<()> {
        if self.own == 0 {
            return self.inner.multi_set(entries);
        }
        let this = self.clone();
        if let Some(clears) = &self.shared.clears {
            self.shared.uses();
            let now = clears.now();
            let mark = |Entry { key, value, ttl }| {
                Entry::new(key, with_tags(value, self.own().iter().map(|tag| (&*tag.name, now))), ttl)
            };
            return self.inner.multi_set(entries.into_iter().map(mark).collect());
        }
        self.shared.uses();
        let unasked = Unasked::new(&self.inner, entries.iter().map(|entry| entry.key));
        let entries: Vec<_> =
            entries.into_iter().map(|entry| (entry.key.into_owned(), entry.value, entry.ttl)).collect();
        Reply::pending(async move {
            let longest = entries.iter().map(|(.., ttl)| *ttl).max_by_key(|ttl| match ttl {
                Ttl::After(life) => *life,
                Ttl::Never => Duration::MAX,
            });
            let numbers = match this.lasting(longest.unwrap_or_default()).await {
                Ok(numbers) => numbers,
                Err(error) => {
                    unasked.failed(&error);
                    return Err(error);
                }
            };
            let mark = |(key, value, ttl)| {
                let tags = this.own().iter().zip(&numbers).map(|(tag, number)| (&*tag.name, *number));
                (key, with_tags(value, tags), ttl)
            };
            let entries: Vec<_> = entries.into_iter().map(mark).collect();
            let entries = entries.iter().map(|(key, value, ttl)| Entry::new(OwnedKey::key(key), value.clone(), *ttl));
            unasked.begins();
            let stored = this.inner.multi_set(entries.collect());
            stored.await
        })
    }

    /// Counts are stored without tags. Only a number that was set has one: it can't be counted, and is in the way where it was cleared.
    fn increment(&self, key: Key<'_>, delta: i64, ttl: Ttl) -> Reply<i64> {
        if self.is_plain() {
            return self.inner.increment(key, delta, ttl);
        }
        self.clone().count(key.into_owned(), delta, ttl, true)
    }

    fn expire(&self, key: Key<'_>, ttl: Ttl) -> Reply<bool> {
        if self.is_plain() || is_lease(key.full()) {
            return self.inner.expire(key, ttl);
        }
        let (this, owned) = (self.clone(), key.into_owned());
        // With the version, which a near cache asks for far: the entry may have other tags by now than its copy.
        self.inner.look(key, Want::VERSIONED).and_then(move |found| {
            let checked = this.check_one(found, Vec::new());
            checked.and_then(move |found| {
                let Some(value) = found.and_then(|found| found.value) else { return Reply::ready(false) };
                let head = value.head();
                let tags: Vec<Tag> = head.iter().flat_map(Head::tags).map(|(name, _)| Tag::new(name)).collect();
                if tags.is_empty() || this.shared.clears.is_some() {
                    return this.inner.expire(owned.key(), ttl);
                }
                Reply::pending(async move {
                    records::prolong(&this.inner, &this.shared.known, &tags, ttl).await?;
                    this.inner.expire(owned.key(), ttl).await
                })
            })
        })
    }

    fn ending_leases(&self, holder: &Holder) -> Option<Arc<dyn Backend>> {
        Some(Arc::new(Self { inner: self.inner.ending_leases(holder)?, ..self.clone() }))
    }
}

impl Tagged {
    /// Adds to a counter, in place of a number whose tag was cleared. The version of that may be lost with the connection: so it is looked
    /// at `again`.
    fn count(self, key: OwnedKey, delta: i64, ttl: Ttl, again: bool) -> Reply<i64> {
        self.inner.increment(key.key(), delta, ttl).then(move |sum| {
            let error = match sum {
                Err(error) if error.kind() == ErrorKind::NotANumber => error,
                sum => return Reply::from(sum),
            };
            self.seen(key.key()).and_then(move |seen| match seen {
                Seen::Valid => Reply::error(error),
                Seen::Cleared(Found { version: Some(version), .. }) => {
                    let deleted = self.inner.delete(key.key(), When::Unchanged(version));
                    deleted.and_then(move |deleted| match deleted || !again {
                        true => self.inner.increment(key.key(), delta, ttl),
                        false => self.count(key, delta, ttl, false),
                    })
                }
                _ => self.inner.increment(key.key(), delta, ttl),
            })
        })
    }

    /// The generations of this view's tags, which then live as long as an entry with this TTL.
    async fn lasting(&self, ttl: Ttl) -> Result<Vec<u64>> {
        let numbers = self.generations(self.own()).await?;
        records::prolong(&self.inner, &self.shared.known, self.own(), ttl).await?;
        Ok(numbers)
    }

    /// Apart, so that the usual `set` moves its arguments no further.
    #[inline(never)]
    fn set_rest(&self, key: Key<'_>, value: Value, options: SetOptions) -> Reply<bool> {
        let is_tagged = self.own > 0 || value.is_tagged();
        let depends = options.when != When::Always && self.shared.is_used();
        if (!is_tagged && !depends) || is_lease(key.full()) {
            return self.inner.set(key, value, options);
        }
        let (this, owned) = (self.clone(), key.into_owned());
        let unasked = match options.when {
            When::Always if self.shared.clears.is_none() => Unasked::new(&self.inner, std::iter::once(key)),
            _ => Unasked::forgotten(),
        };
        self.mark(key, value, options.ttl).then(move |value| {
            let value = match value {
                Ok(value) => value,
                Err(error) => {
                    unasked.failed(&error);
                    return Reply::error(error);
                }
            };
            unasked.begins();
            match options.when {
                When::Always => this.inner.set(owned.key(), value, options),
                _ => this.set_if(owned, value, options, true),
            }
        })
    }
}

/// The parts that were asked for.
fn only(mut found: Found, want: Want) -> Found {
    if !want.has(Want::VALUE) {
        found.value = None;
    }
    found
}
