#!/usr/bin/env bash
# Dalli 3.0.6 (Ruby): a TTL of less than a second is for ever.
#
# Expected: 0.5 (or 0.5.seconds of Rails) is half a second, rounded up to a second, or an error.
# Seen: the TTL is cut to an integer, and 0 is memcached's "never": set, add, incr, touch and gat with 0.5 make the entry stay
#   until memory runs out. 1.9 is one second. (Even 'half a second' is taken, as 0.)
# Who meets it: a limit per half a second, a short lock by add, a TTL that is computed as (deadline - Time.now): in the last second
#   before the deadline what is stored stays for ever.
# Instead: [ttl.ceil, 1].max.
source "$(dirname "$0")/lib.bash"

debian_packages ruby3.1=3.1.2-7+deb12u1 libruby3.1=3.1.2-7+deb12u1 ruby-dalli=3.0.6-1.1 memcached=1.6.18-1 libevent-2.1-7=2.1.12-stable-8
start_memcached
rubies=("$tmp"/deb/usr/share/rubygems-integration/all/gems/*/lib "$tmp/deb/usr/lib/ruby/3.1.0" "$tmp/deb/usr/lib/x86_64-linux-gnu/ruby/3.1.0")
RUBYLIB=$(IFS=:; echo "${rubies[*]}") "$tmp/deb/usr/bin/ruby3.1" --disable-gems - "$port" <<'RUBY'
require 'dalli'
require 'socket'

client = Dalli::Client.new("127.0.0.1:#{ARGV[0]}")
wire = TCPSocket.new('127.0.0.1', ARGV[0].to_i)
left = lambda do |key|
  wire.write("mg #{key} t\r\n")
  wire.gets[/t(-?\d+)/, 1].to_i
end
client.set('set', 'value', 0.5)
client.add('add', 'value', 0.5)
client.incr('incr', 1, 0.5, 1)
%w[touch gat].each { |key| client.set(key, 'value', 100) }
client.touch('touch', 0.5)
client.gat('gat', 0.5)
seen = %w[set add incr touch gat].to_h { |key| [key, left.call(key)] }
client.set('longer', 'value', 1.9)
client.set('words', 'value', 'half a second')
puts "seconds left after a TTL of 0.5: #{seen}, of 1.9: #{left.call('longer')} (-1 is for ever)"
exit(1) unless seen.values.all?(-1) && left.call('words') == -1 && left.call('longer') <= 1
sleep 2
exit(1) unless client.get('set') == 'value' && client.get('longer').nil?
RUBY
