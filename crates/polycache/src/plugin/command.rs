//! A command as plugins see it: its name and keys before, its outcome after.

use compact_str::CompactString;

use crate::{Cache, CommandName, Error};

/// The command that a plugin's hook is called for.
#[derive(Debug)]
pub struct Command<'a> {
    pub(crate) name: CommandName,
    pub(crate) keys: &'a [CompactString],
    pub(crate) cache: &'a Cache,
}

impl<'a> Command<'a> {
    /// The command's name.
    #[must_use]
    pub fn name(&self) -> CommandName {
        self.name
    }

    /// The command's keys, as the caller gave them: without the namespace. Empty for `clear`, `scan` and `raw`.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &'a str> + use<'a> {
        self.keys.iter().map(CompactString::as_str)
    }

    /// The command's key, if it has one key.
    #[must_use]
    pub fn key(&self) -> Option<&'a str> {
        match self.keys {
            [key] => Some(key),
            _ => None,
        }
    }

    /// The namespace of the command's cache; empty if there is none.
    #[must_use]
    pub fn namespace(&self) -> &'a str {
        self.cache.namespace_name()
    }

    /// The command's cache, without any plugin: a hook's own commands call no hooks. It has no timeout either, since the call's timeout
    /// covers its hooks: give it one by [`with_timeout`](Cache::with_timeout) for work that goes on after the call. Trouble with the
    /// backend is an error here, whatever the builder's [`on_error`](crate::CacheBuilder::on_error).
    #[must_use]
    pub fn cache(&self) -> &'a Cache {
        self.cache
    }
}

/// The outcome of a command.
pub type Outcome<'a> = Result<Answer, &'a Error>;

/// The answer of a command, for plugins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// A read found this many of the keys it asked for.
    Found {
        /// How many keys were found.
        hits: u64,
        /// How many keys were asked for.
        asked: u64,
    },
    /// Yes or no: whether `add`, `cas`, `expire` or `delete` changed something, or `exists` or `ttl` found an entry.
    Did(bool),
    /// The sum after `increment`.
    Sum(i64),
    /// How many keys `multi_delete` deleted, or a batch of `scan` has.
    Count(u64),
    /// The command was done and has no answer.
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
