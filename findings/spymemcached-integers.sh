#!/usr/bin/env bash
# spymemcached 2.12.3 (Java): its 42 is "*" to everybody else, its 0 is empty, its long text is 0.0 to PHP, and the server can't
# increment it.
#
# Expected: a number is stored as its digits, as by the clients of other languages, so that they can read it, and incr works on it.
# Seen: numbers are stored as their bytes without leading zeros, with flags that only this client knows (512 Integer, 768 Long,
#   256 Boolean): 42 is one byte, 0 none at all, false the text "0". Others ignore these flags and read text. incr of what
#   was set as 42 says -1, as for a missing key; what incr has made is a String. Text above 16 kB is gzip with flag 2, which means a float to PHP: 0.0.
# Who meets it: a Java service whose entries a script in another language reads, or who sets a counter before incrementing it.
# Instead: set("n", 0, "42"), as a String; JSON text, and for text a transcoder with setCompressionThreshold beyond the largest.
source "$(dirname "$0")/lib.bash"

debian_packages libspymemcached-java=2.12.3+dfsg-3 php8.2-cli=8.2.32-1~deb12u1 php8.2-common=8.2.32-1~deb12u1 \
  php8.2-memcached=3.2.0+2.2.0-4 php8.2-igbinary=3.2.13-1 php8.2-msgpack=1:2.2.0~rc2-3 libmemcached11=1.1.4-1 libhashkit2=1.1.4-1 \
  memcached=1.6.18-1 libevent-2.1-7=2.1.12-stable-8
start_memcached
cat > "$tmp/Main.java" <<'JAVA'
import java.net.InetSocketAddress;
import java.util.logging.*;
import net.spy.memcached.MemcachedClient;

public class Main {
    public static void main(String[] args) throws Exception {
        System.setProperty("net.spy.log.LoggerImpl", "net.spy.memcached.compat.log.SunLogger");
        Logger.getLogger("net.spy").setLevel(Level.OFF);
        MemcachedClient client = new MemcachedClient(new InetSocketAddress("127.0.0.1", Integer.parseInt(args[0])));
        Object[] values = { 42, 0, 3000000000L, false, "text", "x".repeat(20000) };
        for (int index = 0; index < values.length; index++) client.set("java:" + index, 0, values[index]).get();
        long incremented = client.incr("java:0", 1);
        System.out.println("Java: incr of 42: " + incremented);
        client.incr("java:counter", 1, 42);
        Object counter = client.get("java:counter");
        System.out.println("Java: get of what incr has made: " + counter.getClass().getSimpleName());
        System.exit(incremented == -1 && counter instanceof String ? 0 : 1);
    }
}
JAVA
java -version 2>&1 | head -n 1
java -cp "$tmp/deb/usr/share/java/spymemcached.jar" "$tmp/Main.java" "$port"
python_packages pymemcache==4.0.0
python_run "$port" <<'PYTHON'
import sys
from pymemcache import Client
from pymemcache.serde import pickle_serde

client = Client(("127.0.0.1", int(sys.argv[1])), serde=pickle_serde)
seen = [client.get(f"java:{index}") for index in range(5)]
print("Python reads 42, 0, 3000000000, false, text as", *seen)
assert seen == [b"*", b"", (3_000_000_000).to_bytes(4, "big"), b"0", b"text"]
PYTHON
cat > "$tmp/read.php" <<'PHP'
<?php
$client = new Memcached();
$client->addServer('127.0.0.1', (int) $argv[1]);
printf("PHP reads 42 and the long text as %s, %s: %s\n", var_export($client->get('java:0'), true),
    var_export($client->get('java:5'), true), $client->getResultMessage());
exit($client->get('java:0') === '*' && $client->get('java:5') === 0.0 ? 0 : 1);
PHP
modules=$tmp/deb/usr/lib/php/20220829
"$tmp/deb/usr/bin/php8.2" -n -d "extension=$modules/igbinary.so" -d "extension=$modules/msgpack.so" \
  -d "extension=$modules/memcached.so" "$tmp/read.php" "$port"
