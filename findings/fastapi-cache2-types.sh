#!/usr/bin/env bash
# fastapi-cache2 0.2.2: a hit has other types than the call that filled it: a naive datetime comes back in UTC, as a
# pendulum class.
#
# Expected: its README offers @cache for the results of endpoints and of other functions; the default coder's special
#   cases for datetime, date and Decimal are there so that these come back as they were.
# Seen: a miss returns the function's own object, a hit what JSON made of it: datetime(2020, 1, 1) without a zone
#   becomes pendulum.DateTime with tzinfo UTC, which can't be compared with a naive one (TypeError); tuples and sets are
#   lists, integer keys of a dict are text.
# Who meets it: @cache on a function below the endpoint: it works on the first request and fails on the second.
# Instead: coder=PickleCoder, or a return type of a model (endpoints only).
source "$(dirname "$0")/lib.bash"

python_packages fastapi-cache2==0.2.2 fastapi==0.125.0 pendulum==3.1.0
python_run <<'PYTHON'
import asyncio
from datetime import datetime
from fastapi_cache import FastAPICache
from fastapi_cache.backends.inmemory import InMemoryBackend
from fastapi_cache.decorator import cache

@cache(expire=60)
async def report():
    return {"at": datetime(2020, 1, 1), "pair": (1, 2), "tags": {"x"}, "names": {1: "one"}}

async def main():
    FastAPICache.init(InMemoryBackend())
    miss, hit = await report(), await report()
    for key in miss:
        print(f"{key}: miss {miss[key]!r}, hit {hit[key]!r}")
    assert (hit["pair"], hit["tags"], hit["names"]) == ([1, 2], ["x"], {"1": "one"})
    assert miss["at"].tzinfo is None and hit["at"].utcoffset() is not None
    try:
        miss["at"] < hit["at"]
    except TypeError as error:
        print("compared:", error)
    else:
        raise SystemExit("they compare")

asyncio.run(main())
PYTHON
