//! The meaning of a server's errors, in one table with two questions. Does a retry cure the error? Does the connection have to go,
//! because its server can't execute the command, or has lost the log-in?

use redis::{Cmd, ServerError, Value};

use super::echo;
use crate::{Error, ErrorKind};

/// The meaning of an error.
struct Meaning {
    kind: ErrorKind,
    hint: &'static str,
    /// Whether a new connection may lead to a server that can execute the command.
    connection_goes: bool,
}

const UNKNOWN: &str = "Redis answered with an error";
const NO_SUCH_COMMAND: &str = "Redis doesn't know the command";
const CLUSTER_NODE: &str = "this Redis is a node of a cluster, and the key is on another one; open the cluster with redis+cluster:// in the URL";

fn meaning(code: &str, details: &str) -> Meaning {
    use ErrorKind::{Backend, InvalidInput, NotANumber, Overflow, TooLarge, Unavailable};
    let stays = |kind, hint| Meaning { kind, hint, connection_goes: false };
    let goes = |kind, hint| Meaning { kind, hint, connection_goes: true };
    match code {
        // Waiting cures these.
        "LOADING" => stays(Unavailable, "Redis is loading its data"),
        "BUSY" => stays(Unavailable, "Redis is busy with a script"),
        "MISCONF" => stays(Unavailable, "Redis can't save to its disk, so it takes no writes; free some space"),
        "NOREPLICAS" => stays(Unavailable, "Redis has too few replicas in sync, so it takes no writes"),
        "TRYAGAIN" => stays(Unavailable, "the keys' slot is on the move between servers of the cluster"),
        "CLUSTERDOWN" => stays(Unavailable, "the cluster doesn't serve the key's slot now"),
        "ERR" if details.contains("max number of clients") => stays(Unavailable, "Redis has as many clients as it may"),
        // A new connection may cure these: the name or the proxy may lead to another server by then.
        "READONLY" | "REDIRECT" => goes(Unavailable, "this Redis is a replica, which takes no writes"),
        "MASTERDOWN" => goes(Unavailable, "this Redis is a replica that has lost its primary"),
        // Only other settings or another call cure these.
        "NOAUTH" => goes(Backend, "Redis wants a password; give user and password in the URL"),
        "ERR" if details.contains("allowed in this context") => {
            goes(Backend, "the connection has been made one for subscriptions alone")
        }
        "MOVED" | "ASK" => stays(Backend, CLUSTER_NODE),
        "CROSSSLOT" => stays(
            InvalidInput,
            "the keys are in several slots of a cluster; open it with redis+cluster:// in the URL, and use a {hash tag} where \
             one command needs several keys",
        ),
        "WRONGPASS" => stays(Backend, "user or password is wrong"),
        "NOPERM" => stays(Backend, "the Redis user isn't allowed this; extend its ACL"),
        "DENIED" => stays(Backend, "Redis lets in only clients of its own machine"),
        "NOPROTO" => stays(Backend, "Redis doesn't speak this version of the protocol"),
        "NOSCRIPT" => stays(Backend, "Redis doesn't know the script; give it the text, with EVAL"),
        "WRONGTYPE" => stays(Backend, "the key holds a Redis list, hash or the like, which other code stored"),
        "OOM" => {
            stays(Backend, "Redis has reached its `maxmemory` and may not evict; raise it, or set a `maxmemory-policy`")
        }
        "ERR" if details.contains("not an integer") => stays(NotANumber, "what is stored isn't an integer"),
        "ERR" if details.contains("would overflow") => stays(Overflow, "the sum would pass the bounds of 64 bits"),
        "ERR" if details.contains("exceeds maximum allowed size") => {
            stays(TooLarge, "the value is too large for Redis")
        }
        "ERR" if is_unknown_command(details) => stays(Backend, NO_SUCH_COMMAND),
        "ERR" if details.contains("SELECT is not allowed in cluster mode") => {
            stays(Backend, "this cluster has database 0 alone; Valkey 9 and later have more, by `cluster-databases`")
        }
        "ERR" if details.contains("cluster support disabled") => {
            stays(Backend, "this Redis is no node of a cluster; open it with redis:// in the URL")
        }
        // EXECABORT, UNKILLABLE, NOTBUSY, BUSYKEY, BUSYGROUP, NOGROUP, INPROG, IOERR, .., and those of users' own scripts.
        _ => stays(Backend, UNKNOWN),
    }
}

fn is_unknown_command(details: &str) -> bool {
    details.starts_with("unknown command")
}

