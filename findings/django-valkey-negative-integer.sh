#!/usr/bin/env bash
# django-valkey 0.4.1: a negative integer comes back as a float, from 2^53 on another number.
#
# Expected: Django's cache API gives back what was set; django-valkey, made after django-redis, stores integers as plain
#   digits for INCR.
# Seen: cache.set("n", -4); cache.get("n") is -4.0, after decr() below zero too, while 4 comes back as 4. -(2**53 + 1)
#   comes back as -9007199254740992.0. The text on the server is right (-4). django-redis 7.0.0 gives -4.
# Who meets it: counters below zero, offsets, ids of negative sign; -4.0 in JSON, in a URL or as an index is an error
#   far from the cache.
# Instead: int(cache.get(...)), or values that aren't bare integers.
source "$(dirname "$0")/lib.bash"

start_valkey
python_packages Django==5.2.19 django-valkey==0.4.1 django-redis==7.0.0
python_run "$port" <<'PYTHON'
import sys
import django
from django.conf import settings

port = sys.argv[1]
settings.configure(CACHES={
    "default": {"BACKEND": "django_valkey.cache.ValkeyCache", "LOCATION": f"valkey://127.0.0.1:{port}/1"},
    "django-redis": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": f"redis://127.0.0.1:{port}/2"},
})
django.setup()
from django.core.cache import caches

def read_back(cache, value):
    cache.set("n", value)
    return cache.get("n")

for value in (4, -4, -(2**53 + 1)):
    seen = read_back(caches["default"], value), read_back(caches["django-redis"], value)
    print(f"set {value}: django-valkey {seen[0]!r}, django-redis {seen[1]!r}")
    assert repr(seen[1]) == repr(value)
    assert repr(seen[0]) == repr(value if value > 0 else float(value))
PYTHON
