#!/usr/bin/env bash
# msgpack 2.2.0rc2 (PHP), msgpack 1.2.4 (Python): an empty dictionary from Python is an object in PHP, a time is NULL; what PHP stores of
# an object, Python can't read.
#
# Expected: the same MessagePack for both: a map is an array with keys, be it empty or not; what can't be read is false with a warning.
# Seen: {} is a stdClass, so that $user['name'] ?? null on it is an Error, though {"name": ...} is an array. A time of MessagePack's own
#   type, like any extension, is NULL without a word, also within an array. 2^63 and above are text. The keys 1 and "1" of one map are
#   one entry. In the other direction [1 => 'a'] is a map with an integer for a key and an object one with a nil: both are
#   refused by Python's defaults. [] is a list, so an empty array that was to be a map is another type for Python.
# Who meets it: PHP with memcached's or Redis' MessagePack serializer beside another language: settings, filters and carts that may be empty.
# Instead: JSON; or in PHP (array) around what is read, times as numbers.
source "$(dirname "$0")/lib.bash"

debian_packages php8.2-cli=8.2.32-1~deb12u1 php8.2-common=8.2.32-1~deb12u1 php8.2-msgpack=1:2.2.0~rc2-3
python_packages msgpack==1.2.4
cat > "$tmp/main.php" <<'PHP'
<?php
error_reporting(E_ALL);
foreach (explode(' ', $argv[1]) as $hex) {
    $value = msgpack_unpack(hex2bin($hex));
    fprintf(STDERR, "%s is %s in PHP\n", $hex, is_object($value) ? get_class($value) : json_encode($value));
    $seen[] = is_object($value) ? get_class($value) : $value;
}
$expected = ['stdClass', ['name' => 'a'], null, ['time' => null], '9223372036854775808', 9223372036854775807, [1 => 'b']];
if ($seen !== $expected) exit(1);
try {
    $user = msgpack_unpack("\x80");
    $user['name'] ?? null;
    exit(1);
} catch (Error $error) {
    fprintf(STDERR, "the name in an empty user: %s\n", $error->getMessage());
}
echo implode(' ', array_map(fn($value) => bin2hex(msgpack_pack($value)), [[1 => 'a'], (object)['a' => 1], [], [0 => 'a'], ['a' => 1]]));
PHP
from_python=$(python_run <<'PYTHON'
import datetime, msgpack

time = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
values = {}, {"name": "a"}, time, {"time": time}, 2**63, 2**63 - 1, {1: "a", "1": "b"}
print(*(msgpack.packb(value, datetime=True).hex() for value in values))
PYTHON
)
from_php=$("$tmp/deb/usr/bin/php8.2" -n -d extension="$tmp/deb/usr/lib/php/20220829/msgpack.so" "$tmp/main.php" "$from_python")
python_run "$from_php" <<'PYTHON'
import sys

import msgpack

read = []
for name, data in zip(("[1 => 'a']", "(object)['a' => 1]", "[]", "[0 => 'a']", "['a' => 1]"), sys.argv[1].split()):
    try:
        read.append(msgpack.unpackb(bytes.fromhex(data)))
    except ValueError as error:
        read.append(str(error))
    print(name, "of PHP in Python:", read[-1])
assert "int is not allowed" in read[0] and "NoneType is not allowed" in read[1]
assert read[2:] == [[], ["a"], {"a": 1}]
PYTHON
