#!/usr/bin/env bash
# pottery 3.0.1: @redis_cache never hits another process's entry when an argument is a string.
#
# Expected: pottery's README: redis_cache is "a simple lightweight unbounded function return value cache" kept in Redis;
#   one keeps it there to share it between processes and restarts.
# Seen: the field is Python's hash() of the arguments. Hashes of str and bytes are salted for each process, so each
#   process computes anew and adds a field of its own to a hash that nothing trims. Integers alone hit.
# Who meets it: web workers; the memory of the server grows with each restart.
# Instead: PYTHONHASHSEED set to one number for all processes, or a cache whose keys are text.
source "$(dirname "$0")/lib.bash"

start_valkey
python_packages pottery==3.0.1 redis==6.4.0
cat > "$tmp/worker.py" <<'PYTHON'
import sys
import pottery, redis

@pottery.redis_cache(redis=redis.Redis(port=int(sys.argv[1])), key="results", timeout=100)
def computed(argument):
    print("computes", repr(argument), end="; ")
    return argument

computed("text")
computed(5)
print("fields:", redis.Redis(port=int(sys.argv[1])).hlen("results"))
PYTHON
for process in 1 2 3; do
  printf 'process %s: ' "$process"
  "$tmp/venv/bin/python" "$tmp/worker.py" "$port" | tee -a "$tmp/seen"
done
diff "$tmp/seen" - <<'SEEN'
computes 'text'; computes 5; fields: 2
computes 'text'; fields: 3
computes 'text'; fields: 4
SEEN
