#!/usr/bin/env bash
# lua-nginx-module 0.10.23 (OpenResty's ngx.shared): a set() that is refused as too large throws out thirty other entries, and even safe_set()
# the old value of its key.
#
# Expected: its documentation: set() evicts least recently used entries to make room, safe_set() overrides none and says "no memory". What is
#   larger than the whole dictionary can't be stored, so nothing is to be gained by eviction.
# Seen: of 1000 entries in a dictionary of 1 MB each set() of 2 MB takes 30 away and says "no memory": after ten of them 300 are gone. The
#   key's own old value is gone too, and that also with safe_set(). replace() does the same as set().
# Who meets it: one page that has grown too large and is asked for often: it empties the cache for all others, little by little; limits and
#   sessions in the same dictionary go with it.
# Instead: look at #value before set(); a dictionary of its own for large values.
source "$(dirname "$0")/lib.bash"

nginx_lua_run <<'LUA'
local shared = ngx.shared.shared
local large = string.rep("x", 2000000)
local function fill()
  shared:flush_all()
  shared:flush_expired()
  for i = 1, 1000 do shared:set("key" .. i, i) end
end
local function left()
  local count = 0
  for i = 1, 1000 do if shared:get("key" .. i) then count = count + 1 end end
  return count
end
local function look(method, key, times)
  fill()
  local before = left()
  local stored, reason
  for _ = 1, times do stored, reason = shared[method](shared, key, large) end
  ngx.say(method, "() of 2 MB for ", key, ", ", times, " times: ", reason, "; entries before ", before, ", after ", left(),
    "; that key: ", tostring(shared:get(key)))
  assert(not stored and before == 1000)
  return left()
end
assert(look("set", "new", 1) == 970)
assert(look("set", "new", 10) == 700)
assert(look("set", "key1", 1) == 969 and shared:get("key1") == nil)
assert(look("replace", "key1", 1) == 969 and shared:get("key1") == nil)
assert(look("safe_set", "key1", 1) == 999 and shared:get("key1") == nil)
LUA
