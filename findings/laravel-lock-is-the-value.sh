#!/usr/bin/env bash
# Laravel's cache 8.83.26 (PHP): a lock and a value of the same name are one key; the holder reads its own lock as the value.
#
# Expected: Cache::lock('report') and Cache::remember('report') have nothing to do with each other, as on the array store, which
#   the tests run on: there locks are kept apart.
# Seen: on memcached and Redis both are the key app:report. Within the lock remember() doesn't run its function: on memcached it
#   returns the lock's token of 16 random letters as the report, on Redis false (with a notice of unserialize). While the value is
#   there the lock can't be had at all, and forget('report') frees somebody else's lock.
# Who meets it: whoever guards a computation by the lock of the same name, which is what the name is for: green on the array
#   store, a random text on the page in production.
# Instead: another name for the lock, such as report:lock.
source "$(dirname "$0")/lib.bash"

start_memcached
memcached=$port
start_valkey
laravel_run "$memcached" "$port" <<'PHP'
use Illuminate\Cache\{ArrayStore, MemcachedStore, RedisStore, Repository};

$memcached = new Memcached();
$memcached->addServer('127.0.0.1', (int) $argv[1]);
$redis = new Illuminate\Redis\RedisManager(new Illuminate\Container\Container(), 'phpredis',
    ['default' => ['host' => '127.0.0.1', 'port' => (int) $argv[2], 'database' => 0]]);
$stores = ['array' => new ArrayStore(), 'memcached' => new MemcachedStore($memcached, 'app:'), 'Redis' => new RedisStore($redis, 'app:')];
foreach ($stores as $name => $store) {
    $cache = new Repository($store);
    $report = @$cache->lock('report', 60)->block(1, fn () => $cache->remember('report', 60, fn () => ['computed']));
    $cache->put('order', 'an order', 60);
    $beside = $cache->lock('order', 60)->get();
    $held = $cache->lock('job', 60)->get();
    $cache->forget('job');
    $seen[$name] = [$report, $beside, $held, $cache->lock('job', 60)->get()];
    printf("%s: remember() within the lock returns %s; a lock beside the value: %s; the lock, and again after forget(): %s, %s\n", $name,
        ...array_map('json_encode', $seen[$name]));
}
$token = $seen['memcached'][0];
if (!is_string($token) || !preg_match('/^[A-Za-z0-9]{16}$/', $token)) exit(1);
exit($seen === ['array' => [['computed'], true, true, false], 'memcached' => [$token, false, true, true],
    'Redis' => [false, false, true, true]] ? 0 : 1);
PHP
