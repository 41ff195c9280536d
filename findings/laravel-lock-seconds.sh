#!/usr/bin/env bash
# Laravel's cache 8.83.26 (PHP): a lock whose seconds are over or below one is for ever on Redis; one for 31 days is nobody's on memcached.
#
# Expected: a lock of minus one second, the time that is left until a deadline, is over at once; of half a second it lasts half a
#   second or one; of 31 days it lasts 31 days. put() of the same store does so: minus one removes, and 31 days work on memcached.
# Seen: Redis keeps the lock of -1 and of 0.5 for ever. On memcached that of 0.5 is for ever, while that of -1 and that of 31
#   days are given to everybody who asks: memcached takes more than 30 days for a date, one in 1970. Each lock() says true.
# Who meets it: a lock until a deadline, $end->timestamp - time(); a "once a month" lock: a job that never runs again, or that runs
#   on each machine.
# Instead: max(1, (int) ceil($seconds)), and on memcached at most 30 days.
source "$(dirname "$0")/lib.bash"

start_memcached
memcached=$port
start_valkey
laravel_run "$memcached" "$port" <<'PHP'
use Illuminate\Cache\{MemcachedStore, RedisStore, Repository};

error_reporting(E_ALL & ~E_DEPRECATED);
$memcached = new Memcached();
$memcached->addServer('127.0.0.1', (int) $argv[1]);
$redis = new Illuminate\Redis\RedisManager(new Illuminate\Container\Container(), 'phpredis',
    ['default' => ['host' => '127.0.0.1', 'port' => (int) $argv[2], 'database' => 0]]);
$seconds = ['-1' => -1, '0.5' => 0.5, '1' => 1, '2678400' => 31 * 86400];
foreach (['Redis' => new RedisStore($redis, ''), 'memcached' => new MemcachedStore($memcached, '')] as $name => $store) {
    foreach ($seconds as $key => $time) {
        $got = $store->lock("lock:$key", $time)->get();
        $seen[$name][$key] = [$got, $store->lock("lock:$key", 60)->get()];
    }
}
sleep(3);
foreach (['Redis' => new RedisStore($redis, ''), 'memcached' => new MemcachedStore($memcached, '')] as $name => $store) {
    foreach ($seconds as $key => $time) $seen[$name][$key][] = $store->lock("lock:$key", 60)->get();
    foreach ($seen[$name] as $key => $got) printf("%s, %s s: locked %s, by another one at once %s, after 3 s %s\n", $name, $key, ...array_map('json_encode', $got));
}
$forever = [true, false, false];
foreach (['-1', '0.5'] as $key) if ($redis->connection()->ttl("lock:$key") !== -1) exit(1);
$cache = new Repository(new MemcachedStore($memcached, ''));
$cache->put('value', 1, 31 * 86400);
if ($cache->get('value') !== 1 || !$cache->put('value', 2, -1) || $cache->get('value') !== null) exit(1);
exit($seen['Redis'] === ['-1' => $forever, '0.5' => $forever, '1' => [true, false, true], '2678400' => $forever]
    && $seen['memcached']['0.5'] === $forever && $seen['memcached']['1'] === [true, false, true]
    && $seen['memcached']['-1'][1] && $seen['memcached']['2678400'][1] ? 0 : 1);
PHP
