#!/usr/bin/env bash
# libmc 1.4.17 reads text that another Python client wrote as None: a hit that looks like a miss.
#
# Expected: pymemcache, pylibmc and python-memcached mark text with flag 16, and each reads the others' text as str. Of
#   a client that doesn't know a flag one expects the bytes, or an error.
# Seen: libmc's get() answers None for an entry with flag 16, which is its answer for a missing key too. Bytes (flag 0)
#   are read.
# Who meets it: services of one memcached that move from pylibmc or pymemcache to libmc: no text is ever hit, without an
#   error.
# Instead: encode text to bytes in the application (flag 0 is read alike by all), or change the keys' prefix with the
#   client.
source "$(dirname "$0")/lib.bash"

start_memcached
python_packages libmc==1.4.17 pymemcache==4.0.0 pylibmc==1.6.3 python-memcached==1.62
python_run "$port" <<'PYTHON'
import sys
import libmc, memcache, pylibmc, pymemcache
from pymemcache.serde import pickle_serde

address = f"127.0.0.1:{sys.argv[1]}"
reader = libmc.Client([address])
writers = {
    "pymemcache": pymemcache.Client(address, serde=pickle_serde, default_noreply=False),
    "pylibmc": pylibmc.Client([address]),
    "python-memcached": memcache.Client([address]),
}
for name, writer in writers.items():
    writer.set(name, "text")
    writer.set(name + ".bytes", b"bytes")
    seen = reader.get(name), reader.get(name + ".bytes"), writer.get(name)
    print(f"{name} wrote 'text' and b'bytes'; libmc reads {seen[0]!r} and {seen[1]!r}; {name} itself reads {seen[2]!r}")
    assert seen == (None, b"bytes", "text"), seen
print("libmc on a missing key:", reader.get("missing"))
PYTHON
