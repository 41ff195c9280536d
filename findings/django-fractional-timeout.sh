#!/usr/bin/env bash
# Django 5.2.19: a timeout below one second stores nothing on Redis and memcached, and deletes what was there.
#
# Expected: Django's documentation: timeout is "in seconds"; the local-memory and file backends, and django-redis, take
#   0.5 as half a second.
# Seen: the Redis and memcached backends cut it to whole seconds, and 0 means "don't cache": set("k", "new", 0.5)
#   deletes the old value, add() answers True and stores nothing. 1.9 becomes 1.
# Who meets it: short locks and throttles by cache.add(key, 1, 0.5), which then never hold on production's backend,
#   while tests on local memory pass.
# Instead: whole seconds, rounded up; django-redis for milliseconds.
source "$(dirname "$0")/lib.bash"

start_valkey
redis_port=$port
start_memcached
python_packages Django==5.2.19 django-redis==7.0.0 pymemcache==4.0.0
python_run "$redis_port" "$port" <<'PYTHON'
import sys
import django
from django.conf import settings

redis_port, memcached_port = sys.argv[1:]
core = "django.core.cache.backends."
settings.configure(CACHES={
    "default": {"BACKEND": core + "redis.RedisCache", "LOCATION": f"redis://127.0.0.1:{redis_port}/1"},
    "memcached": {"BACKEND": core + "memcached.PyMemcacheCache", "LOCATION": f"127.0.0.1:{memcached_port}"},
    "local memory": {"BACKEND": core + "locmem.LocMemCache"},
    "django-redis": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": f"redis://127.0.0.1:{redis_port}/2"},
})
django.setup()
from django.core.cache import caches

for name in settings.CACHES:
    cache = caches[name]
    cache.set("k", "old")
    cache.set("k", "new", timeout=0.5)
    stored = cache.get("k")
    first, second = cache.add("lock", 1, timeout=0.5), cache.add("lock", 1, timeout=0.5)
    print(f"{name}: set for 0.5 s reads {stored!r}; add for 0.5 s {first}, again {second}")
    cut = name in ("default", "memcached")
    assert (stored, first, second) == (None if cut else "new", True, cut), (stored, first, second)
PYTHON
