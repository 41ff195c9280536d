//! What plugins see of a command: its name and keys before, how it came out after.

use std::fmt;

use compact_str::CompactString;

use crate::{Cache, Error};

/// The name of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
#[allow(missing_docs, reason = "each is the method of `Cache` with that name")]
pub enum CommandName {
    Add,
    Cas,
    Clear,
    Delete,
    Exists,
    Expire,
    Get,
    GetObject,
    GetVersioned,
    Increment,
    Look,
    MultiDelete,
    MultiGet,
    MultiSet,
    Raw,
    Scan,
    Set,
    SetObject,
    Ttl,
}

impl CommandName {
    /// All of them, in alphabetical order.
    pub const ALL: &'static [Self] = &[
        Self::Add,
        Self::Cas,
        Self::Clear,
        Self::Delete,
        Self::Exists,
        Self::Expire,
        Self::Get,
        Self::GetObject,
        Self::GetVersioned,
        Self::Increment,
        Self::Look,
        Self::MultiDelete,
        Self::MultiGet,
        Self::MultiSet,
        Self::Raw,
        Self::Scan,
        Self::Set,
        Self::SetObject,
        Self::Ttl,
    ];

    /// The method's name, for example `"multi_get"`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Cas => "cas",
            Self::Clear => "clear",
            Self::Delete => "delete",
            Self::Exists => "exists",
            Self::Expire => "expire",
            Self::Get => "get",
            Self::GetObject => "get_object",
            Self::GetVersioned => "get_versioned",
            Self::Increment => "increment",
            Self::Look => "look",
            Self::MultiDelete => "multi_delete",
            Self::MultiGet => "multi_get",
            Self::MultiSet => "multi_set",
            Self::Raw => "raw",
            Self::Scan => "scan",
            Self::Set => "set",
            Self::SetObject => "set_object",
            Self::Ttl => "ttl",
        }
    }

    /// Whether doing it twice leaves what doing it once does, so that a call whose outcome is unknown can be repeated. What the second
    /// one answers may differ: a key that the first has deleted isn't there any more.
    ///
    /// ```
    /// use polycache::CommandName;
    ///
    /// assert!(CommandName::Delete.is_repeatable());
    /// assert!(!CommandName::Increment.is_repeatable());
    /// ```
    #[must_use]
    pub const fn is_repeatable(self) -> bool {
        match self {
            // After an `add` or `cas` that was done, the second finds it done and says that it was somebody else's.
            Self::Add | Self::Cas | Self::Increment | Self::Raw => false,
            Self::Clear
            | Self::Delete
            | Self::Exists
            | Self::Expire
            | Self::Get
            | Self::GetObject
            | Self::GetVersioned
            | Self::Look
            | Self::MultiDelete
            | Self::MultiGet
            | Self::MultiSet
            | Self::Scan
            | Self::Set
            | Self::SetObject
            | Self::Ttl => true,
        }
    }
}

impl fmt::Display for CommandName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

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
    /// call's covers what its hooks wait for: give it one by [`with_timeout`](Cache::with_timeout) for work that goes on after the call.
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
