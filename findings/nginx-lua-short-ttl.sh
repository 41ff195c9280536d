#!/usr/bin/env bash
# lua-nginx-module 0.10.23 (OpenResty's ngx.shared): an exptime below a millisecond is for ever; expire() with one takes the TTL away.
#
# Expected: exptime is in seconds, a number with a fraction. What is stored for 0.0004 s is gone after a moment, as what is stored for
#   0.001 s is; a negative one is refused. In lua-resty-lrucache of the same makers a TTL of 0 is over at once.
# Seen: it is cut to whole milliseconds, and 0 is no TTL: set(), add(), incr() with an init_ttl and expire() with 0.0004 make an entry that
#   stays until it is evicted; expire() does so with one that had ten seconds.
# Who meets it: a lifetime computed as `deadline - ngx.now()` that comes out just above zero: seldom, so no test finds it; then a limit
#   never ends, or a token is used for good. The negative ones raise an error and so are found soon.
# Instead: math.max(0.001, ...), and nothing stored for what is over.
source "$(dirname "$0")/lib.bash"

nginx_lua_run <<'LUA'
local shared = ngx.shared.shared
local function look(name, ...)
  ngx.sleep(0.05)
  local value, ttl = shared:get(name), shared:ttl(name)
  ngx.say(name, " after 50 ms: ", tostring(value), ", ttl() ", tostring(ttl))
  return value, ttl
end
local function for_ever(name)
  local value, ttl = look(name)
  assert(value == 1 and ttl == 0)
end

shared:set("set for 0.0004 s", 1, 0.0004)
for_ever("set for 0.0004 s")
shared:add("add for 0.0004 s", 1, 0.0004)
for_ever("add for 0.0004 s")
shared:incr("incr with an init_ttl of 0.0004 s", 1, 0, 0.0004)
for_ever("incr with an init_ttl of 0.0004 s")
shared:set("expire to 0.0004 s", 1, 10)
shared:expire("expire to 0.0004 s", 0.0004)
for_ever("expire to 0.0004 s")

shared:set("set for 0.001 s", 1, 0.001)
assert(look("set for 0.001 s") == nil)
local taken, reason = pcall(shared.set, shared, "set for -1 s", 1, -1)
ngx.say("set for -1 s: ", reason)
assert(not taken)

local lru = require("resty.lrucache").new(10)
lru:set("key", 1, 0)
ngx.sleep(0.01)
ngx.say("lua-resty-lrucache with a TTL of 0: ", tostring(lru:get("key")))
assert(lru:get("key") == nil)
LUA
