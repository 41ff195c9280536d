#!/usr/bin/env bash
# Apache Traffic Server 9.2.5: the headers that Vary names are compared without regard to case: who asks in Mb gets what was
# cached for MB.
#
# Expected: RFC 9111, 4.1: a stored answer fits a request if the fields that Vary names match. They may be normalized where the
#   field's own definition says that it makes no difference, as for the names of languages; for a field that the cache doesn't
#   know each value is another one.
# Seen: whatever the field, values that differ in capitals alone are one; others are kept apart. nginx, which is run beside it,
#   keeps all apart, as do Apache's mod_cache 2.4, Squid 5.7 and Varnish 7.1.
# Who meets it: a service whose answer depends on a header with units, base64 or other names in which case counts.
# Instead: put what counts into the path or the query, which are compared exactly.
source "$(dirname "$0")/lib.bash"

cat > "$tmp/case.py" <<'PYTHON'
import sys, time
from origin import Origin, fetch

def answers(field):
    return [(200, [("Cache-Control", "max-age=60"), ("Vary", field)])]

Origin(sys.argv[1], {f"/{name}/{field}": answers(field) for name in ("traffic", "nginx") for field in ("X-Unit", "Accept-Units")})
traffic, nginx = sys.argv[2:]
for name, port, field, expected in [
    ("traffic", traffic, "X-Unit", "1112"),
    ("traffic", traffic, "Accept-Units", "1112"),
    ("nginx", nginx, "X-Unit", "1234"),
]:
    values = ["unit=MB", "unit=Mb", "unit=mb", "unit=kB"]
    seen = []
    for value in values:
        seen.append(fetch(port, f"/{name}/{field}", {field: value})[1])
        time.sleep(0.1)  # what is answered may still be on its way into the cache
    print(name, "by", field, *(f"{value}: answer {body}," for value, body in zip(values, seen)))
    assert "".join(seen) == expected
PYTHON
start_traffic_server
traffic=$port
start_nginx < /dev/null
python_run "$origin" "$traffic" "$port" < "$tmp/case.py"
