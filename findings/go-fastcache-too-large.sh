#!/usr/bin/env bash
# fastcache 1.12.0 (Go): Set with a value that is too large leaves the old value in place.
#
# Expected: its documentation: entries above 64 KB aren't stored by Set. So after it the key is missing, as with memcached and
#   other caches, which drop the old value. Set has no error, "not stored" is a miss.
# Seen: nothing happens at all: Get and Has go on with the old value, for as long as it isn't pushed out. Which length is too
#   much depends on the key's: key, value and four bytes have to be below 65536.
# Who meets it: a page or list that grows: once it is beyond the limit, everybody reads its last short form, which nothing ever
#   replaces (fastcache has no TTL).
# Instead: SetBig and GetBig for all values of a kind; or Del before each Set.
source "$(dirname "$0")/lib.bash"

go_run golang-github-victoriametrics-fastcache-dev=1.12.0+ds1-1 golang-github-cespare-xxhash-dev=2.1.1-2 \
  golang-golang-x-sys-dev=0.3.0-1 golang-github-golang-snappy-dev=0.0.2-3 <<'GO'
package main

import (
	"bytes"
	"fmt"
	"os"

	"github.com/VictoriaMetrics/fastcache"
)

func main() {
	store := fastcache.New(64 << 20)
	key := []byte("list")
	old, longer := bytes.Repeat([]byte("a"), 60000), bytes.Repeat([]byte("b"), 70000)
	store.Set(key, old)
	store.Set(key, longer)
	seen := store.Get(nil, key)
	fmt.Printf("60000 times a, then Set with 70000 times b: %d times %c\n", len(seen), seen[0])
	if !bytes.Equal(seen, old) {
		os.Exit(1)
	}
	largest := 0
	for length := 65000; length < 66000; length++ {
		store.Del(key)
		if store.Set(key, make([]byte, length)); store.Has(key) {
			largest = length
		}
	}
	store.SetBig(key, longer)
	big := store.GetBig(nil, key)
	fmt.Printf("largest value by Set, with a key of %d bytes: %d; SetBig keeps %d\n", len(key), largest, len(big))
	if largest != 65536-4-len(key)-1 || !bytes.Equal(big, longer) {
		os.Exit(1)
	}
}
GO
