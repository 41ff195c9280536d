#!/usr/bin/env bash
# Django 5.2.19: incr_version() on every built-in backend, and incr() on the file backend, put the default TTL in place
# of the entry's.
#
# Expected: Django's documentation of incr() and incr_version() says nothing of the TTL; on Redis and memcached incr()
#   keeps it, so an entry that was set for one second is expected to be gone after that second.
# Seen: an entry set for 1 s lives for the default of 300 s after incr_version() on the Redis, memcached and
#   local-memory backends; on the file backend after incr() as well. django-redis 7.0.0 keeps the TTL.
# Who meets it: rate limits and one-time codes on the file backend, and versions used for invalidation.
# Instead: touch() after it, with the TTL that is meant.
source "$(dirname "$0")/lib.bash"

start_valkey
redis_port=$port
start_memcached
python_packages Django==5.2.19 django-redis==7.0.0 pymemcache==4.0.0
python_run "$redis_port" "$port" "$tmp/files" <<'PYTHON'
import sys, time
import django
from django.conf import settings

redis_port, memcached_port, folder = sys.argv[1:]
core = "django.core.cache.backends."
settings.configure(CACHES={
    "default": {"BACKEND": core + "redis.RedisCache", "LOCATION": f"redis://127.0.0.1:{redis_port}/1"},
    "memcached": {"BACKEND": core + "memcached.PyMemcacheCache", "LOCATION": f"127.0.0.1:{memcached_port}"},
    "local memory": {"BACKEND": core + "locmem.LocMemCache"},
    "file": {"BACKEND": core + "filebased.FileBasedCache", "LOCATION": folder},
    "django-redis": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": f"redis://127.0.0.1:{redis_port}/2"},
})
django.setup()
from django.core.cache import caches

for name in settings.CACHES:
    cache = caches[name]
    cache.set("plain", 1, timeout=1)
    cache.set("counter", 1, timeout=1)
    cache.incr("counter")
    cache.set("versioned", 1, timeout=1)
    cache.incr_version("versioned")
time.sleep(2.2)
for name in settings.CACHES:
    cache = caches[name]
    seen = cache.get("plain"), cache.get("counter"), cache.get("versioned", version=2)
    print(f"{name}, 2.2 s later: set {seen[0]}, set and incr {seen[1]}, set and incr_version {seen[2]}")
    assert seen == (None, 2 if name == "file" else None, None if name == "django-redis" else 1), seen
PYTHON
