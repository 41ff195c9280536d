#!/usr/bin/env bash
# Litestar 2.25.0: RedisStore.delete_all() of the store `user` empties the stores `users` and `userdata`, too.
#
# Expected: its documentation: delete_all() deletes all entries of the store's namespace, and with_namespace() makes a store
#   of its own (child namespaces go with their parent). FileStore with its folders keeps siblings apart, whatever they are
#   called.
# Seen: with_namespace("user") and with_namespace("users") of one RedisStore: user.delete_all() leaves nothing of users. So it
#   is with each name that the other one begins with; not the other way round.
# Who meets it: stores named after what they hold (`cache` and `cache_v2`, `session` and `session_backup`), a root RedisStore
#   as the factory of app.stores: emptying the cache logs everybody out.
# Instead: names of which none begins with another: "user." and "users.".
source "$(dirname "$0")/lib.bash"

start_valkey
python_packages litestar==2.25.0 redis==8.1.0
python_run "$port" <<'PYTHON'
import asyncio, pathlib, sys

from litestar.stores.file import FileStore
from litestar.stores.redis import RedisStore

async def look(root, names):
    stores = {name: root.with_namespace(name) for name in names}
    for store in stores.values():
        await store.set("key", b"value")
    await stores[names[0]].delete_all()
    return {name: await store.get("key") for name, store in stores.items()}

async def main():
    names = ["user", "users", "userdata", "other"]
    redis = RedisStore.with_client(f"redis://127.0.0.1:{sys.argv[1]}")
    pathlib.Path("store").mkdir()
    file = FileStore(pathlib.Path("store"))
    seen = await look(redis, names), await look(file, names), await look(redis, ["user.", "users.", "userdata."])
    print("after user.delete_all(), on Redis:", seen[0])
    print("after user.delete_all(), on files:", seen[1])
    print("after user..delete_all(), on Redis:", seen[2])
    assert seen[0] == {"user": None, "users": None, "userdata": None, "other": b"value"}
    assert seen[1] == {"user": None, "users": b"value", "userdata": b"value", "other": b"value"}
    assert seen[2] == {"user.": None, "users.": b"value", "userdata.": b"value"}

asyncio.run(main())
PYTHON
