#!/usr/bin/env bash
# Ehcache 2.6.11 (Java): an element that is given a time to idle of its own has no longer the cache's time to live.
#
# Expected: the cache has a timeToLive of a second and the element says only setTimeToIdle(100): it lives a second at most, less if nobody
#   reads it; so does one in a cache that has both in its configuration.
# Seen: with either of the two set on the element none of the cache's counts: the element is there after three seconds, its expiry is
#   a hundred seconds after the last read, and so for ever if it is read. setTimeToLive(100) likewise ends the cache's time
#   to idle. (removeAndReturnElement() gives out what has expired, where get() is null.)
# Who meets it: whoever shortens the idle time of some large or personal entries: it lengthens their life without limit, and old
#   values are served as long as they are asked for.
# Instead: set both on the element; or a second cache with its own configuration.
source "$(dirname "$0")/lib.bash"

debian_packages libehcache-java=2.6.11-5 libslf4j-java=1.7.32-1
cat > "$tmp/Main.java" <<'JAVA'
import net.sf.ehcache.*;
import net.sf.ehcache.config.*;

public class Main {
    static Cache cache(CacheManager manager, String name, long live, long idle) {
        Cache cache = new Cache(new CacheConfiguration(name, 100).timeToLiveSeconds(live).timeToIdleSeconds(idle));
        manager.addCache(cache);
        return cache;
    }

    public static void main(String[] arguments) throws Exception {
        CacheManager manager = CacheManager.create(new Configuration().name("finding"));
        Cache live = cache(manager, "live", 1, 0), both = cache(manager, "both", 1, 100), idle = cache(manager, "idle", 0, 1);
        Element ownIdle = new Element("own", "value"), ownLive = new Element("own", "value");
        ownIdle.setTimeToIdle(100);
        ownLive.setTimeToLive(100);
        live.put(ownIdle);
        live.put(new Element("plain", "value"));
        live.put(new Element("taken", "value"));
        both.put(new Element("plain", "value"));
        idle.put(ownLive);
        idle.put(new Element("plain", "value"));
        Thread.sleep(3000);
        Element kept = live.get("own");
        boolean[] seen = { kept != null, live.get("plain") != null, both.get("plain") != null, idle.get("own") != null, idle.get("plain") != null };
        System.out.printf("after 3 s, TTL of 1 s in the cache: with an idle time of its own %b, plain %b, idle time in the configuration %b%n",
            seen[0], seen[1], seen[2]);
        System.out.printf("idle time of 1 s in the cache: with a TTL of its own %b, plain %b%n", seen[3], seen[4]);
        long left = kept == null ? 0 : (kept.getExpirationTime() - System.currentTimeMillis()) / 1000;
        Element taken = live.removeAndReturnElement("taken");
        System.out.printf("seconds left of the first: %d; removeAndReturnElement() of what has expired: %s%n", left,
            taken == null ? null : taken.getObjectValue());
        boolean right = seen[0] && !seen[1] && !seen[2] && seen[3] && !seen[4] && left > 90 && taken != null;
        manager.shutdown();
        System.exit(right ? 0 : 1);
    }
}
JAVA
java -cp "$tmp/deb/usr/share/java/ehcache-core.jar:$tmp/deb/usr/share/java/slf4j-api.jar:$tmp/deb/usr/share/java/slf4j-nop.jar" "$tmp/Main.java"
