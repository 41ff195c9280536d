//! The events of a run, in order.

use std::collections::VecDeque;
use std::fmt::Write;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How many events of a key are kept.
const KEPT: usize = 400;
/// How many of them are told.
const TOLD: usize = 120;

#[derive(Debug)]
pub(super) struct Log {
    started: Instant,
    /// One for each key, and one for events about all keys.
    parts: Vec<Mutex<VecDeque<Event>>>,
}

#[derive(Debug, Clone)]
struct Event {
    at: Duration,
    text: String,
}

impl Log {
    pub(super) fn new(keys: usize) -> Self {
        Self { started: Instant::now(), parts: (0..=keys).map(|_| Mutex::default()).collect() }
    }

    pub(super) fn key(&self, key: usize, text: String) {
        let mut part = self.parts[key].lock().unwrap_or_else(PoisonError::into_inner);
        if part.len() == KEPT {
            part.pop_front();
        }
        part.push_back(Event { at: self.started.elapsed(), text });
    }

    pub(super) fn all(&self, text: String) {
        self.key(self.parts.len() - 1, text);
    }

    /// The last events about this key and about all keys, in order.
    pub(super) fn tell(&self, key: Option<usize>) -> String {
        let parts = key.into_iter().chain([self.parts.len() - 1]);
        let mut events: Vec<Event> = parts
            .flat_map(|part| Vec::from(self.parts[part].lock().unwrap_or_else(PoisonError::into_inner).clone()))
            .collect();
        events.sort_by_key(|event| event.at);
        let mut text = String::new();
        for Event { at, text: what } in &events[events.len().saturating_sub(TOLD)..] {
            let _ = writeln!(text, "  {:>12.6} s  {what}", at.as_secs_f64());
        }
        text
    }
}
