#!/usr/bin/env bash
# redis-om 1.2.0: a field that is set to None and saved has its old value when the model is read again.
#
# Expected: save() writes the model: `m.email = None; m.save()` and get() gives None, as for any other value.
# Seen: with a HashModel get() gives the old text: save() leaves out what is None and HSET leaves the fields that it isn't told.
#   update(email=None) alike. Moreover "" comes back as None, Decimal("1.10") as 1.1, and a datetime without a
#   zone as another one: it is taken for the local zone of the machine that writes, and given back in UTC.
# Who meets it: whoever clears a field, such as a revoked token, a lock's owner or a cached error: it is there again with the next read, by any
#   process; no error tells.
# Instead: HDEL the field, or delete the model before the save; datetimes with a zone.
source "$(dirname "$0")/lib.bash"

start_redis
python_packages redis-om==1.2.0
REDIS_OM_URL=redis://127.0.0.1:$port TZ=America/New_York python_run <<'PYTHON'
import datetime
import decimal
from typing import Optional

from redis_om import HashModel


class User(HashModel, index=True):
    name: str
    token: Optional[str] = None
    text: Optional[str] = None
    price: Optional[decimal.Decimal] = None
    when: Optional[datetime.datetime] = None


user = User(name="a", token="secret")
user.save()
user.token = None
user.name = "b"
user.save()
saved = User.get(user.pk)
print("saved with None:", user.token, "| read:", saved.token, "| the other field:", saved.name)
assert (saved.token, saved.name) == ("secret", "b")
saved.update(token=None)
print("after update(token=None):", User.get(user.pk).token)
assert User.get(user.pk).token == "secret"
User.db().hdel(user.key(), "token")
assert User.get(user.pk).token is None

noon = datetime.datetime(2026, 1, 1, 12)
other = User(name="a", text="", price=decimal.Decimal("1.10"), when=noon)
other.save()
read = User.get(other.pk)
print("empty text:", repr(read.text), "| 1.10:", read.price, "| noon:", read.when)
assert read.text is None and str(read.price) == "1.1"
assert read.when.replace(tzinfo=None) == noon + datetime.timedelta(hours=5) and read.when.tzinfo is datetime.timezone.utc
PYTHON