/// Whether the server doesn't know the command at all.
pub(super) fn knows_no_such_command(error: &ServerError) -> bool {
    error.code() == "ERR" && error.details().is_some_and(is_unknown_command)
}

/// Whether the connection has to go.
pub(super) fn connection_goes(error: &ServerError) -> bool {
    meaning(error.code(), error.details().unwrap_or_default()).connection_goes
}

/// An error that the server answered with.
#[cold]
pub(super) fn server_error(error: &ServerError) -> Error {
    let (code, details) = (error.code(), error.details().unwrap_or_default());
    let Meaning { kind, hint, .. } = meaning(code, details);
    match kind {
        ErrorKind::NotANumber | ErrorKind::Overflow => Error::new(kind, hint),
        // Errors in the table quote nothing of the command.
        _ if hint != UNKNOWN && hint != NO_SUCH_COMMAND => Error::new(kind, format!("{hint}: {code} {details}")),
        _ => Error::new(kind, format!("{hint}: {code} {}", echo::without_quotes(details))),
    }
}

/// The error of a redirect that is still there after all redirections. It can be retried: the map will be right in the end.
#[cold]
pub(super) fn not_settled(error: &ServerError) -> Error {
    match error.code() {
        code @ ("MOVED" | "ASK") => {
            let text = format!("the key's slot is on the move between servers of the cluster: {code}");
            Error::new(ErrorKind::Unavailable, text)
        }
        _ => server_error(error),
    }
}

/// The error in this line: its code and details. An error within a script reads as if its command had been sent alone: up to version 6.2
/// its code stands within the text, and later versions add the place in the script.
pub(super) fn read(line: &str) -> Option<ServerError> {
    let line = unwrapped(line);
    match redis::parse_redis_value(format!("-{line}\r\n").as_bytes()) {
        Ok(Value::ServerError(error)) => Some(error),
        _ => None,
    }
}

/// The error without the words of the command, if it repeats any.
#[cold]
pub(super) fn without_echo(error: &ServerError, command: &Cmd) -> Option<ServerError> {
    let (code, details) = (error.code(), error.details().unwrap_or_default());
    let Meaning { hint, .. } = meaning(code, details);
    let may_repeat = hint == UNKNOWN || hint == NO_SUCH_COMMAND || code == "NOPERM";
    if !may_repeat {
        return None;
    }
    let is_code = code.bytes().all(|byte| byte.is_ascii_uppercase());
    if is_code {
        let details = echo::without_words(details, command)?;
        return read(&format!("{code} {details}"));
    }
    read(&echo::without_words(&format!("{code} {details}"), command)?)
}

