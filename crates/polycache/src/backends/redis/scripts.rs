//! Scripts, for steps that no single command of Redis can do.

use std::sync::LazyLock;

use redis::{Cmd, Value};

use super::command::Command;
use super::fleet::Fleet;
use super::trouble::Class;
use crate::Result;
use crate::backend::Key;

/// A script. The server knows it by its digest.
pub(super) struct Script {
    text: &'static str,
    digest: LazyLock<String>,
}

macro_rules! script {
    ($text:literal $(,)?) => {
        Script { text: $text, digest: LazyLock::new(|| redis::Script::new($text).get_hash().to_owned()) }
    };
}

// A script that gets the key of a lease ends the lease too. One that stores does so last: after a deletion, Redis lets a script go on
// where memory is full.

/// Adds to an integer; a new one gets a TTL. The sum goes out as text, since a number of Lua is exact to 53 bits only.
pub(super) static INCREMENT: Script = script!(
    r"
local created = redis.call('EXISTS', KEYS[1]) == 0
redis.call('INCRBY', KEYS[1], ARGV[1])
if created and ARGV[2] then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
if KEYS[2] then redis.call('UNLINK', KEYS[2]) end
return redis.call('GET', KEYS[1])",
);

/// Stores where there is no value. Returns whether it stored.
pub(super) static ADD: Script = script!(
    r"
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
if ARGV[2] then redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) else redis.call('SET', KEYS[1], ARGV[1]) end
redis.call('UNLINK', KEYS[2])
return 1",
);

/// Stores if the stored bytes are still the expected ones.
pub(super) static REPLACE: Script = script!(
    r"
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[3] then redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) else redis.call('SET', KEYS[1], ARGV[2]) end
if KEYS[2] then redis.call('UNLINK', KEYS[2]) end
return 1",
);

/// Stores if the entry of a lease begins with these bytes, and ends the lease; with `NX` only where there is no value yet.
pub(super) static STORE_UNDER_LEASE: Script = script!(
    r"
if string.sub(redis.call('GET', KEYS[2]) or '', 1, #ARGV[1]) ~= ARGV[1] then return 0 end
local stores = ARGV[3] ~= 'NX' or redis.call('EXISTS', KEYS[1]) == 0
if stores and ARGV[4] then
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[4])
elseif stores then
  redis.call('SET', KEYS[1], ARGV[2])
end
redis.call('UNLINK', KEYS[2])
return stores and 1 or 0",
);

/// Deletes if the stored bytes are still the expected ones.
pub(super) static REMOVE: Script = script!(
    r"
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if KEYS[2] then redis.call('UNLINK', KEYS[2]) end
return redis.call('UNLINK', KEYS[1])",
);

/// The values of all keys, each with the rest of its life. In one step: another value could be stored between two commands, and its life
/// be taken for that of the old value.
pub(super) static LOOK: Script = script!(
    r"
local found = {}
for number, key in ipairs(KEYS) do
  found[2 * number - 1] = redis.pcall('GET', key)
  found[2 * number] = redis.call('PTTL', key)
end
return found",
);

/// Removes the deadline. Returns whether there is such a key.
pub(super) static PERSIST: Script = script!(
    r"
if KEYS[2] then redis.call('UNLINK', KEYS[2]) end
if redis.call('PERSIST', KEYS[1]) == 1 then return 1 end
return redis.call('EXISTS', KEYS[1])",
);

/// A call of `script` about `key`. It is called by its digest; a server that doesn't know that, at first or after a restart, then gets
/// the text.
pub(super) struct Call {
    script: &'static Script,
    keys: Vec<Vec<u8>>,
    arguments: Vec<Vec<u8>>,
}

impl Call {
    pub(super) fn new(script: &'static Script, key: &str) -> Self {
        Self { script, keys: vec![key.into()], arguments: Vec::new() }
    }

    /// Adds another key of the same slot, if there is one.
    pub(super) fn second_key(mut self, key: Option<impl Into<Vec<u8>>>) -> Self {
        self.keys.extend(key.map(Into::into));
        self
    }

    pub(super) fn arg(mut self, argument: impl Into<Vec<u8>>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// A call about several keys, all of them at one server.
    pub(super) fn of_all(script: &'static Script, keys: &[Key<'_>]) -> Self {
        Self { script, keys: keys.iter().map(|key| key.full().into()).collect(), arguments: Vec::new() }
    }

    /// Several calls of one script, in one round trip to each server.
    pub(super) async fn run_all(calls: Vec<Self>, fleet: &Fleet, class: Class) -> Result<Vec<Value>> {
        let by_digest = calls.iter().map(|call| call.command(fleet, "EVALSHA", &call.script.digest)).collect();
        let mut answers = fleet.many(class, by_digest).await?;
        let is_unknown = |answer: &Value| matches!(answer, Value::ServerError(error) if error.code() == "NOSCRIPT");
        let again: Vec<usize> = (0..answers.len()).filter(|&at| is_unknown(&answers[at])).collect();
        let by_text = again.iter().map(|&at| calls[at].command(fleet, "EVAL", calls[at].script.text)).collect();
        for (at, answer) in again.into_iter().zip(fleet.many(class, by_text).await?) {
            answers[at] = answer;
        }
        Ok(answers)
    }

    pub(super) async fn run(self, fleet: &Fleet, class: Class) -> Result<Value> {
        let answer = fleet.one(class, self.command(fleet, "EVALSHA", &self.script.digest)).await?;
        match &answer {
            Value::ServerError(error) if error.code() == "NOSCRIPT" => {
                fleet.one(class, self.command(fleet, "EVAL", self.script.text)).await
            }
            _ => Ok(answer),
        }
    }

    fn command(&self, fleet: &Fleet, name: &str, script: &str) -> Command {
        let mut command = Cmd::new();
        command.arg(name).arg(script).arg(self.keys.len());
        for argument in self.keys.iter().chain(&self.arguments) {
            command.arg(argument);
        }
        fleet.command(self.keys.first().map(Vec::as_slice).unwrap_or_default(), command)
    }
}
