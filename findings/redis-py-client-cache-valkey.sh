#!/usr/bin/env bash
# redis-py 8.1.0: client-side caching refuses every Valkey, which has had the tracking that it needs since its first
# version.
#
# Expected: Valkey's documentation has the same CLIENT TRACKING as Redis, redis-py works with Valkey otherwise, and
#   Valkey 9.1 is newer than the "Redis 7.4 or later" that redis-py asks for.
# Seen: the first command raises ConnectionError: "To maximize compatibility with all Redis products, client-side
#   caching is supported by Redis 7.4 or later". redis-py compares the redis_version of HELLO, and Valkey says 7.2.4
#   there for good. CLIENT TRACKING sent by hand works on the same server.
# Who meets it: who moves from Redis 7.4 to Valkey with cache_config in the settings; as a ConnectionError it is
#   retried, too.
# Instead: leave cache_config out where the server is Valkey.
source "$(dirname "$0")/lib.bash"

start_valkey
python_packages redis==8.1.0
python_run "$port" <<'PYTHON'
import sys
import redis
from redis.cache import CacheConfig

port = int(sys.argv[1])
plain = redis.Redis(port=port, protocol=3)
info = plain.info("server")
print("the server says: redis_version", info["redis_version"], "| valkey_version", info["valkey_version"])
print("CLIENT TRACKING ON by hand:", plain.execute_command("CLIENT TRACKING ON"))
try:
    redis.Redis(port=port, protocol=3, cache_config=CacheConfig()).get("k")
except redis.exceptions.ConnectionError as error:
    print("with cache_config:", error)
    assert "7.4 or later" in str(error)
else:
    raise SystemExit("it connected")
PYTHON
