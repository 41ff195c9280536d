//! The commands that `raw` sends: other users of the connection notice nothing of them. An unknown command may change the connection, so
//! it is refused.

use crate::{Error, ErrorKind, Result};

/// Of Redis up to 8.6 and Valkey up to 9.1. Sorted.
#[rustfmt::skip] // In a column it would fill the file.
const COMMANDS: [&str; 232] = [
    "ACL", "APPEND", "BGREWRITEAOF", "BGSAVE", "BITCOUNT", "BITFIELD", "BITFIELD_RO", "BITOP", "BITPOS", "CLUSTER", "CLUSTERSCAN",
    "COMMAND", "COMMANDLOG", "CONFIG", "COPY", "DBSIZE", "DECR", "DECRBY", "DEL", "DELEX", "DELIFEQ", "DIGEST", "DUMP", "ECHO",
    "EVAL", "EVALSHA", "EVALSHA_RO", "EVAL_RO", "EXISTS", "EXPIRE", "EXPIREAT", "EXPIRETIME", "FAILOVER", "FCALL", "FCALL_RO",
    "FLUSHALL", "FLUSHDB", "FUNCTION", "GEOADD", "GEODIST", "GEOHASH", "GEOPOS", "GEORADIUS", "GEORADIUSBYMEMBER",
    "GEORADIUSBYMEMBER_RO", "GEORADIUS_RO", "GEOSEARCH", "GEOSEARCHSTORE", "GET", "GETBIT", "GETDEL", "GETEX", "GETRANGE", "GETSET",
    "HDEL", "HEXISTS", "HEXPIRE", "HEXPIREAT", "HEXPIRETIME", "HGET", "HGETALL", "HGETDEL", "HGETEX", "HINCRBY", "HINCRBYFLOAT",
    "HKEYS", "HLEN", "HMGET", "HMSET", "HPERSIST", "HPEXPIRE", "HPEXPIREAT", "HPEXPIRETIME", "HPTTL", "HRANDFIELD", "HSCAN", "HSET",
    "HSETEX", "HSETNX", "HSTRLEN", "HTTL", "HVALS", "INCR", "INCRBY", "INCRBYFLOAT", "INFO", "KEYS", "LASTSAVE", "LATENCY", "LCS",
    "LINDEX", "LINSERT", "LLEN", "LMOVE", "LMPOP", "LOLWUT", "LPOP", "LPOS", "LPUSH", "LPUSHX", "LRANGE", "LREM", "LSET", "LTRIM",
    "MEMORY", "MGET", "MIGRATE", "MODULE", "MOVE", "MSET", "MSETEX", "MSETNX", "OBJECT", "PERSIST", "PEXPIRE", "PEXPIREAT",
    "PEXPIRETIME", "PFADD", "PFCOUNT", "PFMERGE", "PING", "PSETEX", "PTTL", "PUBLISH", "PUBSUB", "RANDOMKEY", "RENAME", "RENAMENX",
    "REPLICAOF", "RESTORE", "ROLE", "RPOP", "RPOPLPUSH", "RPUSH", "RPUSHX", "SADD", "SAVE", "SCAN", "SCARD", "SDIFF", "SDIFFSTORE",
    "SET", "SETBIT", "SETEX", "SETNX", "SETRANGE", "SHUTDOWN", "SINTER", "SINTERCARD", "SINTERSTORE", "SISMEMBER", "SLAVEOF",
    "SLOWLOG", "SMEMBERS", "SMISMEMBER", "SMOVE", "SORT", "SORT_RO", "SPOP", "SPUBLISH", "SRANDMEMBER", "SREM", "SSCAN", "STRLEN",
    "SUBSTR", "SUNION", "SUNIONSTORE", "SWAPDB", "TIME", "TOUCH", "TTL", "TYPE", "UNLINK", "VADD", "VCARD", "VDIM", "VEMB",
    "VGETATTR", "VINFO", "VISMEMBER", "VLINKS", "VRANDMEMBER", "VREM", "VSETATTR", "VSIM", "XACK", "XACKDEL", "XADD", "XAUTOCLAIM",
    "XCLAIM", "XDEL", "XDELEX", "XGROUP", "XINFO", "XLEN", "XPENDING", "XRANGE", "XREVRANGE", "XSETID", "XTRIM", "ZADD", "ZCARD",
    "ZCOUNT", "ZDIFF", "ZDIFFSTORE", "ZINCRBY", "ZINTER", "ZINTERCARD", "ZINTERSTORE", "ZLEXCOUNT", "ZMPOP", "ZMSCORE", "ZPOPMAX",
    "ZPOPMIN", "ZRANDMEMBER", "ZRANGE", "ZRANGEBYLEX", "ZRANGEBYSCORE", "ZRANGESTORE", "ZRANK", "ZREM", "ZREMRANGEBYLEX",
    "ZREMRANGEBYRANK", "ZREMRANGEBYSCORE", "ZREVRANGE", "ZREVRANGEBYLEX", "ZREVRANGEBYSCORE", "ZREVRANK", "ZSCAN", "ZSCORE",
    "ZUNION", "ZUNIONSTORE",
];