fn unwrapped(line: &str) -> String {
    let line = match line.rsplit_once(" script: ") {
        Some((line, place)) if place.contains("on @user_script:") => line,
        _ => line,
    };
    let not_allowed = ["ERR ACL failure in script: ", "ERR The user executing the script "];
    if let Some(rest) = not_allowed.iter().find_map(|start| line.strip_prefix(start)) {
        return format!("NOPERM {rest}");
    }
    let Some((_, mut inner)) = line.strip_prefix("ERR Error running script (").and_then(|rest| rest.split_once("): "))
    else {
        return line.to_owned();
    };
    // `@user_script:1: @user_script: 1: -READONLY You can't ..`
    while let Some((place, rest)) = inner.split_once(": ") {
        let place = place.trim_start_matches('@');
        let is_place = place
            .strip_prefix("user_script")
            .is_some_and(|number| number.trim_start_matches(':').chars().all(|digit| digit.is_ascii_digit()));
        let is_number = place.chars().all(|digit| digit.is_ascii_digit());
        if !is_place && !is_number {
            break;
        }
        inner = rest;
    }
    let inner = inner.strip_prefix('-').unwrap_or(inner);
    if inner.starts_with("The user executing the script ") {
        return format!("NOPERM {inner}");
    }
    let code = inner.split(' ').next().unwrap_or_default();
    let has_code = code.len() > 2 && code.bytes().all(|byte| byte.is_ascii_uppercase());
    if has_code { inner.to_owned() } else { format!("ERR {inner}") }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn an_error_within_a_script_is_that_of_its_command() {
        // As 6.2.14, 7.0.15, 8.2.3 and Valkey 9.1.2 write them.
        let call = "ERR Error running script (call to f_9d0c0826bde023cc39eebaaf832c32a890f3b088): @user_script:1: ";
        let at = " script: 9d0c0826bde023cc39eebaaf832c32a890f3b088, on @user_script:1.";
        for (line, code, details) in [
            (format!("{call}@user_script: 1: -READONLY You can't write."), "READONLY", "You can't write."),
            (format!("{call}@user_script: 1: -OOM command not allowed"), "OOM", "command not allowed"),
            (format!("{call}WRONGTYPE Operation against a key"), "WRONGTYPE", "Operation against a key"),
            (format!("{call}ERR value is not an integer"), "ERR", "value is not an integer"),
            (format!("{call}user_script:1: what: else"), "ERR", "what: else"),
            (
                format!("{call}@user_script: 1: The user executing the script can't run this command or subcommand"),
                "NOPERM",
                "The user executing the script can't run this command or subcommand",
            ),
            (format!("READONLY You can't write.{at}"), "READONLY", "You can't write."),
            ("ERR value is not an integer script: on @user_script:1.".to_owned(), "ERR", "value is not an integer"),
            (
                format!("ERR The user executing the script can't run this command or subcommand{at}"),
                "NOPERM",
                "can't run this command or subcommand",
            ),
            (
                format!("ERR ACL failure in script: User u has no permissions to run the 'set' command{at}"),
                "NOPERM",
                "User u has no permissions to run the 'set' command",
            ),
            (
                "ERR ACL failure in script: No permissions to access a key script: on @user_script:1.".to_owned(),
                "NOPERM",
                "No permissions to access a key",
            ),
            ("MINE a script: of mine".to_owned(), "MINE", "a script: of mine"),
            (
                "MISCONF Errors writing to the AOF file: No space left".to_owned(),
                "MISCONF",
                "Errors writing to the AOF file: No space left",
            ),
        ] {
            let error = read(&line).unwrap();
            assert_eq!((error.code(), error.details().unwrap()), (code, details), "{line}");
        }
    }

    #[test]
    fn what_a_retry_cures_and_what_a_new_connection_cures() {
        for (line, kind, goes) in [
            ("LOADING Redis is loading the dataset in memory", ErrorKind::Unavailable, false),
            ("BUSY Redis is busy running a script.", ErrorKind::Unavailable, false),
            (
                "MISCONF Redis is configured to save RDB snapshots, but it's unable to persist",
                ErrorKind::Unavailable,
                false,
            ),
            ("NOREPLICAS Not enough good replicas to write.", ErrorKind::Unavailable, false),
            ("TRYAGAIN Multiple keys request during rehashing of slot", ErrorKind::Unavailable, false),
            ("CLUSTERDOWN Hash slot not served", ErrorKind::Unavailable, false),
            ("ERR max number of clients reached", ErrorKind::Unavailable, false),
            ("READONLY You can't write against a read only replica.", ErrorKind::Unavailable, true),
            (
                "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
                ErrorKind::Unavailable,
                true,
            ),
            ("NOAUTH Authentication required.", ErrorKind::Backend, true),
            ("MOVED 12182 127.0.0.1:7000", ErrorKind::Backend, false),
            ("ASK 12182 127.0.0.1:7000", ErrorKind::Backend, false),
            ("CROSSSLOT Keys in request don't hash to the same slot", ErrorKind::InvalidInput, false),
            ("WRONGPASS invalid username-password pair or user is disabled.", ErrorKind::Backend, false),
            ("NOPERM this user has no permissions to run the 'set' command", ErrorKind::Backend, false),
            ("WRONGTYPE Operation against a key holding the wrong kind of value", ErrorKind::Backend, false),
            ("OOM command not allowed when used memory > 'maxmemory'.", ErrorKind::Backend, false),
            ("NOSCRIPT No matching script. Please use EVAL.", ErrorKind::Backend, false),
            ("EXECABORT Transaction discarded because of previous errors.", ErrorKind::Backend, false),
            ("UNKILLABLE Sorry the script already executed write commands.", ErrorKind::Backend, false),
            ("NOPROTO unsupported protocol version", ErrorKind::Backend, false),
            ("ERR unknown command 'X', with args beginning with: ", ErrorKind::Backend, false),
            ("ERR syntax error", ErrorKind::Backend, false),
            ("ERR value is not an integer or out of range", ErrorKind::NotANumber, false),
            ("ERR increment or decrement would overflow", ErrorKind::Overflow, false),
            ("ERR string exceeds maximum allowed size (proto-max-bulk-len)", ErrorKind::TooLarge, false),
        ] {
            let error = read(line).unwrap();
            assert_eq!((server_error(&error).kind(), connection_goes(&error)), (kind, goes), "{line}");
        }
        let moved = server_error(&read("MOVED 12182 127.0.0.1:7000").unwrap());
        assert!(moved.to_string().contains("redis+cluster://") && !moved.is_retryable(), "{moved}");
    }
}
