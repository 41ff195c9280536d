#!/usr/bin/env bash
# httpcache 9cad4c3 (Go, github.com/gregjones/httpcache): a 304 to a caller's own If-None-Match is cached as the answer: the next
# plain GET gets 304 and no body.
#
# Expected: RFC 9111, 4.3.3: a 304 only freshens what is stored. If nothing is, it is passed on to whoever has asked with the
#   condition; a GET without a condition is sent to the origin. No GET without one ever sees a 304.
# Seen: the 304 is stored under the URL, and for as long as its max-age says each GET is answered with it: status 304,
#   empty body, X-From-Cache. What was asked without a condition first is right.
# Who meets it: a program that keeps ETags itself for some calls, over an API client that has httpcache under it, and that starts
#   with an empty cache: its other calls decode an empty body.
# Instead: leave conditions to the cache; or a transport of its own for the calls that bring one.
source "$(dirname "$0")/lib.bash"

go_run golang-github-gregjones-httpcache-dev=0.0~git20180305.9cad4c3-1.1 <<'GO'
package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/gregjones/httpcache"
)

func main() {
	asked := 0
	origin := httptest.NewServer(http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		asked++
		writer.Header().Set("ETag", `"a"`)
		writer.Header().Set("Cache-Control", "max-age=60")
		if request.Header.Get("If-None-Match") == `"a"` {
			writer.WriteHeader(http.StatusNotModified)
			return
		}
		io.WriteString(writer, "the page")
	}))
	get := func(client *http.Client, condition string) string {
		request, _ := http.NewRequest("GET", origin.URL, nil)
		if condition != "" {
			request.Header.Set("If-None-Match", condition)
		}
		response, err := client.Do(request)
		if err != nil {
			panic(err)
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		return fmt.Sprintf("%d %q", response.StatusCode, body)
	}
	client := httpcache.NewMemoryCacheTransport().Client()
	own, plain := get(client, `"a"`), get(client, "")
	fmt.Printf("own condition: %s, then a plain GET: %s; the origin was asked %d time(s)\n", own, plain, asked)
	other := httpcache.NewMemoryCacheTransport().Client()
	first, second := get(other, ""), get(other, "")
	fmt.Printf("plain GET first: %s, again: %s\n", first, second)
	if own != `304 ""` || plain != `304 ""` || asked != 2 || first != `200 "the page"` || second != first {
		os.Exit(1)
	}
}
GO
