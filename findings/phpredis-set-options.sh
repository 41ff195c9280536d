#!/usr/bin/env bash
# phpredis 5.3.7 (PHP): set() with ['nx' => true, 'ex' => 10] sets always: a lock that everybody gets. Options it doesn't know are ignored.
#
# Expected: an option that isn't understood is an error or a warning, as for ['nx', 'ex' => 0.5], or as Predis and the server do
#   ("ERR syntax error"). 'nx' => true means nx.
# Seen: only bare 'nx', 'xx' and 'keepttl' count, and 'ex' and 'px' with a number; all else is left out without a word, and set() is
#   true. With 'nx' => true two lockers both get true and the TTL is right; with 'keepttl' => true the TTL is dropped; 'xx' =>
#   true creates; ['nx', 'exat' => …] and ['nx', 'ttl' => 10] are locks without an end. (expire('key', 0.5) deletes the key.)
# Who meets it: whoever writes the options like those of other clients, { nx: true, ex: 10 }: seen in no test with one process.
# Instead: ['nx', 'ex' => 10], and no others with this version; look at the key's TTL once.
source "$(dirname "$0")/lib.bash"

debian_packages php8.2-cli=8.2.32-1~deb12u1 php8.2-common=8.2.32-1~deb12u1 php8.2-redis=5.3.7+4.3.0-3 php8.2-igbinary=3.2.13-1 \
  php8.2-msgpack=1:2.2.0~rc2-3
start_valkey
cat > "$tmp/main.php" <<'PHP'
<?php
error_reporting(E_ALL);
$warnings = 0;
set_error_handler(function () use (&$warnings) { return (bool) ++$warnings; });
$redis = new Redis();
$redis->connect('127.0.0.1', (int) $argv[1]);
$lock = function (array $options) use ($redis) {
    $redis->del('lock');
    $got = [$redis->set('lock', 'me', $options), $redis->set('lock', 'you', $options)];
    return [...$got, $redis->get('lock'), $redis->ttl('lock')];
};
$cases = [
    [['nx', 'ex' => 100], [true, false, 'me', 100]], [['nx' => true, 'ex' => 100], [true, true, 'you', 100]],
    [['NX' => 1, 'EX' => 100], [true, true, 'you', 100]], [['nx', 'exat' => time() + 100], [true, false, 'me', -1]],
    [['nx', 'ttl' => 100], [true, false, 'me', -1]], [['xx' => true], [true, true, 'you', -1]],
];
foreach ($cases as [$options, $expected]) {
    $seen = $lock($options);
    printf("set with %s: the first %s, the second %s; holds %s for %d s\n", json_encode($options), ...array_map('json_encode', $seen));
    if ($seen !== $expected) exit(1);
}
foreach ([['keepttl'], ['keepttl' => true]] as $options) {
    $redis->set('k', 'old', 100);
    $redis->set('k', 'new', $options);
    printf("set with %s over 100 s: %d s\n", json_encode($options), $kept[] = $redis->ttl('k'));
}
if ($warnings !== 0 || $kept !== [100, -1]) exit(1);
$redis->set('k', 'value');
$short = [@$redis->expire('k', 0.5), $redis->exists('k')];
$warnings = 0;
$redis->set('lock', 'me', ['nx', 'ex' => 0.5]);
printf("expire 0.5 and exists: %s; warnings, with 'ex' => 0.5 alone: %d\n", json_encode($short), $warnings);
exit($short === [true, 0] && $warnings === 1 ? 0 : 1);
PHP
extensions=("$tmp"/deb/usr/lib/php/20220829/{igbinary,msgpack,redis}.so)
"$tmp/deb/usr/bin/php8.2" -n "${extensions[@]/#/-dextension=}" "$tmp/main.php" "$port"
