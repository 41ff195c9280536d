//! A command, and another one that the server executes before it.

use redis::{Cmd, Value};

/// A command, and the slot of its key.
#[derive(Debug)]
pub(super) struct Command {
    pub(super) command: Cmd,
    pub(super) slot: u16,
    /// A command for the same server right before this one. Boxed: few commands have one, and all are moved about.
    pub(super) first: Option<Box<Cmd>>,
}

impl Command {
    /// The command after another one for the same slot, if `first` is given.
    pub(super) fn after(mut self, first: Option<Cmd>) -> Self {
        self.first = first.map(Box::new);
        self
    }

    /// The commands to send, in their order.
    pub(super) fn parts(&self) -> impl Iterator<Item = &Cmd> {
        self.first.as_deref().into_iter().chain([&self.command])
    }
}

/// The answer to a command behind a deletion: it counts only if the deletion succeeded.
pub(super) fn after(first: Value, answer: Value) -> Value {
    match first {
        Value::Nil | Value::Int(_) => answer,
        Value::ServerError(_) => first,
        // Nor does it count if the deletion has no answer. An empty map fits no command.
        _ => Value::Map(Vec::new()),
    }
}

/// One answer to each command, made from the answers to everything that was sent.
pub(super) fn joined<'a>(commands: impl IntoIterator<Item = &'a Command>, answers: Vec<Value>) -> Vec<Value> {
    paired(commands, answers).into_iter().map(|(first, answer)| after(first, answer)).collect()
}

/// The answer to each command, with the answer to the one before it.
pub(super) fn paired<'a>(commands: impl IntoIterator<Item = &'a Command>, answers: Vec<Value>) -> Vec<(Value, Value)> {
    let mut answers = answers.into_iter();
    let mut next = || answers.next().unwrap_or_default();
    let pair = |command: &Command| (command.first.as_ref().map_or(Value::Nil, |_| next()), next());
    commands.into_iter().map(pair).collect()
}
