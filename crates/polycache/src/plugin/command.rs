//! What plugins see of a command: its name and keys before, how it came out after.

use compact_str::CompactString;

use crate::{Cache, CommandName, Error};

/// A command that a plugin's hook is called for.
#[derive(Debug)]
pub struct Command<'a> {
    pub(crate) name: CommandName,
    pub(crate) keys: &'a [CompactString],
    pub(crate) cache: &'a Cache,
}

impl<'a> Command<'a> {
    /// Which command it is.
    #[must_use]
    pub fn name(&self) -> CommandName {
        self.name
    }

    /// The keys it is about, as the caller gave them: without the namespace. Empty for `clear`, `scan` and `raw`.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &'a str> + use<'a> {
        self.keys.iter().map(CompactString::as_str)
    }

    /// The key, where it is about one.
    #[must_use]
    pub fn key(&self) -> Option<&'a str> {
        match self.keys {
            [key] => Some(key),
            _ => None,
        }
    }

    /// The namespace of the cache it was called on; empty where there is none.
    #[must_use]
    pub fn namespace(&self) -> &'a str {
        self.cache.namespace_name()
    }

    /// The cache it was called on, without any plugin: what a hook does through it calls no hooks. It has no timeout either, since the
    /// call's covers what its hooks wait for: give it one by [`with_timeout`](Cache::with_timeout) for work that goes on after the call. Trouble with
    /// the backend is an error here, whatever the builder's [`on_error`](crate::CacheBuilder::on_error).
    #[must_use]
    pub fn cache(&self) -> &'a Cache {
        self.cache
    }
}

/// How a command came out.
pub type Outcome<'a> = Result<Answer, &'a Error>;

/// What a command answered, as far as plugins are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// A read found this many of the keys it asked for.
    Found {
        /// How many there were.
        hits: u64,
        /// How many were asked for.
        asked: u64,
    },
    /// Yes or no: whether `add`, `cas`, `expire` or `delete` did it, whether `exists` or `ttl` found it.
    Did(bool),
    /// The sum after `increment`.
    Sum(i64),
    /// How many keys `multi_delete` deleted or a batch of `scan` brought.
    Count(u64),
    /// It was done; there is no more to say.
    Done,
}

impl Answer {
    pub(crate) fn found<T>(value: &Option<T>) -> Self {
        Self::Found { hits: u64::from(value.is_some()), asked: 1 }
    }

    pub(crate) fn found_all<T>(values: &[Option<T>]) -> Self {
        Self::Found { hits: values.iter().flatten().count() as u64, asked: values.len() as u64 }
    }
}
