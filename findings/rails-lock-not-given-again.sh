#!/usr/bin/env bash
# Rails' cache 6.1.7 (Ruby): write with unless_exist on the stores in memory and in files refuses though the entry has expired.
#
# Expected: write('lock', 1, unless_exist: true, expires_in: 1) is true again after a second, as on Redis and memcached; read says
#   nil by then.
# Seen: MemoryStore and FileStore see an entry, expired or not, and say false, each time and for ever. Only once somebody has read
#   the key, which removes it, is a write accepted.
# Who meets it: "once a minute" or "one at a time" by unless_exist, which nobody reads: it works once per process (or, with files,
#   once) and never again.
# Instead: read the key first; or delete it where the work ends.
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
lock = ->(store, seconds) { store.write('lock', 1, unless_exist: true, expires_in: seconds) ? true : false }
first = stores.transform_values { |store| lock.(store, 1) }
again = []
3.times do
  sleep 2.1
  again << stores.transform_values { |store| lock.(store, 1) }
end
stores.each do |name, store|
  tries = again.map { |seen| seen[name] }
  puts "#{name}: at first #{first[name]}, after 2, 4 and 6 seconds #{tries.join(', ')}"
  exit(1) unless first[name]
  if %i[MemoryStore FileStore].include?(name)
    read = store.read('lock')
    later = lock.(store, 60)
    puts "  read says #{read.inspect}, and then it is #{later}"
    exit(1) unless tries.none? && read.nil? && later
  else
    exit(1) unless tries.all?
  end
end
RUBY
