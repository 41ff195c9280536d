#!/usr/bin/env bash
# Guava 31.1 (Java): an entry that is heavier than a quarter of the cache's maximumWeight is never kept.
#
# Expected: its documentation: when a cache grows past its maximum weight, entries that are less likely to be used again are
#   evicted. A cache of 1 MiB that is empty keeps an entry of 300 KiB.
# Seen: the cache is four segments (concurrencyLevel, by default), each with a quarter of the weight. What is heavier is gone when
#   put() returns, and so is what it has replaced; get() with a loader loads each time.
# Who meets it: a cache of a few large things, images, reports or models, by their size: the largest, which cost the most, are
#   computed anew for each request.
# Instead: concurrencyLevel(1), which is run here, too; or Caffeine, which isn't segmented.
source "$(dirname "$0")/lib.bash"

debian_packages libguava-java=31.1-1
cat > "$tmp/Main.java" <<'JAVA'
import com.google.common.cache.*;
import java.util.concurrent.atomic.AtomicInteger;

public class Main {
    static Cache<Integer, byte[]> cache(boolean oneSegment) {
        Weigher<Integer, byte[]> length = (key, value) -> value.length;
        CacheBuilder<Object, Object> builder = CacheBuilder.newBuilder();
        if (oneSegment) builder.concurrencyLevel(1);
        return builder.maximumWeight(1 << 20).weigher(length).build();
    }

    /** The largest entry that is kept, in KiB. */
    static int largest(boolean oneSegment) {
        int largest = 0;
        for (int kib = 1; kib <= 1024; kib++) {
            Cache<Integer, byte[]> cache = cache(oneSegment);
            cache.put(1, new byte[kib << 10]);
            if (cache.getIfPresent(1) != null) largest = kib;
        }
        return largest;
    }

    public static void main(String[] args) throws Exception {
        Cache<Integer, byte[]> cache = cache(false);
        AtomicInteger loads = new AtomicInteger();
        for (int i = 0; i < 5; i++) {
            cache.get(1, () -> {
                loads.incrementAndGet();
                return new byte[300 << 10];
            });
        }
        cache.put(2, new byte[10]);
        cache.put(2, new byte[300 << 10]);
        boolean replaced = cache.getIfPresent(2) == null;
        System.out.println("1 MiB by default: largest entry kept " + largest(false) + " KiB; 300 KiB asked for five times: " + loads
            + " loads; put over a small one: neither is there: " + replaced);
        System.out.println("with concurrencyLevel(1): largest entry kept " + largest(true) + " KiB");
        System.exit(largest(false) == 256 && loads.get() == 5 && replaced && largest(true) == 1024 ? 0 : 1);
    }
}
JAVA
java -version 2>&1 | head -n 1
java -cp "$tmp/deb/usr/share/java/guava.jar" "$tmp/Main.java"
