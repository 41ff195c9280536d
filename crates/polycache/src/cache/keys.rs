//! The stored key, made from the caller's name for it.

use super::{Cache, View};
use crate::backend::{Backend, Key};
use crate::key::{OwnedKey, Parts};

impl Cache {
    pub(crate) fn full_key(&self, name: &str) -> OwnedKey {
        match &self.view.options.key_builder {
            None => OwnedKey::join(&self.view.prefix, name),
            Some(build) => OwnedKey::join(&self.view.prefix, &build(name)),
        }
    }

    /// The full keys of these names.
    pub(super) fn full_keys(&self, names: &[impl AsRef<str>]) -> Vec<OwnedKey> {
        names.iter().map(|name| self.full_key(name.as_ref())).collect()
    }

    /// Asks the backend about one key, given by the caller's name.
    #[inline]
    pub(crate) fn with_key<R>(&self, key: &str, operation: impl FnOnce(&dyn Backend, Key<'_>) -> R) -> R {
        match self.plain_key(key) {
            Some(key) => operation(self.backend(), key),
            None => self.with_made_key(key, operation),
        }
    }

    /// The full key, if it is the caller's name.
    #[inline]
    pub(super) fn plain_key<'a>(&self, key: &'a str) -> Option<Key<'a>> {
        let View { prefix, options, .. } = &*self.view;
        (prefix.is_empty() && options.key_builder.is_none()).then(|| Key::plain(key))
    }

    /// Apart, so that a command on a key that is stored by its name needs no buffer.
    #[inline(never)]
    pub(super) fn with_made_key<R>(&self, key: &str, operation: impl FnOnce(&dyn Backend, Key<'_>) -> R) -> R {
        let View { backend, prefix, options, .. } = &*self.view;
        if options.key_builder.is_some() || !Parts::fit(prefix, key) {
            return operation(&**backend, self.full_key(key).key());
        }
        operation(&**backend, Parts::new(prefix, key).key())
    }
}
