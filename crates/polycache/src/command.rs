//! The names of the commands.

use std::fmt;

/// The name of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
#[allow(missing_docs, reason = "each is the method of `Cache` with that name")]
pub enum CommandName {
    Add,
    Cas,
    Clear,
    ClearTag,
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
    /// All names, in alphabetical order.
    pub const ALL: &'static [Self] = &[
        Self::Add,
        Self::Cas,
        Self::Clear,
        Self::ClearTag,
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
            Self::ClearTag => "clear_tag",
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

    /// Whether executing the command twice leaves the same as once, so that a call whose outcome is unknown can be repeated. The second
    /// answer may differ: a key that the first call has deleted is gone.
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
            // If an `add` or `cas` was executed, a second one finds its value, and answers as if it were somebody else's.
            Self::Add | Self::Cas | Self::Increment | Self::Raw => false,
            Self::Clear
            | Self::ClearTag
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
