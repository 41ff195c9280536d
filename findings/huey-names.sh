#!/usr/bin/env bash
# huey 3.5.4: on Redis the names `tenant-1-12` and `tenant-11-2` are one queue and one set of results.
#
# Expected: the name is the queue's, and two names are two queues, as they are in SqliteHuey and in memory. The README's own example is
#   RedisHuey('my-app').
# Seen: RedisHuey takes out of the name all but letters, digits and `_`: my-app, my.app, my:app and myapp are one, and so are the tenants
#   above. The one's worker takes the other's tasks off the queue, fails if it doesn't know them, and then they are gone; a stored value
#   is the other's, flush() empties both. Locks are apart: their name is made of the name as it was given.
# Who meets it: names with a version, a date or a tenant in them: shop-1.10 and shop-11.0; a move from SQLite to Redis.
# Instead: names of letters, digits and underscores; or RedisHuey(name, clean_name=False).
source "$(dirname "$0")/lib.bash"

start_redis
python_packages huey==3.5.4 redis==8.1.0
python_run "$port" "$tmp/huey.db" <<'PYTHON'
import sys

from huey import MemoryHuey, RedisHuey, SqliteHuey
from huey.exceptions import HueyException

names = "tenant-1-12", "tenant-11-2"
port, file = int(sys.argv[1]), sys.argv[2]


def look(kind, **options):
    one, other = (kind(name, **options) for name in names)
    task = one.task()(lambda number: number)
    task(5)
    one.put("value", "the one's")
    seen = {"pending": other.pending_count(), "value": other.get("value", peek=True)}
    try:
        other.dequeue()
    except HueyException as error:
        print("the other's worker:", error)
    seen["left after that"] = one.pending_count()
    other.flush()
    seen["value after the other's flush"] = one.get("value", peek=True)
    with one.lock_task("job"), other.lock_task("job"):
        print(kind.__name__, options, seen)
    return list(seen.values())


same, apart = [1, "the one's", 0, None], [0, None, 1, "the one's"]
assert look(RedisHuey, port=port) == same
assert look(RedisHuey, port=port, clean_name=False) == apart
assert look(SqliteHuey, filename=file) == apart
assert look(MemoryHuey) == apart
PYTHON
