//! Whether a command runs: the switch, and whether there are plugins.

use super::Cache;
use crate::switch::State;
use crate::{Answer, CommandName, Error, ErrorKind, Reply};

/// The way of a command.
pub(super) enum Gate {
    /// To the backend.
    Open,
    /// Through the plugins' hooks, then with a bare view to the backend.
    Hooked,
    /// Nowhere: the cache is off or closed.
    Shut,
}

impl Cache {
    #[inline]
    pub(super) fn gate(&self) -> Gate {
        match (self.view.switch.is_on(), &self.view.bare) {
            (true, None) => Gate::Open,
            (true, Some(_)) => Gate::Hooked,
            (false, _) => Gate::Shut,
        }
    }

    /// The gate for deletions, which still run while the cache is off. It looks at the switch once: if that changed between two looks, a
    /// deletion would be neither executed nor refused.
    pub(super) fn removal_gate(&self) -> Gate {
        match (self.state(), &self.view.bare) {
            (State::On | State::Disabled, None) => Gate::Open,
            (State::On | State::Disabled, Some(_)) => Gate::Hooked,
            (State::Off | State::Closed, _) => Gate::Shut,
        }
    }

    /// Takes a command on one key, or on none, the way that `gate` shows. `open` runs it, and `shut` answers while the cache is off. Both
    /// get the cache to work on, which has no plugins behind the hooks.
    ///
    /// `get`, `set` and their like spell this out: moving values into `open` would be felt in a hit. So do commands that would have to
    /// copy their arguments first.
    #[inline]
    pub(super) fn pass<B: Send + 'static>(
        &self,
        gate: impl FnOnce(&Self) -> Gate + Copy + Send + 'static,
        name: CommandName,
        key: Option<&str>,
        open: impl FnOnce(&Self, &str) -> Reply<B> + Send + 'static,
        answer: fn(&B) -> Answer,
        shut: impl FnOnce(&Self, &str) -> Reply<B> + Send + 'static,
    ) -> Reply<B> {
        match gate(self) {
            Gate::Open => open(self, key.unwrap_or_default()),
            Gate::Hooked => self.hooked(
                name,
                key,
                move |bare, keys| {
                    let key = keys.first().map_or("", |key| key);
                    match gate(bare) {
                        Gate::Open | Gate::Hooked => open(bare, key),
                        // The switch has changed while the hooks ran.
                        Gate::Shut => shut(bare, key),
                    }
                },
                answer,
                |_, error| Err(error),
            ),
            Gate::Shut => shut(self, key.unwrap_or_default()),
        }
    }

    /// The answer of a command that changes nothing, while the gate is shut.
    #[cold]
    pub(super) fn shut<B>(&self, name: CommandName, answer: B) -> Reply<B> {
        match self.view.switch.state() {
            State::Closed => Reply::error(self.closed(name.as_str())),
            _ => Reply::ready(answer),
        }
    }

    #[cold]
    pub(crate) fn closed(&self, command: &'static str) -> Error {
        Error::new(ErrorKind::Closed, "the cache was closed").during(command, None)
    }

    pub(crate) fn state(&self) -> State {
        self.view.switch.state()
    }

    /// The answer of a write while the gate is shut. It deletes: otherwise a stale value would be there when the cache is on again, as it
    /// may be by now.
    #[cold]
    pub(super) fn shut_write<B: Send + 'static>(
        &self,
        name: CommandName,
        keys: &[impl AsRef<str>],
        answer: B,
    ) -> Reply<B> {
        if matches!(self.state(), State::Off | State::Closed) || keys.is_empty() {
            return self.shut(name, answer);
        }
        let deleted = match self.checked_keys(keys) {
            Ok(full) => self.change(full, |backend, keys| backend.multi_delete(keys)),
            Err(error) => Reply::error(error),
        };
        self.finish(name, None, deleted, move |_, _, deleted| deleted.map(|_| answer))
    }
}
