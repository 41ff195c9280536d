//! The switch that turns a cache off.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// Set to `1` or `true`, this makes every newly built cache answer as a disabled one, and contact no server.
const DISABLE_VARIABLE: &str = "POLYCACHE_DISABLE";

/// The state of a cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum State {
    /// Commands run.
    On,
    /// Reads miss, writes delete.
    Disabled,
    /// As disabled, but the backend isn't touched at all.
    Off,
    /// Every command is an error.
    Closed = 4,
}

/// The byte of a cache that is closed but for fills under way.
const CLOSING: u8 = 3;

impl State {
    const fn from_byte(byte: u8) -> Self {
        match byte {
            0 => Self::On,
            1 => Self::Disabled,
            2 => Self::Off,
            _ => Self::Closed,
        }
    }
}

/// The state that all views of a cache share.
#[derive(Debug, Clone)]
pub(crate) struct Switch(Arc<AtomicU8>);

impl Switch {
    /// A switch as the environment and the builder set it.
    pub(crate) fn new(enabled: bool) -> Self {
        let off = std::env::var(DISABLE_VARIABLE).is_ok_and(|value| matches!(value.trim(), "1" | "true"));
        let state = match (off, enabled) {
            (true, _) => State::Off,
            (false, true) => State::On,
            (false, false) => State::Disabled,
        };
        Self(Arc::new(AtomicU8::new(state as u8)))
    }

    #[inline]
    pub(crate) fn is_on(&self) -> bool {
        self.0.load(Ordering::Acquire) == State::On as u8
    }

    pub(crate) fn state(&self) -> State {
        State::from_byte(self.0.load(Ordering::Acquire))
    }

    /// Turns the cache on or off, unless the environment has turned it off for good or it was closed.
    pub(crate) fn set_enabled(&self, enabled: bool) {
        let (from, to) = if enabled { (State::Disabled, State::On) } else { (State::On, State::Disabled) };
        // In any other state it stays.
        let _ = self.0.compare_exchange(from as u8, to as u8, Ordering::AcqRel, Ordering::Acquire);
    }

    /// Closes the cache for good. Returns the state before. If it `waits` and was on, fills may still store until [`end`](Self::end).
    pub(crate) fn close(&self, waits: bool) -> State {
        let closed = |byte: u8| match State::from_byte(byte) {
            State::Closed => None,
            State::On if waits => Some(CLOSING),
            State::On | State::Disabled | State::Off => Some(State::Closed as u8),
        };
        let before = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, closed);
        before.map_or(State::Closed, State::from_byte)
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.0.load(Ordering::Acquire) == CLOSING
    }

    /// Closes the cache to fills under way, too.
    pub(crate) fn end(&self) {
        self.0.store(State::Closed as u8, Ordering::Release);
    }
}
