#!/usr/bin/env bash
# bigcache 2.2.5 (Go): a Set that is refused since the entry is too large has thrown out all that was in its shard.
#
# Expected: Set returns an error, "entry is bigger than max shard size", and has done nothing, as with other caches; the others'
#   entries stay. A miss is ErrEntryNotFound.
# Seen: the oldest entries are removed one by one to make room, until the shard is empty; only then is it found that the entry
#   doesn't fit. With the default of 1024 shards and HardMaxCacheSize 64 (MB) that is anything above 64 KiB: twenty such
#   Sets cost some 1,800 of 100,000 entries. The key's own old value is gone, too, and Get of it says "Empty queue", which isn't ErrEntryNotFound.
# Who meets it: whoever caches answers of any length and takes the error for "not cached, then": one large one, asked for again and
#   again, keeps a part of the keys out for good.
# Instead: check len(value) before Set, against HardMaxCacheSize MB / Shards.
source "$(dirname "$0")/lib.bash"

go_run golang-github-allegro-bigcache-dev=2.2.5-5 <<'GO'
package main

import (
	"fmt"
	"os"
	"time"

	"github.com/allegro/bigcache"
)

func open(shards, megabytes int) *bigcache.BigCache {
	config := bigcache.DefaultConfig(time.Hour)
	config.HardMaxCacheSize, config.Verbose, config.Shards = megabytes, false, shards
	cache, err := bigcache.NewBigCache(config)
	if err != nil {
		panic(err)
	}
	return cache
}

func main() {
	cache := open(1, 1)
	for i := 0; i < 1000; i++ {
		cache.Set(fmt.Sprint(i), []byte("value"))
	}
	before := cache.Len()
	refused := cache.Set("large", make([]byte, 2<<20))
	after := cache.Len()
	fmt.Printf("one shard of 1 MB: %d entries; Set of 2 MB: %v; %d entries\n", before, refused, after)
	cache.Set("page", []byte("old"))
	cache.Set("page", make([]byte, 2<<20))
	_, miss := cache.Get("page")
	_, other := cache.Get("never set")
	fmt.Printf("a page that has grown: Get: %v; a key that was never set: %v\n", miss, other)
	if before != 1000 || refused == nil || after != 0 || miss == bigcache.ErrEntryNotFound || miss == nil || other != bigcache.ErrEntryNotFound {
		os.Exit(1)
	}
	cache = open(1024, 64)
	for i := 0; i < 100000; i++ {
		cache.Set(fmt.Sprint("user", i), []byte("value"))
	}
	before = cache.Len()
	for i := 0; i < 20; i++ {
		if cache.Set(fmt.Sprint("page", i), make([]byte, 70<<10)) == nil {
			os.Exit(1)
		}
	}
	fmt.Printf("1024 shards of 64 MB: %d entries; 20 refused Sets of 70 KiB later: %d\n", before, cache.Len())
	if before != 100000 || cache.Len() > 98500 {
		os.Exit(1)
	}
}
GO
