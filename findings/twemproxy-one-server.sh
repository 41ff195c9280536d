#!/usr/bin/env bash
# twemproxy 0.5.0: with its default hash, keys that are counted up sit on few of the servers, and with `hash: crc32` all on
# one.
#
# Expected: its README: ketama is the consistent hashing that spreads keys over the servers by their weights; fnv1a_64 and
#   ketama are the defaults. Clients with ketama hash keys by MD5 and spread them within some percent.
# Seen: four servers of equal weight. Of user:0 .. user:999 the default gives one of them none and another 440; user:0 ..
#   user:9 are all on one. fnv1_64 gives 990 to one. crc32, which is libmemcached's and has 15 bits, puts each key on the same
#   server: the others stay empty. md5, murmur, crc32a and fnv1a_32 spread them evenly.
# Who meets it: a pool that is full on one machine and empty on the others; a hash chosen to match a client's (PHP's default
#   is crc32).
# Instead: `hash: murmur` or `md5` beside ketama (a change of hash is an empty cache), or `distribution: modula`.
source "$(dirname "$0")/lib.bash"

debian_packages nutcracker=0.5.0+dfsg-2 libyaml-0-2=0.2.5-1 memcached=1.6.18-1+deb12u1 libevent-2.1-7=2.1.12-stable-8
servers=()
for _ in 1 2 3 4; do
  start_memcached
  servers+=("$port")
done
hashes=(default fnv1a_64 fnv1_64 crc32 crc32a fnv1a_32 murmur md5)
pools=()
for hash in "${hashes[@]}"; do
  pool=$(free_port)
  pools+=("$pool")
  printf '%s:\n  listen: 127.0.0.1:%s\n' "$hash" "$pool"
  [ "$hash" = default ] || printf '  hash: %s\n' "$hash"
  printf '  servers:\n'
  printf '   - 127.0.0.1:%s:1 server%s\n' "${servers[0]}" 1 "${servers[1]}" 2 "${servers[2]}" 3 "${servers[3]}" 4
done > "$tmp/nutcracker.yml"
"$tmp/deb/usr/sbin/nutcracker" -c "$tmp/nutcracker.yml" -s "$(free_port)" -o "$tmp/nutcracker.log" &
started+=($!)
wait_for_port "${pools[-1]}"
python3 - "${servers[*]}" "${hashes[*]}" "${pools[*]}" <<'PYTHON'
import socket, sys

servers, hashes, pools = (words.split() for words in sys.argv[1:])
connect = lambda port: socket.create_connection(("127.0.0.1", int(port)), timeout=10).makefile("rwb")
servers = [connect(port) for port in servers]

def ask(file, data, until=b"\n"):
    file.write(data)
    file.flush()
    lines = [file.readline()]
    while not lines[-1].endswith(until):
        lines.append(file.readline())
    return lines

def spread(pool, keys):
    for server in servers:
        ask(server, b"flush_all\r\n")
    for key in keys:
        assert ask(pool, b"set %b 0 0 1\r\nv\r\n" % key) == [b"STORED\r\n"]
    return [sum(len(ask(server, b"get %b\r\n" % key, b"END\r\n")) > 1 for key in keys) for server in servers]

users = [b"user:%d" % n for n in range(1000)]
seen = {}
for name, port in zip(hashes, pools):
    pool = connect(port)
    seen[name] = spread(pool, users), spread(pool, users[:10])
    print(f"{name}: user:0 .. 999 on four servers {seen[name][0]}, user:0 .. 9 {seen[name][1]}")
assert seen["default"] == seen["fnv1a_64"]
assert sorted(seen["default"][0]) == [0, 190, 370, 440] and 10 in seen["default"][1]
assert 990 in seen["fnv1_64"][0] and 1000 in seen["crc32"][0]
for name in ("crc32a", "fnv1a_32", "murmur", "md5"):
    assert min(seen[name][0]) > 180, name
PYTHON
