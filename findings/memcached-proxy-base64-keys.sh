#!/usr/bin/env bash
# memcached 1.6.38 as a proxy (-o proxy_config): a key in base64 (flag b) is sent to another server than the same key as text.
#
# Expected: protocol.txt: b says that the key is base64 encoded, and the item is stored under the decoded, binary key. On one
#   memcached `mg a2V5 b` and `get key` are one item. So they are behind the proxy.
# Seen: the proxy routes by the base64 text as it is sent: the prefix of its route map isn't found in it, so the request
#   takes the default route; within a pool the key is hashed as other text, so with two servers about half of the keys written
#   with b aren't found without it. A delete with b leaves the value that was set without.
# Who meets it: a program that writes odd keys with b and another that reads them as text; a client that takes b for all keys,
#   behind a proxy with routes by prefix.
# Instead: b for a key always or never, and a prefix is matched in base64 or not at all.
source "$(dirname "$0")/lib.bash"

newer_debian trixie memcached=1.6.38-1 memcached
start_memcached
first=$port
start_memcached
second=$port
cat > "$tmp/routes.lua" <<LUA
pools{
  both = { backends = { "127.0.0.1:$first", "127.0.0.1:$second" } },
  first = { backends = { "127.0.0.1:$first" } },
  second = { backends = { "127.0.0.1:$second" } },
}
routes{
  map = { pool = route_direct{ child = "both" }, users = route_direct{ child = "second" } },
  default = route_direct{ child = "first" },
}
LUA
sed 's/child = "first"/child = "both"/' "$tmp/routes.lua" > "$tmp/default-both.lua"
chmod -R a+rX "$tmp"
start_memcached -o "proxy_config=routelib,proxy_arg=$tmp/routes.lua"
prefixes=$port
start_memcached -o "proxy_config=routelib,proxy_arg=$tmp/default-both.lua"
python_run "$first" "$second" "$prefixes" "$port" <<'PYTHON'
import base64, socket, sys

class Wire:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", int(port)))

    def __call__(self, line):
        self.socket.sendall(line.encode() + b"\r\n")
        return self.socket.recv(4096).decode().strip()

first, second, prefixes, pool = map(Wire, sys.argv[1:])
encoded = lambda key: base64.b64encode(key.encode()).decode()

assert first(f"ms {encoded('users/7')} 1 b\r\n1") == "HD" and first("get users/7").startswith("VALUE users/7")
assert first("delete users/7") == "DELETED"
print("one memcached: what is set with b is found as text")

assert prefixes(f"ms {encoded('users/7')} 1 b\r\n1") == "HD"
print("behind the proxy, users/7 set with b: by prefix:", seen := prefixes("get users/7"), "| on the default server:", first("get users/7"))
assert seen == "END" and first("get users/7").startswith("VALUE users/7")

keys = [f"pool/{number}" for number in range(200)]
for key in keys:
    assert pool(f"ms {encoded(key)} 1 b\r\n1") == "HD"
    assert pool(f"mg {encoded(key)} b v") == "VA 1 b\r\n1" or pool(f"mg {encoded(key)} b v").startswith("VA 1")
found = sum(pool(f"get {key}").startswith("VALUE") for key in keys)
print(f"two servers: {found} of {len(keys)} keys set with b are found as text")
assert 50 < found < 150
PYTHON
