//! A plugin that keeps at most N keys on any backend, by deleting the least recently used ones from its hook.
//!
//! `cargo run --example lru`

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use polycache::backends::memory::Memory;
use polycache::{Answer, Cache, Command, CommandName, Held, Outcome, Plugin, Reply, Result};

/// Keeps at most so many of the keys that are written through the caches it is built into.
///
/// When the `after` hook of a write is done, no more than that many are left: the write's caller sees the bound kept. A key
/// that was deleted or has expired holds its place until it is the oldest. What other programs write isn't known here.
#[derive(Debug)]
pub(crate) struct Lru {
    max_keys: usize,
    uses: Mutex<Uses>,
}

/// A namespace, and a key in it.
type Place = (String, String);

/// Which key was used when, in both directions.
#[derive(Debug, Default)]
struct Uses {
    last: u64,
    by_key: HashMap<Place, u64>,
    by_age: BTreeMap<u64, Place>,
}

impl Uses {
    fn touch(&mut self, place: Place) {
        self.last += 1;
        if let Some(before) = self.by_key.insert(place.clone(), self.last) {
            self.by_age.remove(&before);
        }
        self.by_age.insert(self.last, place);
    }

    fn take_oldest(&mut self, keep: usize) -> Vec<Place> {
        let mut oldest = Vec::new();
        while self.by_age.len() > keep {
            let Some((_, place)) = self.by_age.pop_first() else { break };
            self.by_key.remove(&place);
            oldest.push(place);
        }
        oldest
    }
}

impl Lru {
    pub(crate) fn new(max_keys: usize) -> Self {
        Self { max_keys, uses: Mutex::default() }
    }
}

impl Plugin for Lru {
    fn after(&self, command: &Command<'_>, outcome: &Outcome<'_>, _took: Duration, _held: Held) -> Reply<()> {
        use CommandName::{Add, Cas, Increment, MultiSet, Set, SetObject};
        let used = match (command.name(), outcome) {
            // A write that failed may have been done all the same, when only its answer was lost.
            (Add | Cas | Increment | MultiSet | Set | SetObject, _) => true,
            (_, Ok(Answer::Found { hits, asked })) => hits == asked,
            _ => false,
        };
        if !used {
            return Reply::ready(());
        }
        let oldest = {
            let mut uses = self.uses.lock().unwrap_or_else(PoisonError::into_inner);
            for key in command.keys() {
                uses.touch((command.namespace().to_owned(), key.to_owned()));
            }
            uses.take_oldest(self.max_keys)
        };
        delete(command.cache(), oldest)
    }
}

/// Deletes these keys: at once where the backend answers at once.
fn delete(cache: &Cache, places: Vec<Place>) -> Reply<()> {
    let mut places = places.into_iter();
    while let Some((namespace, key)) = places.next() {
        match cache.namespace(namespace).delete(&key).now() {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return Reply::error(error),
            Err(pending) => {
                let cache = cache.clone();
                return Reply::pending(async move {
                    pending.await?;
                    for (namespace, key) in places {
                        cache.namespace(namespace).delete(&key).await?;
                    }
                    Ok(())
                });
            }
        }
    }
    Reply::ready(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let backend = Memory::builder().unbounded().build()?; // any backend will do
    let cache = Cache::builder().backend(backend).plugin(Lru::new(2)).build()?;

    cache.set("a", 1).await?;
    cache.set("b", 2).await?;
    cache.get::<i32>("a").await?; // now b is the oldest
    cache.set("c", 3).await?;

    let left = cache.multi_get::<i32>(&["a", "b", "c"]).await?;
    assert_eq!(left, [Some(1), None, Some(3)]);
    println!("a, b and c are now {left:?}");
    Ok(())
}
