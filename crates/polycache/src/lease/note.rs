//! The text in the entry of a lease.

use std::time::Duration;

use crate::Value;
use crate::unique::unheard_of;

/// The entry's text: `token:count:life`. All tokens of a cache begin alike, the count grows with each write, and the life is in
/// milliseconds. `:sealed` follows while the value is being stored.
#[derive(Debug)]
pub(super) struct Note {
    token: String,
    count: u64,
    life: Duration,
    sealed: bool,
}

const SEALED: &str = "sealed";

impl Note {
    pub(super) fn new(holder: &str, life: Duration, sealed: bool) -> Self {
        Self { token: format!("{holder}{:016x}", unheard_of()), count: 0, life, sealed }
    }

    pub(super) fn token(&self) -> &str {
        &self.token
    }

    pub(super) fn seal(&mut self, sealed: bool) {
        self.sealed = sealed;
    }

    /// The text of the next entry, unlike all before.
    pub(super) fn next(&mut self) -> String {
        self.count += 1;
        let Self { token, count, life, sealed } = self;
        let life = life.as_millis();
        if *sealed { format!("{token}:{count}:{life}:{SEALED}") } else { format!("{token}:{count}:{life}") }
    }

    /// Whether `entry` is of the lease with this token.
    pub(super) fn is_of(entry: &Value, token: &str) -> bool {
        entry.as_bytes().is_some_and(|entry| entry.starts_with(token.as_bytes()))
    }

    /// How long the holder of `entry` may leave it as it is; `None` if it isn't the entry of a lease.
    pub(super) fn life_in(entry: &Value) -> Option<Duration> {
        fields(entry)?.nth(2)?.parse().ok().map(Duration::from_millis)
    }

    /// Whether the next entry says that a value is being stored.
    pub(super) fn is_sealed(&self) -> bool {
        self.sealed
    }

    /// Whether `entry` says that a value is being stored.
    pub(super) fn says_sealed(entry: &Value) -> bool {
        fields(entry).is_some_and(|mut fields| fields.nth(3) == Some(SEALED))
    }
}

fn fields(entry: &Value) -> Option<impl Iterator<Item = &str>> {
    Some(std::str::from_utf8(entry.as_bytes()?).ok()?.split(':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_tells_its_life_and_differs_from_the_one_before() {
        let mut note = Note::new("holder", Duration::from_millis(100), false);
        let (first, second) = (note.next(), note.next());
        note.seal(true);
        let entries = [first, second, note.next()].map(|entry| Value::bytes(entry.into_bytes()));
        for entry in &entries {
            assert_eq!(Note::life_in(entry), Some(Duration::from_millis(100)));
            assert!(
                Note::is_of(entry, note.token())
                    && !Note::is_of(entry, Note::new("holder", Duration::ZERO, false).token())
            );
        }
        assert_eq!(entries.each_ref().map(Note::says_sealed), [false, false, true]);
        assert_ne!(entries[0].as_bytes(), entries[1].as_bytes());
    }

    #[test]
    fn what_is_no_entry_tells_nothing() {
        for entry in [&b""[..], b"token", b"token:1:x", b"\xff:1:5", b"::"] {
            let entry = Value::bytes(entry);
            assert_eq!((Note::life_in(&entry), Note::says_sealed(&entry)), (None, false));
        }
    }
}
