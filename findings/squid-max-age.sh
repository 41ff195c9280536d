#!/usr/bin/env bash
# Squid 5.7: `max-age=2147483648`, the number that RFC 9111 names for the longest lifetime, isn't cached at all.
#
# Expected: RFC 9111, 1.2.2: a lifetime that is too large is to be taken as 2147483648 (2^31), or as the largest that one can hold.
# Seen: the number is taken into 32 bits with a sign: 2147483647 is cached, 2147483648 up to 2^32 - 1 never, 2^32 + 60 for
#   a minute, and so by turns. 31536000000, a year in milliseconds by mistake, happens to be cached.
# Who meets it: an origin that says "for ever" by the RFC's number, or whose lifetime is computed in another unit.
# Instead: a year, 31536000.
source "$(dirname "$0")/lib.bash"

debian_packages squid=5.7-2+deb12u5 squid-common=5.7-2+deb12u5 libecap3=1.0.1-3.4 libltdl7=2.4.7-7~deb12u1 \
  libnetfilter-conntrack3=1.0.9-3 libnfnetlink0=1.0.2-2 libtdb1=1.4.8-2 squid-langpack=20220130-1
origin=$(free_port)
port=$(free_port)
mkdir -m 777 "$tmp/squid"
chmod 755 "$tmp"
cat > "$tmp/squid.conf" <<CONF
http_port 127.0.0.1:$port accel defaultsite=localhost
cache_peer 127.0.0.1 parent $origin 0 no-query originserver
http_access allow all
cache_effective_user nobody
cache_effective_group nogroup
pid_filename $tmp/squid/pid
cache_log $tmp/squid/log
coredump_dir $tmp/squid
mime_table $tmp/deb/usr/share/squid/mime.conf
icon_directory $tmp/deb/usr/share/squid/icons
error_directory $tmp/deb/usr/share/squid/errors/English
unlinkd_program $tmp/deb/usr/lib/squid/unlinkd
logfile_daemon $tmp/deb/usr/lib/squid/log_file_daemon
access_log none
pinger_enable off
visible_hostname localhost
shutdown_lifetime 0 seconds
CONF
"$tmp/deb/usr/sbin/squid" -N -f "$tmp/squid.conf" &
started+=($!)
wait_for_port "$port"
python_run "$origin" "$port" <<'PYTHON'
import sys, time
from origin import Origin, fetch

lifetimes = {60: True, 2**31 - 1: True, 2**31: False, 4_000_000_000: False, 2**32 - 1: False, 2**32 + 60: True, 31_536_000_000: True}
answers = {f"/{each}": [(200, [("Cache-Control", f"max-age={each}")])] for each in lifetimes}
origin = Origin(sys.argv[1], answers | {"/ready": [(200, [])]})
while fetch(sys.argv[2], "/ready")[0] != 200:  # Squid has tried its peer before that was there
    time.sleep(0.1)
for lifetime, expected in lifetimes.items():
    for _ in range(3):
        assert fetch(sys.argv[2], f"/{lifetime}")[0] == 200
    kept = origin.asked[f"/{lifetime}"] == 1
    print(f"max-age={lifetime}:", "is kept" if kept else "isn't kept")
    assert kept == expected
PYTHON
