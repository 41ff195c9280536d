//! Writes through a near cache: until they end nothing is kept, and then others are told.

use std::sync::Arc;

use super::Near;
use super::epochs::Hold;
use crate::Reply;
use crate::backend::{Gap, Key, OwnedKey, Tracker};

/// A write under way. It has ended when this is dropped, done or given up.
pub(super) struct Write {
    hold: Option<Hold>,
    telling: Option<Telling>,
}

/// Who is to hear of a write, and of which one.
struct Telling {
    told: Arc<dyn Tracker>,
    far: Arc<str>,
    /// `None`: anything may have changed.
    keys: Option<Vec<OwnedKey>>,
}

impl Near {
    /// A write to `key`.
    pub(super) fn write(&self, key: Key<'_>) -> Write {
        let hold = self.tier.epochs.hold(key.full());
        self.tier.forget(key.full());
        Write { hold: Some(hold), telling: self.telling(|| Some(vec![key.into_owned()])) }
    }

    pub(super) fn write_each<'a>(&self, keys: impl Iterator<Item = Key<'a>> + Clone) -> Write {
        let hold = self.tier.epochs.hold_each(keys.clone().map(Key::full));
        keys.clone().for_each(|key| _ = self.tier.forget(key.full()));
        Write { hold: Some(hold), telling: self.telling(|| Some(keys.map(Key::into_owned).collect())) }
    }

    /// A write to any keys that begin with `prefix`.
    pub(super) fn write_all(&self, prefix: &str) -> Write {
        let hold = self.tier.epochs.hold_all();
        self.tier.forget_prefix(prefix);
        Write { hold: Some(hold), telling: self.telling(|| None) }
    }

    fn telling(&self, keys: impl FnOnce() -> Option<Vec<OwnedKey>>) -> Option<Telling> {
        let told = self.others.told()?;
        Some(Telling { told, far: self.far.info().name.as_ref().into(), keys: keys() })
    }
}

impl Write {
    /// The reply of the write, which ends with it, whatever its end is.
    pub(super) fn until<T: Send + 'static>(self, reply: Reply<T>) -> Reply<T> {
        match reply.now() {
            Ok(result) => {
                drop(self);
                Reply::from(result)
            }
            Err(pending) => Reply::pending(async move {
                let result = pending.await;
                drop(self);
                result
            }),
        }
    }
}

impl Drop for Write {
    fn drop(&mut self) {
        drop(self.hold.take());
        let Some(Telling { told, far, keys }) = self.telling.take() else { return };
        match keys {
            Some(keys) => keys.iter().for_each(|key| told.changed(key.key().full().as_bytes())),
            None => told.lost(Gap::Flushed { server: &far }),
        }
    }
}
