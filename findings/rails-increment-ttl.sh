#!/usr/bin/env bash
# Rails' cache 6.1.7 (Ruby): increment on the stores in memory and in files drops the entry's TTL; on Redis and memcached it stays.
#
# Expected: a counter that is written with expires_in: 1 and incremented is gone after a second, as on Redis and memcached.
# Seen: MemoryStore and FileStore read the number, add to it and write it anew with the options of the call, so it stays for
#   ever. With each increment's expires_in: 1 the window moves on instead: the counter lives as long as it is counted.
# Who meets it: a limit of attempts per minute in development, in tests, or on one machine with files: whoever has reached it is
#   locked out for good.
# Instead: a key that holds the window's number, "attempts/#{Time.now.to_i / 60}".
source "$(dirname "$0")/lib.bash"

start_memcached
memcached=$port
start_valkey
ports=$memcached:$port
port=$ports ruby_run ruby-activesupport=2:6.1.7.10+dfsg-1~deb12u4 ruby-i18n=1.10.0-2 ruby-tzinfo=2.0.5-1 ruby-concurrent=1.1.6+dfsg-5 \
  ruby-redis=4.8.0-1 ruby-dalli=3.0.6-1.1 <<'RUBY'
require 'logger'
require 'active_support'
require 'active_support/cache'
require 'active_support/cache/mem_cache_store'
require 'active_support/cache/redis_cache_store'

memcached, redis = ARGV[0].split(':')
stores = { MemoryStore: ActiveSupport::Cache::MemoryStore.new, FileStore: ActiveSupport::Cache::FileStore.new("#{__dir__}/files"),
           MemCacheStore: ActiveSupport::Cache::MemCacheStore.new("127.0.0.1:#{memcached}"),
           RedisCacheStore: ActiveSupport::Cache::RedisCacheStore.new(url: "redis://127.0.0.1:#{redis}") }
counted = stores.transform_values do |store|
  store.write('attempts', 1, expires_in: 1, raw: true)
  store.write('read only', 1, expires_in: 1, raw: true)
  store.increment('attempts')
end
sleep 2.5
stores.each do |name, store|
  later = %w[attempts read\ only].map { |key| store.read(key, raw: true) }
  puts "#{name}: incremented to #{counted[name]}; after 2.5 seconds: #{later[0].inspect}, one that wasn't incremented: #{later[1].inspect}"
  stays = %i[MemoryStore FileStore].include?(name)
  exit(1) unless counted[name] == 2 && later == [stays ? 2 : nil, nil]
end
memory = stores[:MemoryStore]
memory.write('moves', 0)
4.times { memory.increment('moves', 1, expires_in: 1.5) || exit(1); sleep 0.5 }
puts "incremented with expires_in: 1.5 each half a second for two: #{memory.read('moves')}"
exit(1) unless memory.read('moves') == 4
RUBY
