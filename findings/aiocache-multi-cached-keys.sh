#!/usr/bin/env bash
# aiocache 0.12.3: @multi_cached with a key_builder never hits: the builder is applied twice on the way in, once on the
# way out.
#
# Expected: its documentation: key_builder "enables mapping the decorated function's keys to the keys used by the
#   cache".
# Seen: the function is called with keys that the builder has already changed, its result is stored under
#   builder(builder(key)), and looked up under builder(key). Each call computes all again; the cache fills with keys
#   that nobody reads.
# Who meets it: @multi_cached over ids with a prefix, the use of the option in examples.
# Instead: a builder that leaves its own result alone (no second prefix), and strip the prefix in the function.
source "$(dirname "$0")/lib.bash"

python_packages aiocache==0.12.3
python_run <<'PYTHON'
import asyncio
from aiocache import multi_cached

calls = []

@multi_cached("ids", key_builder=lambda key, function, *args, **kwargs: f"user:{key}")
async def users(ids):
    calls.append(list(ids))
    return {each: f"value of {each}" for each in ids}

async def main():
    for _ in range(3):
        answer = await users(ids=["a"])
    stored = list(users.cache._cache)
    print("called with", calls, "| answer", answer, "| keys in the cache", stored)
    assert calls == [["user:a"]] * 3 and stored == ["user:user:a"]

asyncio.run(main())
PYTHON
