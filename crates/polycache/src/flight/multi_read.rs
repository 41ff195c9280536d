//! What a bulk call finds.

use std::collections::HashMap;

use super::leader::Leader;
use super::multi::Led;
use crate::backend::When;
use crate::backends::graced::Age;
use crate::cache::Form;
use crate::join::join_all;
use crate::key::OwnedKey;
use crate::repeated::tell_repeated;
use crate::{Cache, ErrorKind, OnError, Ttl};

/// A key that was read, by its place among the names.
pub(super) struct Missing {
    pub(super) index: usize,
    pub(super) full: OwnedKey,
    /// The flights that had landed near it before the read.
    pub(super) seen: u64,
    /// The condition to store a computed value on.
    pub(super) when: When,
}

/// The value and its age, or the condition to store a computed one on.
pub(super) type Found<T> = Result<(T, Age), When>;

/// Reads these keys. Trouble counts as a miss. Unless the read is `aged`, what isn't fresh is missing.
pub(super) async fn read<Kept, T>(
    cache: &Cache,
    names: &[&str],
    open: Vec<usize>,
    aged: bool,
) -> Vec<(Missing, Found<T>)>
where
    Kept: Form<T>,
    T: Clone + Send + Sync + 'static,
{
    let missing = |index: usize| {
        let full = cache.full_key(names[index]);
        let seen = cache.flights().landings(full.key());
        Missing { index, full, seen, when: When::Absent }
    };
    let open: Vec<Missing> = open.into_iter().map(missing).collect();
    let names: Vec<&str> = open.iter().map(|one| names[one.index]).collect();
    let found = found::<Kept, T>(cache, &names, aged).await;
    open.into_iter().zip(found).collect()
}

/// The first of each key, and the places of the others with that of their first. A call that asks for a key twice asks its source once,
/// also where the source leaves that key out.
pub(super) fn once_each(missing: Vec<Missing>) -> (Vec<Missing>, Vec<(usize, usize)>) {
    let mut firsts = HashMap::with_capacity(missing.len());
    let first = |one: &Missing| *firsts.entry(one.full.key().full().to_owned()).or_insert(one.index);
    let of: Vec<usize> = missing.iter().map(first).collect();
    let copies = missing.iter().zip(&of).filter(|(one, first)| one.index != **first);
    let copies = copies.map(|(one, first)| (one.index, *first)).collect();
    let firsts = missing.into_iter().zip(of).filter_map(|(one, first)| (one.index == first).then_some(one));
    (firsts.collect(), copies)
}

async fn found<Kept, T>(cache: &Cache, names: &[&str], aged: bool) -> Vec<Found<T>>
where
    Kept: Form<T>,
    T: Clone + Send + Sync + 'static,
{
    const FRESH: Age = Age::Fresh(Ttl::Never);
    let nothing = if cache.options().on_decode_error == OnError::Miss { When::Always } else { When::Absent };
    let found = match aged {
        true => Kept::multi_aged(cache, names).await,
        false => Kept::multi_get(cache, names)
            .await
            .map(|found| found.into_iter().map(|value| value.map(|value| (value, FRESH))).collect()),
    };
    match found {
        Ok(found) => found.into_iter().map(|value| value.ok_or_else(|| nothing.clone())).collect(),
        Err(error) => {
            let cause = (cache.flights().mark(), error.kind());
            tell_repeated!(WARN, cause, %error, "a failed read counts as a miss: the values are computed");
            if error.kind() != ErrorKind::Decode {
                return names.iter().map(|_| Err(nothing.clone())).collect();
            }
            // One of them can't be read; the others can.
            let bare = cache.bare();
            let each = names.iter().map(|name| match aged {
                true => Kept::aged(&bare, name),
                false => Kept::get(&bare, name).map(|value| value.map(|value| (value, FRESH))),
            });
            join_all(each).await.into_iter().map(|found| found.unwrap_or(None).ok_or(When::Always)).collect()
        }
    }
}

/// Leads where nobody does, to replace these values on these conditions.
pub(super) fn try_lead<T, E>(cache: &Cache, names: &[&str], open: &[(usize, When)]) -> Vec<Led<T, E>>
where
    T: Send + Sync + 'static,
    E: Send + Sync + 'static,
{
    let lead = |(index, when): &(usize, When)| {
        let leader: Leader<T, E> = cache.with_key(names[*index], |_, key| cache.flights().try_lead(key))?;
        Some(Led::new(*index, leader, when.clone()))
    };
    open.iter().filter_map(lead).collect()
}
