//! Redis' own commands, as the caller gives them.

use redis::{Cmd, Value};

use super::answers;
use super::fleet::Fleet;
use super::server_error::without_echo;
use super::trouble::Class;
use crate::{Raw, Result};

/// The command of these words. `command` may hold several.
pub(super) fn command(command: &str, args: &[&[u8]]) -> Cmd {
    let mut raw = Cmd::new();
    for word in command.split_ascii_whitespace() {
        raw.arg(word);
    }
    for arg in args {
        raw.arg(*arg);
    }
    raw
}

/// Sends the command to the server of `key`. The key is a guess: a cluster knows the command's keys better, and redirects it.
pub(super) async fn send(fleet: &Fleet, key: &[u8], command: Cmd) -> Result<Raw> {
    let mut answer = fleet.one(Class::Once, fleet.command(key, command.clone())).await?;
    cut_within(&mut answer, &command);
    answers::raw(answer)
}

/// Cuts the words of the command out of errors within a reply.
fn cut_within(answer: &mut Value, command: &Cmd) {
    match answer {
        Value::ServerError(error) => {
            if let Some(cut) = without_echo(error, command) {
                *error = cut;
            }
        }
        Value::Array(values) | Value::Set(values) => values.iter_mut().for_each(|value| cut_within(value, command)),
        Value::Map(entries) => {
            for (key, value) in entries {
                cut_within(key, command);
                cut_within(value, command);
            }
        }
        _ => {}
    }
}
