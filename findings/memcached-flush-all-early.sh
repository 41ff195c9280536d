#!/usr/bin/env bash
# memcached 1.6.18: `flush_all N` takes effect a second or more before N seconds are over; `flush_all 1` is at once.
#
# Expected: memcached's protocol.txt: flush_all with a number invalidates the items after that many seconds; what is set
#   afterwards lives.
# Seen: the server's clock has whole seconds, and a delayed flush reaches back: flush_all 1 kills everything within a
#   few milliseconds, flush_all 3 after one to two seconds. What is set right after it took effect, in the same second,
#   was STORED and is gone too. (flush_all without a number doesn't do this: an item set after it lives.)
# Who meets it: a staggered flush of many servers, for which the delay is meant; whoever refills at once.
# Instead: plain flush_all from a scheduler, or a generation number in the keys.
source "$(dirname "$0")/lib.bash"

start_memcached
python3 - "$port" <<'PYTHON'
import socket, sys, time

wire = socket.create_connection(("127.0.0.1", int(sys.argv[1])))

def call(line):
    wire.sendall(line)
    return wire.recv(4096)

for delay in (1, 2, 3):
    time.sleep(2.5)  # what was flushed before has no say any more
    assert call(b"set old 0 0 1\r\na\r\n") == b"STORED\r\n"
    begin = time.monotonic()
    assert call(b"flush_all %d\r\n" % delay) == b"OK\r\n"
    while call(b"get old\r\n") != b"END\r\n":
        time.sleep(0.01)
    took = time.monotonic() - begin
    print(f"flush_all {delay}: over after {took:.2f} s")
    assert took < delay - 0.1, took

lost = 0
for attempt in range(5):
    time.sleep(2.5)
    call(b"flush_all 1\r\n")
    assert call(b"set after 0 0 1\r\nb\r\n") == b"STORED\r\n"
    lost += call(b"get after\r\n") == b"END\r\n"
print(f"set right after `flush_all 1`, then read: gone in {lost} of 5")
assert lost > 0
time.sleep(2.5)
assert call(b"flush_all\r\n") == b"OK\r\n" and call(b"set after 0 0 1\r\nb\r\n") == b"STORED\r\n"
assert call(b"get after\r\n") != b"END\r\n"
PYTHON
