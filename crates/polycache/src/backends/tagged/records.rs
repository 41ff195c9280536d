//! The generations of tags, which are entries of the backend.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use compact_str::CompactString;
use parking_lot::Mutex;

use crate::backend::{Backend, Found, Key, OwnedKey, SetOptions, Want, When};
use crate::join::{join_all, together};
use crate::lease::{Purpose, tag_key};
use crate::unique::unheard_of;
use crate::{Error, ErrorKind, Result, Ttl, Value};

/// A generation lives at least this long after it was last needed, so that entries which live for less need not prolong it each time.
const LEAST_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

/// How many generations a process knows.
const MOST_KNOWN: usize = 1 << 16;

/// How often another process may clear a tag while this one gives it a generation.
const ATTEMPTS: usize = 8;

/// A tag: its name, which begins with its namespace, and the key of its generation.
#[derive(Debug, Clone)]
pub(crate) struct Tag {
    pub(crate) name: CompactString,
    record: OwnedKey,
}

impl Tag {
    /// `name` in full.
    pub(crate) fn new(name: &str) -> Self {
        Self { name: name.into(), record: tag_key(Key::plain(name), name, Purpose::Tag) }
    }

    /// The tag that every clear in the namespace with this prefix clears.
    pub(crate) fn every(prefix: &str) -> Self {
        let record = tag_key(Key::plain(prefix), prefix, Purpose::Tags);
        Self { name: record.key().full().into(), record }
    }

    pub(crate) fn record(&self) -> Key<'_> {
        self.record.key()
    }
}

/// What this process knows of tags: their generations as they were when it last asked. A computation that begins later may go by them: if
/// they are out of date, its value is lost.
#[derive(Debug, Default)]
pub(crate) struct Known(Mutex<HashMap<CompactString, Generation>>);

#[derive(Debug, Clone, Copy)]
struct Generation {
    number: u64,
    /// It lives at least until then.
    lives: Option<Instant>,
}

impl Known {
    pub(crate) fn get(&self, tag: &str) -> Option<u64> {
        self.0.lock().get(tag).map(|known| known.number)
    }

    fn learn(&self, tag: &Tag, number: u64, lives: Option<Instant>) {
        let mut known = self.0.lock();
        if known.len() >= MOST_KNOWN && !known.contains_key(&tag.name) {
            known.clear();
        }
        let new = Generation { number, lives };
        let present = known.entry(tag.name.clone()).or_insert(new);
        if present.number != number || lives > present.lives {
            *present = new;
        }
    }

    fn lives(&self, tag: &str, until: Instant) -> bool {
        self.0.lock().get(tag).and_then(|known| known.lives).is_some_and(|lives| lives >= until)
    }
}

/// The generations of these tags; `None` for a tag that has none.
pub(super) async fn read(backend: &dyn Backend, tags: &[Tag]) -> Result<Vec<Option<u64>>> {
    let keys: Vec<Key<'_>> = tags.iter().map(Tag::record).collect();
    let found = backend.multi_get(&keys, Want::VALUE).await?;
    if found.len() != tags.len() {
        return Err(miscounted(backend, found.len(), tags.len()));
    }
    Ok(found.into_iter().map(generation).collect())
}

#[cold]
pub(super) fn miscounted(backend: &dyn Backend, given: usize, asked: usize) -> Error {
    let text = format!("the backend {} gave {given} values for {asked} keys", backend.info().name);
    Error::new(ErrorKind::Backend, text)
}

/// A generation as it is stored.
pub(super) fn generation(found: Option<Found>) -> Option<u64> {
    let value = found?.value?;
    let text = std::str::from_utf8(value.as_bytes()?).ok()?;
    u64::from_str_radix(text, 16).ok()
}

/// Gives those tags a generation that have none, and learns them all. `read` is what was read just now.
pub(super) async fn complete(
    backend: &Arc<dyn Backend>,
    known: &Known,
    tags: &[Tag],
    read: Vec<Option<u64>>,
) -> Result<Vec<u64>> {
    let numbers = tags.iter().zip(read).map(|(tag, present)| {
        Box::pin(async move {
            let Some(number) = present else { return make(backend, known, tag).await };
            known.learn(tag, number, None);
            Ok(number)
        })
    });
    together(join_all(numbers)).await.into_iter().collect()
}

/// Gives a tag a generation that nobody had, unless it has one by now.
async fn make(backend: &Arc<dyn Backend>, known: &Known, tag: &Tag) -> Result<u64> {
    for _ in 0..ATTEMPTS {
        // The highest bit tells it from a count of clears.
        let (number, asked) = (unheard_of() | 1 << 63, Instant::now());
        let value = Value::from(format!("{number:016x}").into_bytes());
        let options = SetOptions::new(Ttl::After(LEAST_LIFE), When::Absent);
        if backend.set(tag.record(), value, options).await? {
            known.learn(tag, number, asked.checked_add(LEAST_LIFE));
            return Ok(number);
        }
        match generation(backend.look(tag.record(), Want::VALUE).await?) {
            Some(number) => {
                known.learn(tag, number, None);
                return Ok(number);
            }
            // Something else is there.
            None if backend.look(tag.record(), Want::NOTHING).await?.is_some() => {
                backend.delete(tag.record(), When::Always).await?;
            }
            None => {}
        }
    }
    Err(Error::new(ErrorKind::Backend, format!("the tag {:?} is cleared again and again", tag.name)))
}

/// Sees to it that these generations live as long as an entry with this TTL.
pub(super) async fn prolong(backend: &Arc<dyn Backend>, known: &Known, tags: &[Tag], ttl: Ttl) -> Result<()> {
    // A hundred years are as good as for ever, and don't overflow.
    const EVER: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);
    let needed = match ttl {
        Ttl::After(life) => life.min(EVER),
        Ttl::Never => EVER,
    };
    let (ttl, life) = match ttl {
        Ttl::Never => (Ttl::Never, EVER),
        Ttl::After(_) => {
            let life = needed.saturating_mul(2).clamp(LEAST_LIFE, EVER);
            (Ttl::After(life), life)
        }
    };
    let now = Instant::now();
    let lives = |tag: &&Tag| now.checked_add(needed).is_some_and(|until| known.lives(&tag.name, until));
    let prolonged = tags.iter().filter(|tag| !lives(tag)).map(|tag| {
        Box::pin(async move {
            let Some(mut found) = backend.look(tag.record(), Want::VALUE.and(Want::TTL)).await? else { return Ok(()) };
            let left = match found.ttl.take() {
                Some(Ttl::After(left)) => left,
                _ => EVER,
            };
            let Some(number) = generation(Some(found)) else { return Ok(()) };
            if left < needed && !backend.expire(tag.record(), ttl).await? {
                return Ok(());
            }
            known.learn(tag, number, now.checked_add(if left < needed { life } else { left }));
            Ok(())
        })
    });
    together(join_all(prolonged)).await.into_iter().collect()
}
