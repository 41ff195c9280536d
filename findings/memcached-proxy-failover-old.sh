#!/usr/bin/env bash
# memcached 1.6.38 as a proxy, route_failover with `miss = true`: after a failover a value that was replaced or deleted comes back.
#
# Expected: with miss = true a get that misses goes on to the next pool (memcached's documentation of route_failover), so that
#   what was written there during an outage is found afterwards. What is written or deleted after the outage holds, as without it.
# Seen: set, add and delete go to the first pool alone. When it is back: delete says NOT_FOUND and the next get hits the value from
#   the outage; a newer value is found as long as it lives, and when its TTL is over the old one is found again, until its own is.
# Who meets it: whoever turns miss on so that a server that comes back empty is warm at once: values hours old after an outage that
#   nobody has noticed, and a delete that doesn't help.
# Instead: miss = false, as the library's own example of a spare pool has it, and there a short TTL for what is written to it.
source "$(dirname "$0")/lib.bash"

newer_debian trixie memcached=1.6.38-1 memcached
start_memcached
spare=$port
start_memcached
first=$port
first_pid=${started[-1]}
cat > "$tmp/routes.lua" <<LUA
pools{
  first = { backends = { "127.0.0.1:$first" } },
  spare = { backends = { "127.0.0.1:$spare" } },
}
routes{ default = route_failover{ children = { "first", "spare" }, miss = true } }
LUA
chmod -R a+rX "$tmp"
start_memcached -o "proxy_config=routelib,proxy_arg=$tmp/routes.lua"
cat > "$tmp/call.py" <<'PYTHON'
import socket, sys, time

wire = socket.create_connection(("127.0.0.1", int(sys.argv[1])))

def call(line):
    wire.sendall(line.encode() + b"\r\n")
    answer = wire.recv(4096).decode().strip()
    print(repr(line), "->", repr(answer))
    return answer

def get():
    return (call("get k").split("\r\n") + [None])[1]

PYTHON
{ cat "$tmp/call.py" - | python_run "$port"; } <<'PYTHON'
assert call("set k 0 600 4\r\nlive") == "STORED" and get() == "live"
PYTHON
kill "$first_pid"
wait "$first_pid" || true
echo "the first pool is out"
{ cat "$tmp/call.py" - | python_run "$port"; } <<'PYTHON'
while call("set k 0 600 6\r\noutage") != "STORED":
    time.sleep(0.1)
assert get() == "outage"
PYTHON
server=$tmp/trixie/start
"$server" $([ "$(id -u)" != 0 ] || echo -u nobody) -l 127.0.0.1 -p "$first" &
started+=($!)
wait_for_port "$first"
echo "the first pool is back"
{ cat "$tmp/call.py" - | python_run "$port" "$first"; } <<'PYTHON'
proxy, wire = wire, socket.create_connection(("127.0.0.1", int(sys.argv[2])))
first, wire = wire, proxy

def on_first():
    first.sendall(b"get probe\r\n")
    return first.recv(4096) != b"END\r\n"

while not on_first():  # until the proxy has found that it is back
    call("set probe 0 600 1\r\n1")
    time.sleep(0.2)
assert call("delete k") == "NOT_FOUND" and get() == "outage"
assert call("set k 0 1 5\r\nnewer") == "STORED" and get() == "newer"
time.sleep(2.1)
assert get() == "outage"
assert call("delete k") == "NOT_FOUND" and get() == "outage"
PYTHON
