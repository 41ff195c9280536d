//! Plugins around a command.

use std::sync::Arc;
use std::time::{Duration, Instant};

use compact_str::CompactString;

use super::{Cache, View};
use crate::limit::limited;
use crate::repeated::tell_repeated;
use crate::{Answer, Command, CommandName, Error, Held, Reply, Result};

/// One command on its way through the hooks.
struct Hooked {
    view: Arc<View>,
    /// Runs the command itself, and serves the hooks.
    bare: Cache,
    name: CommandName,
    keys: Vec<CompactString>,
    started: Instant,
    timeout: Duration,
    /// The values that the plugins hold, by the plugin's place; empty ones aren't kept.
    held: Vec<(usize, Held)>,
}

/// The first step that has to wait.
enum Waits<B> {
    /// This plugin's `before`.
    Before(usize, Reply<Held>),
    /// The command itself.
    Running(Reply<B>),
    /// This plugin's `after`.
    After(usize, Reply<()>, Result<B>),
}

impl Cache {
    /// Runs a command through the plugins: their `before`, then `run` on the cache without plugins, then their `after`. `answer` tells
    /// them the outcome. Only the caller gets the result that `recover` makes of an error.
    #[inline(never)]
    pub(super) fn hooked<B: Send + 'static>(
        &self,
        name: CommandName,
        keys: impl IntoIterator<Item = impl AsRef<str>>,
        run: impl FnOnce(&Self, &[CompactString]) -> Reply<B> + Send + 'static,
        answer: fn(&B) -> Answer,
        recover: impl Fn(&Self, Error) -> Result<B> + Send + 'static,
    ) -> Reply<B> {
        let view = Arc::clone(self.view.bare.as_ref().unwrap_or(&self.view));
        let mut hooked = Hooked {
            view: Arc::clone(&self.view),
            // The whole command has a limit, so its parts need none.
            bare: Self { view, ttl: self.ttl, timeout: Duration::ZERO },
            name,
            keys: keys.into_iter().map(CompactString::new).collect(),
            started: Instant::now(),
            timeout: self.timeout,
            held: Vec::new(),
        };
        let mut run = Some(run);
        match hooked.run_ready(&mut run, answer) {
            Ok(result) => Reply::from(result.or_else(|error| recover(self, error))),
            Err(waits) => {
                let cache = self.clone();
                Reply::pending(async move {
                    let result = hooked.run_waiting(waits, run, answer).await;
                    result.or_else(|error| recover(&cache, error))
                })
            }
        }
    }
}

impl Hooked {
    fn command(&self) -> Command<'_> {
        Command { name: self.name, keys: &self.keys, cache: &self.bare }
    }

    /// Goes as far as it can without waiting.
    fn run_ready<B>(
        &mut self,
        run: &mut Option<impl FnOnce(&Cache, &[CompactString]) -> Reply<B>>,
        answer: fn(&B) -> Answer,
    ) -> Result<Result<B>, Waits<B>> {
        let mut stopped = None;
        for index in 0..self.view.plugins.len() {
            match self.view.plugins[index].before(&self.command()).now() {
                Ok(Ok(held)) => self.keep(index, held),
                Ok(Err(error)) => {
                    stopped = Some(Err(error));
                    break;
                }
                Err(pending) => return Err(Waits::Before(index, pending)),
            }
        }
        let result = match (stopped, run.take()) {
            (Some(stopped), _) => stopped,
            (None, Some(run)) => run(&self.bare, &self.keys).now().map_err(Waits::Running)?,
            (None, None) => return Err(Waits::Running(Reply::error(gone()))),
        };
        let result = self.told(result);
        for index in 0..self.view.plugins.len() {
            match self.after(index, &result, answer).now() {
                Ok(outcome) => self.note(outcome),
                Err(pending) => return Err(Waits::After(index, pending, result)),
            }
        }
        Ok(result)
    }

    /// Goes the rest of the way.
    async fn run_waiting<B>(
        mut self,
        waits: Waits<B>,
        run: Option<impl FnOnce(&Cache, &[CompactString]) -> Reply<B>>,
        answer: fn(&B) -> Answer,
    ) -> Result<B> {
        let mut next = 0;
        let result = match waits {
            Waits::Running(reply) => {
                let result = limited(self.left(), self.timeout, reply).await;
                self.told(result)
            }
            Waits::Before(index, reply) => {
                let (left, timeout) = (self.left(), self.timeout);
                let rest = async {
                    let held = reply.await?;
                    self.keep(index, held);
                    for index in index + 1..self.view.plugins.len() {
                        let held = self.view.plugins[index].before(&self.command()).await?;
                        self.keep(index, held);
                    }
                    run.ok_or_else(gone)?(&self.bare, &self.keys).await
                };
                let result = limited(left, timeout, rest).await;
                self.told(result)
            }
            Waits::After(index, reply, result) => {
                next = index + 1;
                let outcome = limited(self.left(), self.timeout, reply).await;
                self.note(outcome);
                result
            }
        };
        for index in next..self.view.plugins.len() {
            let reply = self.after(index, &result, answer);
            let outcome = limited(self.left(), self.timeout, reply).await;
            self.note(outcome);
        }
        result
    }

    /// The result with the command's name and key in its error.
    fn told<B>(&self, result: Result<B>) -> Result<B> {
        result.map_err(|error| error.of(self.name, self.command().key()))
    }

    fn keep(&mut self, index: usize, held: Held) {
        if !held.is_nothing() {
            self.held.push((index, held));
        }
    }

    fn after<B>(&mut self, index: usize, result: &Result<B>, answer: fn(&B) -> Answer) -> Reply<()> {
        let held = self.held.iter().position(|(place, _)| *place == index);
        let held = held.map_or(Held::NOTHING, |place| self.held.swap_remove(place).1);
        let outcome = result.as_ref().map(answer);
        self.view.plugins[index].after(&self.command(), &outcome, self.started.elapsed(), held)
    }

    /// The command has happened: a failure of a hook after it changes nothing.
    fn note(&self, outcome: Result<()>) {
        if let Err(error) = outcome {
            let cause = (self.view.flights.mark(), self.name, error.kind());
            tell_repeated!(WARN, cause, command = self.name.as_str(), %error, "a plugin's `after` failed");
        }
    }

    fn left(&self) -> Option<Duration> {
        (!self.timeout.is_zero()).then(|| self.timeout.saturating_sub(self.started.elapsed()))
    }
}

/// Never happens, since a command is run once.
fn gone() -> Error {
    Error::new(crate::ErrorKind::Plugin, "the command was run before")
}
