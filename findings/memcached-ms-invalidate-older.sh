#!/usr/bin/env bash
# memcached 1.6.18: `ms` with an older CAS token and the I flag overwrites the newer value.
#
# Expected: protocol.txt: C compares the CAS value when storing, and I stands for "invalidate" when the supplied CAS is
#   older. From that, and from what md with I does, one expects the stored item to be kept and marked as stale.
# Seen: the late writer's own, older value replaces the newer one, with the answer HD (success); the item is marked as
#   stale, so one reader is given W and the others the old value with X, and the writer's TTL is ignored. Without I the
#   answer is EX and nothing changes; a token that is too high gives EX.
# Who meets it: leases on meta commands: who computed longest overwrites what is newer, and readers that don't look at X
#   take it.
# Instead: no I on ms; md key I to mark an item as stale.
source "$(dirname "$0")/lib.bash"

start_memcached
python3 - "$port" <<'PYTHON'
import socket, sys

wire = socket.create_connection(("127.0.0.1", int(sys.argv[1])))

def call(data):
    wire.sendall(data)
    return wire.recv(4096).decode().strip()

def tokens():
    call(b"ms k 3 T60\r\nold\r\n")
    older = call(b"mg k c\r\n").removeprefix("HD c")
    call(b"ms k 3 T60\r\nnew\r\n")
    return int(older)

plain = call(b"ms k 4 C%d\r\nlate\r\n" % tokens()), call(b"mg k v\r\n")
marked = call(b"ms k 4 C%d I T5\r\nlate\r\n" % tokens()), call(b"mg k v t\r\n"), call(b"mg k v t\r\n"), call(b"get k\r\n")
print("without I:", plain)
print("with I:", marked)
assert plain == ("EX", "VA 3\r\nnew")
assert marked[0] == "HD" and " X" in marked[1] and " W" in marked[1]
assert "late" in marked[1] and "late" in marked[2] and " X" in marked[2] and "late" in marked[3]
assert marked[1].split()[2] not in ("t5", "t4"), marked
PYTHON
