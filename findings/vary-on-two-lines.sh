#!/usr/bin/env bash
# Apache 2.4.68, Apache Traffic Server 9.2.5 and nginx 1.22.1: Vary on two lines isn't Vary on one. In Apache the variants throw
# each other out, Traffic Server goes by the first line alone, nginx by the last.
#
# Expected: RFC 9110, 5.3: lines of the same name may be joined with commas without a change of meaning. `Vary: Accept` and
#   `Vary: Accept-Language` is `Vary: Accept, Accept-Language`.
# Seen: on one line all is well. On two lines Apache's mod_cache_disk keeps one answer for each value of one of them: two
#   languages by turns are never a hit. Traffic Server gives the English page to who asks for German, nginx 1.22.1 the HTML to who
#   asks for JSON.
# Who meets it: a framework that adds Vary for the language and a compressing or negotiating layer that adds another line.
# Instead: one line, joined by the application (in Apache in front of it: `Header merge`); nginx 1.26.3, which joins them.
source "$(dirname "$0")/lib.bash"

cat > "$tmp/vary.py" <<'PYTHON'
import sys, time
from origin import Origin, fetch

lifetime = ("Cache-Control", "max-age=60")
answers = {"/one": [lifetime, ("Vary", "Accept, Accept-Language")], "/two": [lifetime, ("Vary", "Accept"), ("Vary", "Accept-Language")]}
Origin(sys.argv[1], {path: [(200, headers)] for path, headers in answers.items()})
requests = [("html", "en"), ("json", "en"), ("html", "de"), ("html", "en"), ("html", "de"), ("json", "en")]
for path, expected in zip(answers, sys.argv[3:]):
    seen = []
    for kind, language in requests:
        seen.append(fetch(sys.argv[2], path, {"Accept": kind, "Accept-Language": language})[1])
        time.sleep(0.1)  # what is answered may still be on its way into the cache
    print("Vary on", path[1:], "line(s):", *(f"{kind} {language}: {body}," for (kind, language), body in zip(requests, seen)))
    assert "".join(seen) == expected, seen
PYTHON
start_apache
python_run "$origin" "$port" 123132 123452 < "$tmp/vary.py"
start_traffic_server
python_run "$origin" "$port" 123132 121112 < "$tmp/vary.py"
start_nginx < /dev/null
python_run "$origin" "$port" 123132 112121 < "$tmp/vary.py"
