#!/usr/bin/env bash
# memcached 1.6.38 as a proxy (-o proxy_config): `delete key noreply` deletes nothing and is answered, where nobody waits for
# an answer.
#
# Expected: memcached's documentation: the proxy takes the text protocol. noreply works with set, add, append, incr and touch.
# Seen: delete with noreply isn't understood: the value stays, and the client is sent "CLIENT_ERROR bad command line format.
#   Usage: delete <key> [noreply]" which it doesn't read. The next command takes that for its answer. pymemcache's delete()
#   says noreply unless told otherwise: it returns True, and the next get(), of whatever key, raises.
# Who meets it: clients of pymemcache that are moved behind the proxy: invalidations are lost, and errors come up elsewhere.
# Instead: default_noreply=False, or delete(key, noreply=False); `md key q` with meta commands. (Known: issue 1312 of memcached.)
source "$(dirname "$0")/lib.bash"

newer_debian trixie memcached=1.6.38-1 memcached
start_memcached
cat > "$tmp/routes.lua" <<LUA
pools{ one = { backends = { "127.0.0.1:$port" } } }
routes{ default = route_direct{ child = "one" } }
LUA
chmod -R a+rX "$tmp"
start_memcached -o "proxy_config=routelib,proxy_arg=$tmp/routes.lua"
python_packages pymemcache==4.0.0
python_run "$port" <<'PYTHON'
import sys
from pymemcache import Client, MemcacheClientError

address = ("127.0.0.1", int(sys.argv[1]))
client = Client(address)
assert client.set("k", b"old") and client.set("other", b"value") and client.get("k") == b"old"
print("delete:", said := client.delete("k"))
assert said is True
try:
    client.get("other")
    raise AssertionError("the next command works")
except MemcacheClientError as error:
    print("get of another key:", error)
    assert "Usage: delete" in str(error)
print("get of the deleted key:", seen := client.get("k"))
assert seen == b"old"
assert client.delete("k", noreply=False) and client.get("k") is None
PYTHON
