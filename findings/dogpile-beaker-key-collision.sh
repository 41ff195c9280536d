#!/usr/bin/env bash
# dogpile.cache 1.5.0 and Beaker 1.14.1: arguments are joined with a space, so f("a b", "c") gets the result of f("a",
# "b c").
#
# Expected: dogpile's documentation of cache_on_arguments: the key is "derived from the function itself and its
#   arguments". One takes different arguments to have different entries.
# Seen: both make the key by ' '.join(str(argument)). Arguments with spaces run into each other, 1 and "1", None and
#   "None" share an entry, and in dogpile two classes of one module with a method of the same name share theirs too.
# Who meets it: functions of two names, two search terms or two addresses; the value of another pair is returned.
# Instead: dogpile's function_key_generator=... with repr() of the arguments (and a namespace for methods); in Beaker an
#   explicit key.
source "$(dirname "$0")/lib.bash"

python_packages dogpile.cache==1.5.0 Beaker==1.14.1
python_run <<'PYTHON'
from beaker.cache import CacheManager
from dogpile.cache import make_region

region = make_region().configure("dogpile.cache.memory")
decorators = {
    "dogpile.cache": region.cache_on_arguments(),
    "Beaker": CacheManager(type="memory").cache("functions", expire=60),
}
for name, decorator in decorators.items():
    @decorator
    def pair(a, b):
        return a, b

    for first, second in ((("a b", "c"), ("a", "b c")), ((1, None), ("1", "None"))):
        seen = pair(*first), pair(*second)
        print(f"{name}: pair{first} = {seen[0]}; pair{second} = {seen[1]}")
        assert seen == (first, first), seen

class Users:
    @region.cache_on_arguments()
    def find(self, number):
        return f"user {number}"

class Orders:
    @region.cache_on_arguments()
    def find(self, number):
        return f"order {number}"

seen = Users().find(7), Orders().find(7)
print(f"dogpile.cache: Users().find(7) = {seen[0]}; Orders().find(7) = {seen[1]}")
assert seen == ("user 7", "user 7"), seen
PYTHON
