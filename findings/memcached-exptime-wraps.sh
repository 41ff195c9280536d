#!/usr/bin/env bash
# memcached 1.6.18: an exptime is cut to a signed 32-bit number without an error: 2^32 is "never", 2^32 + 100 is 100
# seconds.
#
# Expected: protocol.txt: exptime is a Unix time above 30 days, so a time in the far future keeps the item for long; one
#   that the server can't hold is expected to be refused, as a number that can't be parsed is (CLIENT_ERROR).
# Seen: STORED for each. 2147483647 (2038) lives; 2147483648 to 4294967295 are gone at once; 4294967296 never expires;
#   4294967396 lives 100 seconds. `touch` and `ms` alike.
# Who meets it: "for ever" written as now + 100 years, or 0xFFFFFFFF; times in milliseconds by mistake, which land
#   anywhere.
# Instead: 0 for "never"; refuse a TTL in the client that ends after 2038.
source "$(dirname "$0")/lib.bash"

start_memcached
python3 - "$port" <<'PYTHON'
import socket, sys

wire = socket.create_connection(("127.0.0.1", int(sys.argv[1])))

def call(data):
    wire.sendall(data)
    return wire.recv(4096).decode().strip()

for exptime, expected in ((2147483647, "HD t"), (2147483648, "EN"), (4294967295, "EN"), (4294967296, "HD t-1"), (4294967396, "HD t")):
    stored = call(b"set k 0 %d 1\r\nv\r\n" % exptime)
    left = call(b"mg k t\r\n")
    call(b"set k 0 0 1\r\nv\r\n")
    touched = call(b"touch k %d\r\n" % exptime), call(b"mg k t\r\n")
    print(f"exptime {exptime}: {stored}, then `mg k t` answers {left}; by touch: {touched[0]}, {touched[1]}")
    assert stored == "STORED" and touched[0] == "TOUCHED"
    assert left.startswith(expected) and touched[1].startswith(expected)
    if exptime == 4294967396:
        assert 90 <= int(left.removeprefix("HD t")) <= 100
PYTHON
