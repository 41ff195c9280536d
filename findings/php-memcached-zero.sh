#!/usr/bin/env bash
# PHP's memcached 3.2.0: each object that a Python, Ruby or Perl client has stored is read as the integer 0, with success.
#
# Expected: what was written in another language's own format, a pickle or Ruby's Marshal, can't be read: an error, or false
#   as for a miss.
# Seen: to PHP flag 1 means integer. pymemcache (pickle), Dalli (Marshal) and Cache::Memcached::Fast (Storable) give their lists,
#   hashes, True and None this flag, so PHP reads each as 0 and getResultMessage() says SUCCESS. Python's integers (flag 2) become
#   floats, its text (flag 16, compressed to PHP) is false. The other way round Python reads PHP's 42 as None, a miss.
# Who meets it: a PHP application beside another service on one memcached: a permission, a price or a counter is 0 instead of
#   missing.
# Instead: JSON as bytes (flag 0) from all of them; or another prefix for each language.
source "$(dirname "$0")/lib.bash"

debian_packages php8.2-cli=8.2.32-1~deb12u1 php8.2-common=8.2.32-1~deb12u1 php8.2-memcached=3.2.0+2.2.0-4 php8.2-igbinary=3.2.13-1 \
  php8.2-msgpack=1:2.2.0~rc2-3 libmemcached11=1.1.4-1 libhashkit2=1.1.4-1 memcached=1.6.18-1 libevent-2.1-7=2.1.12-stable-8 \
  ruby3.1=3.1.2-7+deb12u1 libruby3.1=3.1.2-7+deb12u1 ruby-dalli=3.0.6-1.1 libcache-memcached-fast-perl=0.28-2
start_memcached
python_packages pymemcache==4.0.0
python_run "$port" <<'PYTHON'
import sys
from pymemcache import Client
from pymemcache.serde import pickle_serde

client = Client(("127.0.0.1", int(sys.argv[1])), serde=pickle_serde, default_noreply=False)
for name, value in {"list": [1, 2], "true": True, "integer": 42, "text": "text", "bytes": b"bytes"}.items():
    client.set(f"python:{name}", value)
PYTHON
lib=$tmp/deb/usr/lib
rubies=("$tmp"/deb/usr/share/rubygems-integration/all/gems/*/lib "$lib/ruby/3.1.0" "$lib/x86_64-linux-gnu/ruby/3.1.0")
RUBYLIB=$(IFS=:; echo "${rubies[*]}") "$tmp/deb/usr/bin/ruby3.1" --disable-gems - "$port" <<'RUBY'
require 'dalli'
client = Dalli::Client.new("127.0.0.1:#{ARGV[0]}")
client.set('ruby:hash', { 'a' => 1 })
client.set('ruby:text', 'text')
client.set('ruby:integer', 42)
RUBY
PERL5LIB=$lib/x86_64-linux-gnu/perl5/5.36:$tmp/deb/usr/share/perl5 perl - "$port" <<'PERL'
use Cache::Memcached::Fast;
my $client = Cache::Memcached::Fast->new({ servers => ["127.0.0.1:$ARGV[0]"] });
$client->set('perl:hash', { a => 1 });
PERL
cat > "$tmp/read.php" <<'PHP'
<?php
$client = new Memcached();
$client->addServer('127.0.0.1', (int) $argv[1]);
$zero = ['python:list', 'python:true', 'ruby:hash', 'ruby:text', 'ruby:integer', 'perl:hash'];
foreach ([...array_fill_keys($zero, 0), 'python:integer' => 42.0, 'python:bytes' => 'bytes'] as $key => $expected) {
    $seen = $client->get($key);
    printf("PHP reads %s as %s: %s\n", $key, var_export($seen, true), $client->getResultMessage());
    if ($seen !== $expected || $client->getResultCode() !== Memcached::RES_SUCCESS) exit(1);
}
$seen = @$client->get('python:text');
printf("PHP reads python:text as %s: %s\n", var_export($seen, true), $client->getResultMessage());
if ($seen !== false) exit(1);
$client->set('php:integer', 42);
PHP
"$tmp/deb/usr/bin/php8.2" -n -d "extension=$lib/php/20220829/igbinary.so" -d "extension=$lib/php/20220829/msgpack.so" \
  -d "extension=$lib/php/20220829/memcached.so" "$tmp/read.php" "$port"
python_run "$port" <<'PYTHON'
import sys
from pymemcache import Client
from pymemcache.serde import pickle_serde

client = Client(("127.0.0.1", int(sys.argv[1])), serde=pickle_serde)
print("Python reads php:integer as", seen := client.get("php:integer"))
assert seen is None and client.get("php:integer", "a miss") is None
PYTHON
