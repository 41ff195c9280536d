//! The random commands.

use proptest::prelude::*;

/// A key, as a number below [`KEYS`].
pub(super) type Key = usize;

pub(super) const KEYS: Key = 24;

#[derive(Debug, Clone)]
pub(super) enum Command {
    Get(Key),
    Peek(Key),
    Store(Key, New),
    /// A store that only an absent key takes.
    Add(Key, New),
    /// A store that needs the expected version.
    Cas(Key, Expected, New),
    /// Looks at the entry and leaves it.
    Keep(Key),
    /// Another life, in microseconds.
    Expire(Key, Option<u64>),
    Delete(Key),
    /// A prefix of keys, and how many places to visit at once.
    DeleteWhere(Key, u32),
    Clear,
    RemoveExpired,
    /// Microseconds.
    Advance(u64),
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Expected {
    /// The version of the present entry.
    Current,
    /// The version that the key had before the latest store.
    Former,
    Absent,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct New {
    /// Between 0 and 999 thousandths of the capacity or of a small part of it.
    pub(super) weight: (u64, bool),
    /// Microseconds.
    pub(super) life: Option<u64>,
}

impl New {
    /// Mostly a small weight, now and then any that fits.
    pub(super) fn weight_within(&self, capacity: u64) -> u64 {
        let (share, large) = self.weight;
        let most = if large { capacity } else { (capacity / 8).max(1).min(capacity) };
        most * share / 999
    }
}

pub(super) fn name(key: Key) -> String {
    // Some are too long to be stored inline.
    let group = ["a", "b", "c"][key % 3];
    if key.is_multiple_of(5) { format!("{group}/{key:040}") } else { format!("{group}/{key}") }
}

pub(super) fn group(key: Key) -> &'static str {
    ["a/", "b/", "c/", ""][key % 4]
}

/// Spans of time of all sizes: from a microsecond to years.
fn micros() -> impl Strategy<Value = u64> {
    prop_oneof![
        2 => Just(0),
        4 => 1..2_000_u64,
        8 => 2_000..300_000_u64,
        4 => 300_000..20_000_000_u64,
        2 => (24..50_u32).prop_flat_map(|bits| (1_u64 << bits)..(2_u64 << bits)),
    ]
}

fn new() -> impl Strategy<Value = New> {
    let weight = (0..1_000_u64, prop::bool::weighted(0.1));
    let life = prop_oneof![1 => Just(None), 2 => micros().prop_map(Some)];
    (weight, life).prop_map(|(weight, life)| New { weight, life })
}

pub(super) fn command() -> impl Strategy<Value = Command> {
    let expected = prop_oneof![3 => Just(Expected::Current), 1 => Just(Expected::Former), 1 => Just(Expected::Absent)];
    let life = prop_oneof![1 => Just(None), 3 => micros().prop_map(Some)];
    prop_oneof![
        10 => (0..KEYS).prop_map(Command::Get),
        4 => (0..KEYS).prop_map(Command::Peek),
        20 => (0..KEYS, new()).prop_map(|(key, new)| Command::Store(key, new)),
        6 => (0..KEYS, new()).prop_map(|(key, new)| Command::Add(key, new)),
        6 => (0..KEYS, expected, new()).prop_map(|(key, expected, new)| Command::Cas(key, expected, new)),
        3 => (0..KEYS).prop_map(Command::Keep),
        5 => (0..KEYS, life).prop_map(|(key, life)| Command::Expire(key, life)),
        4 => (0..KEYS).prop_map(Command::Delete),
        1 => (0..KEYS, 1..200_u32).prop_map(|(key, places)| Command::DeleteWhere(key, places)),
        1 => Just(Command::Clear),
        2 => Just(Command::RemoveExpired),
        12 => micros().prop_map(Command::Advance),
    ]
}
