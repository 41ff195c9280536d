#!/usr/bin/env bash
# rack-cache 1.2 (Ruby, Rails' page cache for long): an answer with `Vary: *` is kept and given to everybody, and its Age starts anew.
#
# Expected: RFC 9111: a `Vary: *` never matches, so such an answer is fetched each time. An answer that comes with Age: 90 and max-age=100
#   is fresh for ten seconds more, and a hit says so.
# Seen: `*` is taken for the name of a header that no request has, so all requests match: who asks in another
#   language gets the first one's page. After a hit the Age is 0, and a hit 15 seconds later is still fresh. `Vary: Accept` is
#   respected.
# Who meets it: an application that marks pages that depend on everything with `Vary: *` and max-age; a second cache before the origin.
# Instead: `Cache-Control: private` or no-store, which count, for such pages; max-age less the Age.
source "$(dirname "$0")/lib.bash"

ruby_run ruby-rack-cache=1.2-4.1 ruby-rack=2.2.22-0+deb12u1 <<'RUBY'
require 'rack'
require 'rack/cache'

def get(cache, headers = {})
  status, answer, body = cache.call(Rack::MockRequest.env_for('/', headers))
  text = +''
  body.each { |part| text << part }
  [status, text, answer['X-Rack-Cache'], answer['Age']]
end

def cache(name, headers)
  origin = ->(env) { [200, headers.dup, ["page for #{env['HTTP_ACCEPT_LANGUAGE']}"]] }
  Rack::Cache.new(origin, metastore: "heap:/#{name}", entitystore: "heap:/#{name}", verbose: false)
end

seen = { '*' => 'page for en', 'Accept-Language' => 'page for de' }.map do |vary, expected|
  store = cache(vary, { 'Cache-Control' => 'max-age=100', 'Vary' => vary })
  first, second = %w[en de].map { |language| get(store, 'HTTP_ACCEPT_LANGUAGE' => language) }
  puts "Vary: #{vary}: the first #{first[1, 2]}, another language #{second[1, 2]}"
  first[1] == 'page for en' && second[1] == expected
end
aged = cache('age', { 'Cache-Control' => 'max-age=100', 'Age' => '90' })
ages = [get(aged), get(aged)]
sleep 15
ages << get(aged)
puts "Age: 90 of max-age=100: #{ages.map { |answer| answer[2, 2] }}, the last one after 15 seconds"
exit(1) unless seen.all? && ages[0][3] == '90' && ages[1][2..] == %w[fresh 0] && ages[2][2] == 'fresh' && ages[2][3].to_i.between?(14, 20)
RUBY
