//! The stored key, made from the caller's name for it.

use super::{Cache, View};
use crate::backend::{Backend, Key};
use crate::key::{OwnedKey, Parts};
use crate::lease::{ends_as_own, is_own};
use crate::{Error, ErrorKind, Reply, Result};

/// What `run` makes of a key, unless it is one of the library's own.
#[inline]
pub(crate) fn checked<T>(key: Key<'_>, run: impl FnOnce(Key<'_>) -> Reply<T>) -> Reply<T> {
    if is_own(key) { Reply::error(own(key)) } else { run(key) }
}

/// Refuses the first of the keys of these names that is the library's own.
pub(super) fn check_all<'a>(mut full: impl Iterator<Item = Key<'a>> + Clone, names: &[impl AsRef<str>]) -> Result<()> {
    match full.clone().position(is_own).and_then(|at| Some((full.nth(at)?, names.get(at)?))) {
        None => Ok(()),
        Some((key, name)) => Err(own(key).about(name.as_ref())),
    }
}

#[cold]
fn own(key: Key<'_>) -> Error {
    let ending = key.full().rsplit('\u{1}').next().unwrap_or_default();
    let text = format!(
        "the stored key would end with U+0001 and {ending:?}, as those of the cache's own entries for leases, locks and tags do; let it end \
         otherwise"
    );
    Error::new(ErrorKind::InvalidInput, text)
}

impl Cache {
    pub(crate) fn full_key(&self, name: &str) -> OwnedKey {
        match &self.view.options.key_builder {
            None => OwnedKey::join(&self.view.prefix, name),
            Some(build) => OwnedKey::join(&self.view.prefix, &build(name)),
        }
    }

    /// Whether the cache takes this key, as every command asks: not if it would be stored under one that ends like the cache's own entries
    /// for leases, locks and tags, with U+0001 and `lease`, `lock`, `wait`, `tag` or `tags`, and nothing or four of the characters `@` to
    /// `O`, maybe in braces. For keys from outside, and for whoever also writes directly to a store in this process.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) for such a key.
    ///
    /// ```
    /// let shop = polycache::Cache::memory().namespace("shop");
    /// assert!(shop.check_key("tag").is_ok());
    /// assert!(shop.check_key("price\u{1}tag").is_err()); // the entry of the tag `price` on a server
    /// ```
    // Reads look first: a hit on an object can't be the library's own, and isn't to pay for this.
    pub fn check_key(&self, name: &str) -> Result<()> {
        let View { prefix, options, .. } = &*self.view;
        let is_own = match &options.key_builder {
            None => ends_as_own(prefix.as_str(), name),
            Some(build) => ends_as_own(prefix.as_str(), &build(name)),
        };
        if is_own { Err(own(self.full_key(name).key())) } else { Ok(()) }
    }

    /// The same before bytes are read that a store in this process has: over a network it was done before they were asked for.
    pub(super) fn check_bytes(&self, name: &str) -> Result<()> {
        if self.info().capabilities.exclusive { self.check_key(name) } else { Ok(()) }
    }

    /// The full keys of these names.
    pub(super) fn full_keys(&self, names: &[impl AsRef<str>]) -> Vec<OwnedKey> {
        names.iter().map(|name| self.full_key(name.as_ref())).collect()
    }

    /// The same, unless one is the library's own.
    pub(super) fn checked_keys(&self, names: &[impl AsRef<str>]) -> Result<Vec<OwnedKey>> {
        let full = self.full_keys(names);
        check_all(full.iter().map(OwnedKey::key), names).map(|()| full)
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
