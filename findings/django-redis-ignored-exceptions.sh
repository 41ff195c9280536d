#!/usr/bin/env bash
# django-redis 7.0.0: with IGNORE_EXCEPTIONS a dead server is a miss for some calls, None for others, and an error for touch() and the rest.
#
# Expected: its README: for "you do not want exceptions when Redis is down", as with the memcached backend. Each call answers as if
#   the key were missing.
# Seen: get, set, add, get_many, has_key and get_or_set do. touch, ttl, pttl, expire, expire_at, persist, iter_keys, sadd, hset and a
#   lock from lock() raise ConnectionError. incr, decr and keys return None, where Django's incr raises ValueError for a missing key
#   and keys gives a list: `incr(key) > limit` and `for key in keys(...)` are TypeErrors.
# Who meets it: sliding sessions by touch() and limits by incr(): an outage that the setting was to hide is a page of errors.
# Instead: guard touch, the locks and the counters as if the setting weren't there.
source "$(dirname "$0")/lib.bash"

python_packages django-redis==7.0.0 Django==5.2.19 redis==8.1.0
python_run "$(free_port)" <<'PYTHON'
import sys

import django
from django.conf import settings

settings.configure(CACHES={"default": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": f"redis://127.0.0.1:{sys.argv[1]}/0",
                                       "OPTIONS": {"IGNORE_EXCEPTIONS": True}}})
django.setup()
from django.core.cache import cache


def outcome(call):
    try:
        return call()
    except Exception as error:
        return type(error).__name__


calls = {
    "get": lambda: cache.get("k"), "set": lambda: cache.set("k", 1), "add": lambda: cache.add("k", 1),
    "get_many": lambda: cache.get_many(["k"]), "has_key": lambda: "k" in cache, "get_or_set": lambda: cache.get_or_set("k", lambda: 1),
    "incr": lambda: cache.incr("k"), "decr": lambda: cache.decr("k"), "keys": lambda: cache.keys("*"),
    "incr() > limit": lambda: cache.incr("k") > 5, "for … in keys()": lambda: list(cache.keys("*")),
    "touch": lambda: cache.touch("k", 5), "ttl": lambda: cache.ttl("k"), "pttl": lambda: cache.pttl("k"),
    "expire": lambda: cache.expire("k", 5), "expire_at": lambda: cache.expire_at("k", 5), "persist": lambda: cache.persist("k"),
    "iter_keys": lambda: list(cache.iter_keys("*")), "sadd": lambda: cache.sadd("k", 1), "hset": lambda: cache.hset("h", "a", 1),
    "lock": lambda: cache.lock("k", timeout=1).acquire(blocking=False),
}
seen = {name: outcome(call) for name, call in calls.items()}
print(seen)
names = list(calls)
assert list(seen.values())[:6] == [None, None, None, {}, False, 1]
assert [seen[name] for name in names[6:9]] == [None, None, None] and [seen[name] for name in names[9:11]] == ["TypeError", "TypeError"]
assert {seen[name] for name in names[11:]} == {"ConnectionError"}
PYTHON
