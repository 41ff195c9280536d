#!/usr/bin/env bash
# Valkey 9.1.2: EXPIRE with a time in the past is told as `expired`, against its documentation and Redis' `del`.
#
# Expected: the documentation of EXPIRE, Redis' and Valkey's alike: with a timeout that isn't positive the key is deleted
#   rather than expired, and the event is del, not expired. SET with a time in the past: set and expire, as with any other.
# Seen: EXPIRE k 0, PEXPIREAT k 1 and GETEX k PXAT 1 are `del` on Redis and `expired` on Valkey, SET k v PXAT 1 is `expired`
#   alone there, and is no event at all if the key is new. HGETEX .. PXAT 1 is hdel on Redis and hexpired on Valkey.
# Who meets it: a worker that acts on `expired` ("the session timed out", "the reservation lapsed") and code that ends entries
#   by EXPIRE 0: after the change of server each deletion is a time-out. Or one that keeps a copy in step by set and del.
# Instead: DEL or UNLINK to delete; listen to both events.
source "$(dirname "$0")/lib.bash"

start_valkey --notify-keyspace-events KEA --enable-debug-command yes
valkey_port=$port
start_redis --notify-keyspace-events KEA --enable-debug-command yes
python_run "$valkey_port" "$port" <<'PYTHON'
import sys, valkey  # the client that comes with the server's package

commands = ["EXPIRE k 0", "EXPIRE k -1", "PEXPIREAT k 1", "GETEX k PXAT 1", "SET k v PXAT 1", "SET new v PXAT 1", "HGETEX h PXAT 1 FIELDS 1 f"]

def look(port):
    client = valkey.Valkey(port=int(port), decode_responses=True)
    client.execute_command("DEBUG", "SET-ACTIVE-EXPIRE", 0)
    listener = client.pubsub()
    listener.psubscribe("__keyevent@0__:*")
    seen = {}
    for command in commands:
        client.flushall()
        client.set("k", "old")
        client.hset("h", mapping={"f": 1, "other": 2})
        client.publish("__keyevent@0__:begin", "")
        client.execute_command(*command.split())
        client.publish("__keyevent@0__:end", "")
        events = []
        while not events or events[-1] != "end":
            message = listener.get_message(timeout=10)
            if message["type"] == "pmessage":
                events.append(message["channel"].split(":")[1])
                if events[-1] == "begin":
                    events = []
        seen[command] = events[:-1]
    return seen

new, old = look(sys.argv[1]), look(sys.argv[2])
for command in commands:
    print(f"{command}: Valkey {new[command]}, Redis {old[command]}")
assert list(new.values()) == [["expired"]] * 5 + [[], ["hexpired"]], new
assert list(old.values()) == [["del"]] * 4 + [["set", "expire"]] * 2 + [["hdel"]], old
PYTHON
