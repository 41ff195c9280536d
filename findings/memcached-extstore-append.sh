#!/usr/bin/env bash
# memcached 1.6.18: with extstore, `append` to a value that has been moved to disk says NOT_STORED, as for a key that isn't there.
#
# Expected: extstore is transparent: memcached's documentation names no command that works otherwise on a value whose bytes
#   are on disk. NOT_STORED from append means that the key doesn't exist.
# Seen: once the value is on disk (by default: above 512 bytes and when memory gets scarce) append and prepend are NOT_STORED,
#   with meta commands NS, and with N, which is to make what is missing, too. The key exists: get hits it, add is NOT_STORED
#   too. touch and gat work.
# Who meets it: a list that is kept by append, or else add: it works while it is short, and in tests; in production, from some
#   length and age on, whatever is added is dropped, by both commands.
# Instead: gets and cas, again until it succeeds, which work on disk as well; or `-o ext_item_size` above the longest such value.
source "$(dirname "$0")/lib.bash"

mkdir -m 777 "$tmp/disk"
chmod 755 "$tmp"
start_memcached -o "ext_page_size=2,ext_wbuf_size=2,ext_item_age=0,ext_path=$tmp/disk/file:64m"
python_packages pymemcache==4.0.0
python_run "$port" <<'PYTHON'
import sys, time
from pymemcache import Client

client = Client(("127.0.0.1", int(sys.argv[1])), default_noreply=False)

def call(line):
    return client.raw_command(line, end_tokens="\r\n").decode().strip()

def append(key, item):
    """As it is usually done; tells what the two commands said."""
    return client.append(key, item) or (False, client.add(key, item))

assert append("new", b"a" * 400) == (False, True) and append("new", b"b" * 400) is True
def appended(key, item):
    value, token = client.gets(key)
    return value + item, token

client.set("long", b"x" * 4000)
deadline = time.monotonic() + 60
while int(client.stats()[b"extstore_objects_written"]) < 1:
    assert time.monotonic() < deadline
    time.sleep(0.1)
while (seen := append("long", b"y")) is True:  # as long as it is in memory
    client.set("long", b"x" * 4000)
    assert time.monotonic() < deadline
    time.sleep(1)
print("on disk: append and add say", seen, "| ms MA:", meta := call("ms long 1 MA\r\ny"), "| ms MA N60:", call("ms long 1 MA N60\r\ny"))
assert seen == (False, False) and meta == "NS" == call("ms long 1 MA N60\r\ny")
print("get:", length := len(client.get("long")), "bytes | touch:", client.touch("long", 100))
assert length == 4000 and client.touch("long", 100)
while not client.cas("long", b"".join([(read := client.gets("long"))[0], b"y"]), read[1]):
    assert time.monotonic() < deadline  # a read that moves the value back into memory has changed its token
assert len(client.get("long")) == 4001
print("cas after gets stores 4001 bytes")
PYTHON
