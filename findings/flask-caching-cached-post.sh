#!/usr/bin/env bash
# Flask-Caching 2.5.1: @cache.cached() answers a POST with what it kept of a GET, and keeps error responses.
#
# Expected: its documentation: cached() is for view functions, keyed by request.path. Of a cache of responses one
#   expects that it leaves POST alone and doesn't keep a 500.
# Seen: the method isn't part of the key and isn't looked at: a POST after a GET gets the GET's answer and the view
#   isn't called; a view that returned ("broken", 500) is answered with 500 for the whole timeout.
# Who meets it: a view with methods=["GET", "POST"]; any view with a passing fault.
# Instead: unless=lambda: request.method != "GET", and a response_filter, which is given what the view returned (a tuple
#   here).
source "$(dirname "$0")/lib.bash"

python_packages Flask==3.1.2 Flask-Caching==2.5.1
python_run <<'PYTHON'
from flask import Flask, request
from flask_caching import Cache

app = Flask("app")
cache = Cache(app, config={"CACHE_TYPE": "SimpleCache"})
calls = []

@app.route("/form", methods=["GET", "POST"])
@cache.cached(timeout=60)
def form():
    calls.append(request.method)
    return f"{request.method} handled"

@app.route("/fault")
@cache.cached(timeout=60)
def fault():
    calls.append("fault")
    return ("broken", 500) if calls.count("fault") == 1 else "fine"

client = app.test_client()
seen = client.get("/form").text, client.post("/form").text
print("GET:", seen[0], "| POST:", seen[1], "| calls:", calls)
assert seen == ("GET handled", "GET handled") and calls == ["GET"]
seen = [(answer.status_code, answer.text) for answer in (client.get("/fault"), client.get("/fault"))]
print("fault twice:", seen, "| calls:", calls.count("fault"))
assert seen == [(500, "broken"), (500, "broken")] and calls.count("fault") == 1
PYTHON
