#!/usr/bin/env bash
# pymemcache 4.0.0 with a serde: append() says True, and what was appended is lost, or the entry can't be read any more.
#
# Expected: its documentation: append returns True when the data was stored; with a serde values are serialized and
#   deserialized.
# Seen: each piece is serialized (and compressed) by itself and put behind the first one's bytes, under the first one's flags.
#   Of two pickled lists the first is read, of two compressed texts too, without an error. A compressed piece behind a short
#   text is UnicodeDecodeError at each get. 1 and 2 are 12.
# Who meets it: logs and lists that grow by append. It goes well in tests, as short texts are stored as they are, until a piece
#   is longer than 400 bytes.
# Instead: a client without a serde for such keys; or gets and cas.
source "$(dirname "$0")/lib.bash"

start_memcached
python_packages pymemcache==4.0.0
python_run "$port" <<'PYTHON'
import sys
from pymemcache import Client, serde

server = ("127.0.0.1", int(sys.argv[1]))
pickled, compressed, plain = Client(server, serde=serde.pickle_serde), Client(server, serde=serde.CompressedSerde()), Client(server)

def append(client, first, second):
    client.set("k", first, noreply=False)
    assert client.append("k", second, noreply=False) is True
    try:
        return client.get("k")
    except UnicodeDecodeError as error:
        return type(error).__name__

one, other = "a" * 500, "b" * 500
seen = append(pickled, [1], [2]), append(pickled, 1, 2), append(compressed, one, other), append(compressed, "short", other)
shown = "the first alone" if seen[2] == one else seen[2]
print(f"pickled [1] and [2]: {seen[0]}; 1 and 2: {seen[1]}; two compressed texts: {shown}; a short one and a compressed one: {seen[3]}")
assert seen == ([1], 12, one, "UnicodeDecodeError"), seen
assert append(plain, one, other) == (one + other).encode()
PYTHON
