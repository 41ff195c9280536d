#!/usr/bin/env bash
# go-cache 2.1.0 and ttlcache 2.11.1 (Go): what is stored with a lifetime that is over already, time.Until(deadline) after it,
# stays for ever.
#
# Expected: both name two special durations: 0 is the cache's default, -1 is for ever. Minus five seconds is none of them; what has expired five seconds ago isn't found.
# Seen: each negative duration is for ever. In go-cache by Set, Add and Replace, and as the default of New; in ttlcache by
#   SetWithTTL.
# Who meets it: a token, a certificate or an HTTP answer that is cached for time.Until(its expiry): if that has just passed, as
#   after a slow fetch or with a clock that is a little ahead, it is used until the process ends. Seldom, so no test finds it.
# Instead: store it only if the duration is positive.
source "$(dirname "$0")/lib.bash"

go_run golang-github-patrickmn-go-cache-dev=2.1.0-1.1 golang-github-renekroon-ttlcache-dev=2.11.1+ds-1 \
  golang-golang-x-sync-dev=0.1.0-1 <<'GO'
package main

import (
	"fmt"
	"os"
	"time"

	"github.com/ReneKroon/ttlcache"
	"github.com/patrickmn/go-cache"
)

func main() {
	store := cache.New(time.Minute, time.Minute)
	deadline := time.Now().Add(-5 * time.Second)
	store.Set("past", "old token", time.Until(deadline))
	store.Add("added", "old token", time.Until(deadline))
	_, added := store.Get("added")
	replaced := store.Replace("added", "older token", time.Until(deadline)) == nil
	byDefault := cache.New(time.Until(deadline), time.Minute)
	byDefault.Set("past", "old token", 0)
	_, defaulted := byDefault.Get("past")
	other := ttlcache.NewCache()
	defer other.Close()
	other.SetTTL(50 * time.Millisecond)
	other.SetWithTTL("past", "old token", time.Until(deadline))
	other.Set("soon", "token")
	store.Set("soon", "token", 50*time.Millisecond)
	store.Set("default", "token", 0)
	time.Sleep(100 * time.Millisecond)
	token, expires, found := store.GetWithExpiration("past")
	_, soon := store.Get("soon")
	_, after, _ := store.GetWithExpiration("default")
	fmt.Printf("lifetime of minus five seconds: %v, found %v, expires never: %v\n", token, found, expires.IsZero())
	fmt.Printf("of 50 ms, after 100: found %v; of 0: for %v\n", soon, time.Until(after).Round(time.Second))
	kept, err := other.Get("past")
	_, gone := other.Get("soon")
	fmt.Printf("ttlcache: %v, %v; of 50 ms, after 100: %v\n", kept, err, gone)
	if err != nil || gone != ttlcache.ErrNotFound {
		os.Exit(1)
	}
	fmt.Printf("the same by Add: %v, Replace: %v, as the default: %v\n", added, replaced, defaulted)
	if !added || !replaced || !defaulted || !found || !expires.IsZero() || soon || after.IsZero() {
		os.Exit(1)
	}
}
GO
