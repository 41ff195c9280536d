//! What one command of Redis can't do: scripts.

use std::sync::LazyLock;

use redis::{Cmd, Value};

use super::command::Command;
use super::fleet::Fleet;
use super::trouble::Class;
use crate::Result;

/// A script, known to the server by its digest.
pub(super) struct Script {
    text: &'static str,
    digest: LazyLock<String>,
}

macro_rules! script {
    ($text:literal $(,)?) => {
        Script { text: $text, digest: LazyLock::new(|| redis::Script::new($text).get_hash().to_owned()) }
    };
}

// Those that write end the lease on the key as well, where they get its key, and do it last: a script that has deleted may go on where
// memory is full.

/// Adds to an integer; one that is created gets a life of its own. The sum goes out as text: a number of Lua is exact to 53 bits.
pub(super) static INCREMENT: Script = script!(
    r"
local created = redis.call('EXISTS', KEYS[1]) == 0
redis.call('INCRBY', KEYS[1], ARGV[1])
if created and ARGV[2] then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
if KEYS[2] then redis.call('UNLINK', KEYS[2]) end
return redis.call('GET', KEYS[1])",
);

/// Stores where there is no value; whether it did.
pub(super) static ADD: Script = script!(
    r"
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
if ARGV[2] then redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) else redis.call('SET', KEYS[1], ARGV[1]) end
redis.call('UNLINK', KEYS[2])
return 1",
);

/// Stores where the stored bytes are still those.
pub(super) static REPLACE: Script = script!(
    r"
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[3] then redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) else redis.call('SET', KEYS[1], ARGV[2]) end
if KEYS[2] then redis.call('UNLINK', KEYS[2]) end
return 1",
);

/// Stores while what is under another key, a lease, begins with these bytes, and deletes that; where there is no value yet, or on no
/// condition.
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

/// Deletes where the stored bytes are still those.
pub(super) static REMOVE: Script =
    script!("if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('UNLINK', KEYS[1]) end return 0");

/// Takes the deadline off; whether there is such a key.
pub(super) static PERSIST: Script = script!(
    r"
if KEYS[2] then redis.call('UNLINK', KEYS[2]) end
if redis.call('PERSIST', KEYS[1]) == 1 then return 1 end
return redis.call('EXISTS', KEYS[1])",
);

/// A call of `script` about `key`. By its digest; a server that doesn't know it, at first or after a restart, is then given the text.
pub(super) struct Call {
    script: &'static Script,
    key: Vec<u8>,
    second_key: Option<Vec<u8>>,
    arguments: Vec<Vec<u8>>,
}

impl Call {
    pub(super) fn new(script: &'static Script, key: &str) -> Self {
        Self { script, key: key.into(), second_key: None, arguments: Vec::new() }
    }

    /// With another key, in the same slot, if there is one.
    pub(super) fn second_key(mut self, key: Option<impl Into<Vec<u8>>>) -> Self {
        self.second_key = key.map(Into::into);
        self
    }

    pub(super) fn arg(mut self, argument: impl Into<Vec<u8>>) -> Self {
        self.arguments.push(argument.into());
        self
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
        command.arg(name).arg(script).arg(1 + self.second_key.iter().len()).arg(&self.key);
        if let Some(second) = &self.second_key {
            command.arg(second);
        }
        for argument in &self.arguments {
            command.arg(argument);
        }
        fleet.command(&self.key, command)
    }
}
