#!/usr/bin/env bash
# memoization 0.3.2, aiocache 0.12.3, fastapi-cache2 0.2.2, cashews 7.6.0, Flask-Caching 2.5.1, dogpile.cache 1.5.0, Beaker 1.14.1,
# cacheout 0.17.0, klepto 0.2.8: two NumPy arrays or pandas tables that print alike get each other's result.
#
# Expected: functools.lru_cache refuses an array, which can't be hashed. A decorator that takes it makes its key of what is in it;
#   klepto's keymaps are documented to hash or to pickle the arguments.
# Seen: the key is made of str() or repr(). That has eight digits of a number, and of an array with more than a thousand numbers the
#   first and last three: what differs in the middle, or in the ninth digit, is the same entry, silently. So for a table. klepto's
#   picklemap and its hashmap of MD5 do it too. cachier, joblib and diskcache tell them apart.
# Who meets it: whoever caches a computation on data: tests with five small numbers pass, the second large input gets the first's result.
# Instead: a key of the array's bytes (hashlib over array.tobytes(), dtype and shape), or one of the three.
source "$(dirname "$0")/lib.bash"

python_packages numpy==2.4.6 pandas==3.1.1 memoization==0.3.2 aiocache==0.12.3 fastapi-cache2==0.2.2 cashews==7.6.0 Flask-Caching==2.5.1 \
  dogpile.cache==1.5.0 Beaker==1.14.1 cacheout==0.17.0 klepto==0.2.8 cachier==4.2.0 joblib==1.6.0 diskcache==5.6.3
python_run "$tmp" <<'PYTHON'
import asyncio, sys, warnings

warnings.simplefilter("ignore")
import aiocache, beaker.cache, cacheout, cachier, cashews, diskcache, dogpile.cache, flask, flask_caching, joblib, klepto, memoization
import numpy as np
import pandas as pd
from fastapi_cache import FastAPICache
from fastapi_cache.backends.inmemory import InMemoryBackend
from fastapi_cache.decorator import cache as fastapi_cache
from klepto.keymaps import hashmap, picklemap

app = flask.Flask("finding")
app.app_context().push()
FastAPICache.init(InMemoryBackend())
cashews.cache.setup("mem://")
alike = {
    "memoization": memoization.cached,
    "aiocache": aiocache.cached(),
    "fastapi-cache2": fastapi_cache(expire=60),
    "cashews": cashews.cache(ttl=60),
    "Flask-Caching": flask_caching.Cache(app, config={"CACHE_TYPE": "SimpleCache"}).memoize(60),
    "dogpile.cache": dogpile.cache.make_region().configure("dogpile.cache.memory").cache_on_arguments(),
    "Beaker": beaker.cache.CacheManager(type="memory").cache("total", expire=60),
    "cacheout": cacheout.Cache().memoize(),
    "klepto, picklemap": klepto.lru_cache(keymap=picklemap()),
    "klepto, hashmap of MD5": klepto.lru_cache(keymap=hashmap(algorithm="md5")),
}
apart = {
    "cachier": cachier.cachier(backend="memory"),
    "joblib": joblib.Memory(sys.argv[1], verbose=0).cache,
    "diskcache": diskcache.Cache(sys.argv[1] + "/disk").memoize(),
}
nothing, something = np.zeros(2000), np.zeros(2000)
something[1000] = 1
pairs = [
    (nothing, something),
    (np.array([0.1]), np.array([0.1000000001])),
    (pd.DataFrame({"x": nothing}), pd.DataFrame({"x": something})),
]


async def total_async(data):
    return float(np.asarray(data).sum())


def total(data):
    return float(np.asarray(data).sum())


async def results(name, decorator):
    if name in ("aiocache", "fastapi-cache2", "cashews"):
        cached = decorator(total_async)
        return [(await cached(one), await cached(other)) for one, other in pairs]
    cached = decorator(total)
    return [(cached(one), cached(other)) for one, other in pairs]


for name, decorator in (alike | apart).items():
    seen = asyncio.run(results(name, decorator))
    print(f"{name}: total of 2000 numbers {seen[0]}, of one {seen[1]}, of a table {seen[2]}")
    wrong = [(0.0, 0.0), (0.1, 0.1), (0.0, 0.0)]
    assert seen == (wrong if name in alike else [(0.0, 1.0), (0.1, 0.1000000001), (0.0, 1.0)])
PYTHON
