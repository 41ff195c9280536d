//! Command lines of the user.

use super::lines::words;
use crate::{Error, ErrorKind, Result};

/// A checked command line of the user: one line, a command whose reply has a known form, and none that would put the connection out of
/// step.
#[derive(Debug, Clone, Copy)]
pub struct RawCommand<'a> {
    line: &'a [u8],
    is_get: bool,
    is_dump: bool,
    key: Option<&'a [u8]>,
}

/// The longest line that a server takes.
const LINE_MAX: usize = 2048;

/// The longest key that a server takes.
const KEY_MAX: usize = 250;

impl<'a> RawCommand<'a> {
    /// Checks `line`, given without its line end.
    ///
    /// ```
    /// use polycache_memcached::codec::RawCommand;
    ///
    /// assert_eq!(RawCommand::new(b"incr visits 1")?.key(), Some(&b"visits"[..]));
    /// assert!(RawCommand::new(b"get a\r\nflush_all").is_err());
    /// assert!(RawCommand::new(b"set k 0 0 1").is_err());
    /// # Ok::<(), polycache_memcached::Error>(())
    /// ```
    ///
    /// # Errors
    /// `InvalidInput`: more than one line, a control character, over 2,048 bytes, a get of a key of over 250, a command with a data block
    /// (use the client's own), one that suppresses its reply, or a command not known here.
    pub fn new(line: &'a [u8]) -> Result<Self> {
        let refuse = |why: &str| Err(Error::new(ErrorKind::InvalidInput, format!("this command line {why}")));
        if line.iter().any(u8::is_ascii_control) {
            return refuse("has a line end or another control character; give one line, without its end");
        }
        if line.len() > LINE_MAX {
            return refuse("is longer than 2,048 bytes");
        }
        let mut words = words(line);
        let command = words.next().unwrap_or_default();
        if line.first() == Some(&b' ') {
            return refuse("begins with a space");
        }
        let keyed = match command {
            b"get" | b"gets" | b"mg" | b"md" | b"ma" | b"me" | b"delete" | b"incr" | b"decr" | b"touch" => 1,
            b"gat" | b"gats" => 2,
            b"stats" | b"lru_crawler" | b"version" | b"verbosity" | b"flush_all" | b"cache_memlimit" | b"lru"
            | b"slabs" | b"mn" => 0,
            b"set" | b"add" | b"replace" | b"append" | b"prepend" | b"cas" | b"ms" => {
                return refuse("needs a data block; use the client's own methods to store values");
            }
            _ => return refuse("isn't one of those that can be sent raw"),
        };
        let meta = command.len() == 2;
        let silent = |word: &[u8]| word == b"noreply" || (meta && word.starts_with(b"q"));
        if words.clone().skip(keyed).any(silent) {
            return refuse("suppresses its reply");
        }
        let is_get = matches!(command, b"get" | b"gets" | b"gat" | b"gats");
        // The server would drop the replies to earlier requests.
        if is_get && words.clone().any(|word| word.len() > KEY_MAX) {
            return refuse("has a key of more than 250 bytes, which memcached doesn't take");
        }
        let is_dump = command == b"lru_crawler" && matches!(words.clone().next(), Some(b"metadump" | b"mgdump"));
        let key = if keyed == 0 { None } else { words.nth(keyed - 1) };
        if keyed > 0 && key.is_none() {
            return refuse("lacks a key");
        }
        Ok(Self { line, is_get, is_dump, key })
    }

    /// The line.
    #[must_use]
    pub fn line(&self) -> &'a [u8] {
        self.line
    }

    /// The first key in the line, as written: it decides which server of a fleet is asked.
    #[must_use]
    pub fn key(&self) -> Option<&'a [u8]> {
        self.key
    }

    /// Whether it is the mark that is sent behind other commands to tell where their replies end.
    pub(super) fn is_mark(&self) -> bool {
        words(self.line).next() == Some(b"mn")
    }

    pub(super) fn is_get(&self) -> bool {
        self.is_get
    }

    /// Whether it lists all keys: the server then does nothing else on that connection, and forgets the requests behind it that it has
    /// read, until more comes.
    pub(crate) fn is_dump(&self) -> bool {
        self.is_dump
    }
}