/// Of commands that can change the connection or stop the server: the subcommands that are sent.
const SUBCOMMANDS: [(&str, &[&str]); 3] = [
    (
        "CLIENT",
        &["GETNAME", "GETREDIR", "HELP", "ID", "INFO", "KILL", "LIST", "PAUSE", "TRACKINGINFO", "UNBLOCK", "UNPAUSE"],
    ),
    ("DEBUG", &["OBJECT"]),
    ("SCRIPT", &["EXISTS", "FLUSH", "HELP", "KILL", "LOAD", "SHOW"]),
];

/// These wait, and hold up all other callers.
const BLOCKING: [&str; 10] =
    ["BLMOVE", "BLMPOP", "BLPOP", "BRPOP", "BRPOPLPUSH", "BZMPOP", "BZPOPMAX", "BZPOPMIN", "WAIT", "WAITAOF"];

/// These change the connection, which all callers share, or the form of its replies.
const CONNECTION: [&str; 25] = [
    "ASKING",
    "AUTH",
    "CLIENT",
    "DISCARD",
    "EXEC",
    "HELLO",
    "MONITOR",
    "MULTI",
    "PSUBSCRIBE",
    "PSYNC",
    "PUNSUBSCRIBE",
    "QUIT",
    "READONLY",
    "READWRITE",
    "REPLCONF",
    "RESET",
    "SCRIPT",
    "SELECT",
    "SSUBSCRIBE",
    "SUBSCRIBE",
    "SUNSUBSCRIBE",
    "SYNC",
    "UNSUBSCRIBE",
    "UNWATCH",
    "WATCH",
];

/// Whether `raw` sends this command.
pub(super) fn check(command: &str, args: &[&[u8]]) -> Result<()> {
    let mut words = command.split_ascii_whitespace().map(str::as_bytes).chain(args.iter().copied());
    let Some(name) = words.next() else {
        return Err(Error::new(ErrorKind::InvalidInput, "no command is given"));
    };
    let name = name.to_ascii_uppercase();
    let rest: Vec<&[u8]> = words.collect();
    let is_allowed = match SUBCOMMANDS.iter().find(|(command, _)| command.as_bytes() == name) {
        Some((_, subcommands)) => rest.first().is_some_and(|word| is(word, subcommands)),
        None if name == b"XREAD" || name == b"XREADGROUP" => !blocks(&rest),
        // A module's command, such as JSON.GET: it keeps to its data.
        None => COMMANDS.binary_search_by(|command| command.as_bytes().cmp(&name)).is_ok() || name.contains(&b'.'),
    };
    if is_allowed {
        return Ok(());
    }
    let (kind, reason) = if is(&name, &CONNECTION) {
        (ErrorKind::Refused, "changes the connection, which all callers share")
    } else if is(&name, &BLOCKING) || name.starts_with(b"XREAD") {
        (ErrorKind::Refused, "waits, and every other caller would wait behind it")
    } else {
        (ErrorKind::InvalidInput, "isn't among the commands that are known to leave a shared connection as it is")
    };
    // A word after the command's name may be a secret.
    let text = format!("{} {reason}; use a connection of your own", String::from_utf8_lossy(&name));
    Err(Error::new(kind, text))
}

fn is(word: &[u8], listed: &[&str]) -> bool {
    listed.iter().any(|name| word.eq_ignore_ascii_case(name.as_bytes()))
}

/// Whether a read of streams waits: options stand before the streams, and a group's two names may be any.
fn blocks(words: &[&[u8]]) -> bool {
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if is(word, &["GROUP"]) {
            words.nth(1);
        } else if is(word, &["STREAMS"]) {
            return false;
        } else if is(word, &["BLOCK"]) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_has_nothing_that_is_refused() {
        assert!(COMMANDS.is_sorted());
        for refused in CONNECTION.iter().chain(&BLOCKING) {
            assert!(!COMMANDS.contains(refused), "{refused}");
        }
    }
}
