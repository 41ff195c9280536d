//! Command lines as the user gives them.

use super::lines::words;
use crate::{Error, ErrorKind, Result};

/// A command line of the user's, checked: one line, a command that is known to reply in a form that can be told, and none
/// that would put the connection out of step.
#[derive(Debug, Clone, Copy)]
pub struct RawCommand<'a> {
    line: &'a [u8],
    lines: bool,
    key: Option<&'a [u8]>,
}

/// The longest line that a server takes.
const LINE_MAX: usize = 2048;

impl<'a> RawCommand<'a> {
    /// Checks `line`, which comes without its line end.
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
    /// `InvalidInput`: more than one line, a control character, over 2,048 bytes, a command with a data block (use the
    /// client's own), one that suppresses its reply, or a command not known here.
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
        let (lines, keyed) = match command {
            b"get" | b"gets" => (true, 1),
            b"gat" | b"gats" => (true, 2),
            b"mg" | b"md" | b"ma" | b"me" | b"delete" | b"incr" | b"decr" | b"touch" => (false, 1),
            b"stats" | b"lru_crawler" => (true, 0),
            b"version" | b"verbosity" | b"flush_all" | b"cache_memlimit" | b"lru" | b"slabs" | b"mn" => (false, 0),
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
        let key = if keyed == 0 { None } else { words.nth(keyed - 1) };
        if keyed > 0 && key.is_none() {
            return refuse("lacks a key");
        }
        Ok(Self { line, lines, key })
    }

    /// The line.
    #[must_use]
    pub fn line(&self) -> &'a [u8] {
        self.line
    }

    /// The first key that it names, as it stands there: what decides which server of a fleet is asked.
    #[must_use]
    pub fn key(&self) -> Option<&'a [u8]> {
        self.key
    }

    pub(super) fn replies_with_lines(&self) -> bool {
        self.lines
    }
}
