#!/usr/bin/env bash
# httpcache 9cad4c3 (Go, github.com/gregjones/httpcache): of two Cache-Control lines only the first counts: a `no-store` on the
# second is cached.
#
# Expected: RFC 9110, 5.3: two lines of a name are one line with a comma. Clients that read headers as a map of lists, as Go's,
#   join them.
# Seen: `Cache-Control: max-age=60` and after it `Cache-Control: no-store` is cached for a minute; the other way round, or on one
#   line, it isn't. A second line with no-cache is ignored, too, and max-age on the second line isn't found.
# Who meets it: an application that says max-age by default, behind a middleware or proxy that adds no-store for some pages by
#   a line of its own (nginx' add_header, Go's Header().Add, Apache's Header add).
# Instead: replace the line (Header().Set) where it is sent; a transport that joins the lines before httpcache sees them.
source "$(dirname "$0")/lib.bash"

go_run golang-github-gregjones-httpcache-dev=0.0~git20180305.9cad4c3-1.1 <<'GO'
package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"

	"github.com/gregjones/httpcache"
)

func main() {
	asked := 0
	origin := httptest.NewServer(http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		asked++
		for _, line := range strings.Split(request.URL.Query().Get("lines"), "|") {
			writer.Header().Add("Cache-Control", line)
		}
	}))
	for _, test := range []struct {
		lines string
		kept  bool
	}{
		{"max-age=60", true},
		{"max-age=60, no-store", false},
		{"no-store|max-age=60", false},
		{"max-age=60|no-store", true},
		{"max-age=60|no-cache", true},
		{"public|max-age=60", false},
	} {
		client := httpcache.NewMemoryCacheTransport().Client()
		asked = 0
		for i := 0; i < 2; i++ {
			request, _ := http.NewRequest("GET", origin.URL, nil)
			request.URL.RawQuery = "lines=" + strings.ReplaceAll(test.lines, " ", "+")
			response, err := client.Do(request)
			if err != nil {
				panic(err)
			}
			io.Copy(io.Discard, response.Body)
			response.Body.Close()
		}
		fmt.Printf("%q: cached: %v\n", strings.Split(test.lines, "|"), asked == 1)
		if (asked == 1) != test.kept {
			os.Exit(1)
		}
	}
}
GO
