#!/usr/bin/env bash
# Rails' cache 6.1.7 (Ruby): the Redis store keeps the old value if expires_in is over already, the memcached one if the new value is too large.
#
# Expected: after write(key, value, expires_in: 0 or -1) the key is missing, as with all other stores; a write that fails because
#   of the size leaves nothing, as with memcached itself, which deletes the old value.
# Seen: Redis refuses the TTL, the store takes the error for an outage and says false, and read goes on with the old value,
#   for as long as it lives. fetch(force: true) returns the new value and everybody else gets the old one. On memcached Dalli
#   refuses what is above a MB before it is sent, with the same result.
# Who meets it: expires_in: deadline - Time.now, where the deadline has just passed; a list that grows past the limit: what was to be
#   replaced is served on, maybe for ever.
# Instead: look at what write returns, and delete the key if it is false.
source "$(dirname "$0")/lib.bash"

start_memcached
memcached=$port
start_valkey
ports=$memcached:$port
port=$ports ruby_run ruby-activesupport=2:6.1.7.10+dfsg-1~deb12u4 ruby-i18n=1.10.0-2 ruby-tzinfo=2.0.5-1 ruby-concurrent=1.1.6+dfsg-5 \
  ruby-redis=4.8.0-1 ruby-dalli=3.0.6-1.1 <<'RUBY'
require 'logger'
require 'socket'
require 'active_support'
require 'active_support/cache'
require 'active_support/cache/mem_cache_store'
require 'active_support/cache/redis_cache_store'

memcached, redis = ARGV[0].split(':')
stores = { MemoryStore: ActiveSupport::Cache::MemoryStore.new, FileStore: ActiveSupport::Cache::FileStore.new("#{__dir__}/files"),
           MemCacheStore: ActiveSupport::Cache::MemCacheStore.new("127.0.0.1:#{memcached}"),
           RedisCacheStore: ActiveSupport::Cache::RedisCacheStore.new(url: "redis://127.0.0.1:#{redis}") }
stores.each do |name, store|
  over = [0, -1].map do |seconds|
    store.write('k', 'old')
    [store.write('k', 'new', expires_in: seconds) ? true : false, store.read('k')]
  end
  store.write('k', 'old')
  forced = [store.fetch('k', expires_in: -1, force: true) { 'new' }, store.read('k')]
  store.write('k', 'old')
  large = [store.write('k', Random.bytes(2 << 20)) ? true : false, store.read('k').then { |value| value == 'old' ? value : value.size }]
  puts "#{name}: write with 0 and -1 s, and read: #{over}; fetch with force, and read: #{forced}; 2 MiB, and read: #{large}"
  exit(1) unless over == [name == :RedisCacheStore ? [false, 'old'] : [true, nil]] * 2
  exit(1) unless forced == ['new', name == :RedisCacheStore ? 'old' : nil]
  exit(1) unless large == (name == :MemCacheStore ? [false, 'old'] : [true, 2 << 20])
end
wire = TCPSocket.new('127.0.0.1', memcached.to_i)
wire.write("set k 0 0 3\r\nold\r\nset k 0 0 #{2 << 20}\r\n#{'x' * (2 << 20)}\r\nget k\r\n")
answers = 3.times.map { wire.gets.chomp }
puts "memcached by itself: #{answers}"
exit(1) unless answers == ['STORED', 'SERVER_ERROR object too large for cache', 'END']
RUBY
