#!/usr/bin/env bash
# Moneta 1.5.2 (Ruby): on the stores whose expiry Moneta adds itself a counter never expires, and create() refuses once an entry has expired.
#
# Expected: increment(key, 1, expires: 1) and create(key, value, expires: 1), which locks are made of, are over after a second on each
#   store, as on Redis and memcached: Moneta.new(:Memory, expires: true) adds the expiry where the store has none.
# Seen: on Memory, LRUHash and File the counter stays for ever; one that is stored with a TTL (raw) and incremented loses it.
#   After create()'s second key?() is false and load() nil, yet create() says false. As soon as one of them has been asked, create()
#   works again: they remove the entry.
# Who meets it: limits and locks that were tried on Redis and run on files or in memory: a limit that is reached stays so, a lock is
#   given once.
# Instead: on these stores load() before create(), and delete counters by hand.
source "$(dirname "$0")/lib.bash"

start_memcached
memcached=$port
start_valkey
ports=$memcached:$port
port=$ports ruby_run ruby-moneta=1.5.2-1 ruby-redis=4.8.0-1 ruby-dalli=3.0.6-1.1 <<'RUBY'
require 'moneta'

memcached, redis = ARGV[0].split(':')
stores = { Memory: [:Memory], LRUHash: [:LRUHash], File: [:File, { dir: "#{__dir__}/files" }],
           Redis: [:Redis, { host: '127.0.0.1', port: redis.to_i }], memcached: [:MemcachedDalli, { server: "127.0.0.1:#{memcached}" }] }
stores.transform_values! { |name, options = {}| Moneta.new(name, expires: true, **options) }
stores.each_value do |store|
  store.increment('counter', 1, expires: 1)
  store.store('stored', '1', raw: true, expires: 1)
  store.increment('stored', 1)
  store.store('value', 'x', expires: 1)
  %w[lock other].each { |key| store.create(key, 'x', expires: 1) || exit(1) }
end
sleep 2.5
stores.each do |name, store|
  counters = %w[counter stored].map { |key| store.load(key, raw: true) }
  lock = [store.create('lock', 'x'), store.create('lock', 'x'), store.load('lock')]
  other = [store.key?('other'), store.create('other', 'x')]
  puts "#{name}, after 2.5 seconds: counters #{counters}, a value #{store.load('value').inspect}, create twice and load #{lock}, key? and create #{other}"
  added = %i[Memory LRUHash File].include?(name)
  exit(1) unless store.load('value').nil? && counters == (added ? %w[1 2] : [nil, nil])
  exit(1) unless lock == (added ? [false, false, nil] : [true, false, 'x']) && other == [false, true]
end
RUBY
