#!/usr/bin/env bash
# ristretto 0.0.3 (Go): of two Sets of a new key, one right after the other, the first one's value stays; both say true.
#
# Expected: its documentation says that a new value may take a moment to be seen, and that a Set may be dropped, which is a miss.
#   Once it is visible it is the last one that was set.
# Seen: a Set of a key that isn't there yet is put into a buffer as "new". The second one, while the first is still in the buffer, is
#   "new" too; when its turn comes the key exists, and its value is thrown away. All of 100 keys have the first value, for as
#   long as they live. A third Set, once the first is seen, works; so does the second if there is a Del before it.
# Who meets it: a value that is loaded by one goroutine and changed by another at once, or a default that is set and then
#   replaced: the old one is served until something evicts it.
# Instead: Del before the second Set; or wait until Get sees the first.
source "$(dirname "$0")/lib.bash"

go_run golang-github-dgraph-io-ristretto-dev=0.0.3-2 golang-github-cespare-xxhash-dev=2.1.1-2 golang-glog-dev=0.0~git20160126.23def4e-5 \
  golang-github-pkg-errors-dev=0.9.1-2 golang-github-dustin-go-humanize-dev=1.0.0-3 golang-golang-x-sys-dev=0.3.0-1 <<'GO'
package main

import (
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/dgraph-io/ristretto"
)

// read counts what the keys hold, once all of the buffer has been handled.
func read(cache *ristretto.Cache, kind, mark string) map[interface{}]int {
	cache.Set(mark, true, 1)
	for found := false; !found; _, found = cache.Get(mark) {
		time.Sleep(time.Millisecond)
	}
	seen := map[interface{}]int{}
	for i := 0; i < 100; i++ {
		value, _ := cache.Get(fmt.Sprint(kind, i))
		seen[value]++
	}
	return seen
}

func main() {
	runtime.GOMAXPROCS(1) // so that the buffer is never handled between two calls
	cache, err := ristretto.NewCache(&ristretto.Config{NumCounters: 10000, MaxCost: 1000, BufferItems: 64})
	if err != nil {
		panic(err)
	}
	accepted := 0
	for i := 0; i < 100; i++ {
		first := cache.Set(fmt.Sprint("new", i), "first", 1)
		second := cache.Set(fmt.Sprint("new", i), "second", 1)
		if first && second {
			accepted++
		}
	}
	fresh := read(cache, "new", "mark")
	for i := 0; i < 100; i++ {
		cache.Set(fmt.Sprint("new", i), "third", 1)
	}
	known := read(cache, "new", "mark 2")
	for i := 0; i < 100; i++ {
		cache.Set(fmt.Sprint("deleted", i), "first", 1)
		cache.Del(fmt.Sprint("deleted", i))
		cache.Set(fmt.Sprint("deleted", i), "second", 1)
	}
	deleted := read(cache, "deleted", "mark 3")
	fmt.Printf("both Sets said true for %d; Get: %v; set once more: %v; with Del between: %v\n", accepted, fresh, known, deleted)
	if accepted != 100 || fresh["first"] != 100 || known["third"] != 100 || deleted["second"] != 100 {
		os.Exit(1)
	}
}
GO
