#!/usr/bin/env bash
# twemproxy 0.5.0 before Redis: COPY says 1 and the copy can't be read; EXISTS counts only the keys of one server.
#
# Expected: its notes: MGET, MSET, DEL, UNLINK and EXISTS with several keys are divided among the servers. A command for which
#   that can't be done closes the connection, as RENAME does.
# Seen: EXISTS goes whole to the first key's server: it says 5 of six that are all there; DEL, UNLINK and TOUCH are right.
#   COPY goes whole to the source's server: the answer is 1, and where the destination belongs to another server a GET of it
#   is a miss, or the old value in spite of REPLACE.
# Who meets it: "are all of them cached" by EXISTS; code from a single Redis, or from a cluster (which says CROSSSLOT), behind
#   the proxy.
# Instead: TOUCH for EXISTS, GET and SET for COPY, or hash_tag and a common tag in the keys.
source "$(dirname "$0")/lib.bash"

start_valkey
first=$port
start_redis
debian_packages nutcracker=0.5.0+dfsg-2 libyaml-0-2=0.2.5-1
proxy=$(free_port)
cat > "$tmp/nutcracker.yml" <<YAML
pool:
  listen: 127.0.0.1:$proxy
  redis: true
  hash: murmur
  servers:
   - 127.0.0.1:$first:1 server1
   - 127.0.0.1:$port:1 server2
YAML
"$tmp/deb/usr/sbin/nutcracker" -c "$tmp/nutcracker.yml" -s "$(free_port)" -o "$tmp/nutcracker.log" &
started+=($!)
wait_for_port "$proxy"
python3 - "$proxy" <<'PYTHON'
import socket, sys

file = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=10).makefile("rwb")

def read():
    line = file.readline().decode().strip()
    if line[:1] == "$":
        return None if line == "$-1" else file.read(int(line[1:]) + 2)[:-2].decode()
    return [read() for _ in range(int(line[1:]))] if line[:1] == "*" else line[1:]

def call(words):
    words = words.split()
    file.write(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word.encode()) for word in words))
    file.flush()
    return read()

keys = [f"k{n}" for n in range(6)]
for key in keys:
    assert call(f"SET {key} old-{key}") == "OK"
names = " ".join(keys)
seen = {command: call(f"{command} {names}") for command in ("EXISTS", "TOUCH", "MGET")}
print(seen)
copies = {}
call("SET k0 new")
for key in keys[1:]:
    copies[key] = call(f"COPY k0 {key} REPLACE"), call(f"GET {key}"), call(f"COPY k0 fresh-{key}"), call(f"GET fresh-{key}")
    print(f"COPY k0 {key} REPLACE, GET {key}, COPY k0 fresh-{key}, GET fresh-{key}:", copies[key])
deleted = call(f"UNLINK {names}"), call(f"MGET {names}")
print("UNLINK, MGET:", deleted)
assert seen["TOUCH"] == "6" and seen["MGET"] == [f"old-{key}" for key in keys]
assert 0 < int(seen["EXISTS"]) < 6
assert all(copy[0] == copy[2] == "1" for copy in copies.values())
assert {copy[1] == "new" for copy in copies.values()} == {copy[3] == "new" for copy in copies.values()} == {True, False}
assert deleted == ("6", [None] * 6)
PYTHON
