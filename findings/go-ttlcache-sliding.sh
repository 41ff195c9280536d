#!/usr/bin/env bash
# ttlcache 2.11.1 (Go, ReneKroon): what is read more often than its TTL never expires: each Get begins the TTL anew.
#
# Expected: SetTTL(a minute) bounds how old a value may be: after a minute it is fetched again, as with the Go caches go-cache and
#   ristretto, with Redis and with memcached.
# Seen: by default Get (and Touch) sets the entry's end to now plus its TTL. A key that is asked for each 100 ms with a TTL of
#   300 ms is a hit for ever, with its first value; SetWithTTL the same. The loader function is never called again for it.
# Who meets it: the keys that count: flags, prices, rights, which are read all the time, stay as they were when the process
#   began; what is seldom read is fresh, so in tests and by hand all is well.
# Instead: SkipTTLExtensionOnHit(true), which is run here, too.
source "$(dirname "$0")/lib.bash"

go_run golang-github-renekroon-ttlcache-dev=2.11.1+ds-1 golang-golang-x-sync-dev=0.1.0-1 <<'GO'
package main

import (
	"fmt"
	"os"
	"time"

	"github.com/ReneKroon/ttlcache"
)

// values is what ten reads find, one each 100 ms.
func values(skip bool) (found []int) {
	store := ttlcache.NewCache()
	defer store.Close()
	store.SetTTL(300 * time.Millisecond)
	store.SkipTTLExtensionOnHit(skip)
	version := 0
	store.SetLoaderFunction(func(string) (interface{}, time.Duration, error) {
		version++
		return version, 0, nil
	})
	for i := 0; i < 10; i++ {
		value, err := store.Get("price")
		if err != nil {
			panic(err)
		}
		found = append(found, value.(int))
		time.Sleep(100 * time.Millisecond)
	}
	return found
}

func main() {
	byDefault, skipping := values(false), values(true)
	fmt.Println("TTL 300 ms, read each 100: by default", byDefault, "with SkipTTLExtensionOnHit", skipping)
	if byDefault[9] != 1 || skipping[9] < 2 {
		os.Exit(1)
	}
}
GO
