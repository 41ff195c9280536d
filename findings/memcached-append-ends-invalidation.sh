#!/usr/bin/env bash
# memcached 1.6.18: what `md key I` has marked as stale is fresh again after an append, and after an incr from 99 to 100.
#
# Expected: protocol.txt: with I an item is marked as stale, and the client that wins W is to fetch it anew. A command that only
#   changes the old value, as touch, gat and incr do, leaves the mark, so the same for append and for each incr.
# Seen: touch, gat and an incr from 98 to 99 keep the mark. append, prepend, `ms` in the modes A and P and an incr to a number
#   with more digits make a new item without it: no X, no W, what was invalidated is a good value. An incr beyond 99 so, one
#   beyond 98 not.
# Who meets it: a list of recent events by append, or a counter, that is invalidated to be computed anew: the next event in the
#   meantime undoes it, and nobody computes.
# Instead: delete what others append to; or invalidate by another key, a version that is part of the name.
source "$(dirname "$0")/lib.bash"

start_memcached
python_run "$port" <<'PYTHON'
import socket, sys

wire = socket.create_connection(("127.0.0.1", int(sys.argv[1])))

def call(line):
    wire.sendall(line.encode() + b"\r\n")
    return wire.recv(4096).decode().strip()

def state_after(value, change):
    """Whether the item is stale after an invalidation and a change."""
    assert call(f"set k 0 0 {len(value)}\r\n{value}") == "STORED"
    assert call("md k I T300") == "HD"
    answer = call(change)
    assert answer in ("STORED", "TOUCHED", "HD") or answer.isdigit() or answer.startswith("VALUE"), answer
    head, *rest = call("mg k v").split("\r\n")
    stale = "X" in head.split() and "W" in head.split()
    print(f"{value!r}, invalidated, then {change!r}: {head} {rest[0]}: {'stale' if stale else 'FRESH'}")
    return stale

keep = [("ab", "touch k 100"), ("ab", "gat 100 k"), ("98", "incr k 1"), ("100", "decr k 1"), ("98", "ma k")]
lose = [("ab", "append k 0 0 1\r\nx"), ("ab", "prepend k 0 0 1\r\nx"), ("ab", "ms k 1 MA\r\nx"), ("99", "incr k 1"), ("99", "ma k")]
assert all(state_after(*each) for each in keep)
assert not any(state_after(*each) for each in lose)
PYTHON
