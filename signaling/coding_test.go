package signaling

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"
)

// TestContentCoding checks that the coding of a file is chosen by the weights of Accept-Encoding (RFC 9110, section 12.5.3).
func TestContentCoding(t *testing.T) {
	script := strings.Repeat("export const a = 1;\n", 200)
	h := newTestServer(t, func(c *Config, _ *Server) {
		c.Bundle = fstest.MapFS{
			"index.html": {Data: []byte("<!doctype html>")},
			"page.js":    {Data: []byte(script)}, "page.js.br": {Data: []byte("brotli of page.js")},
			"short.js": {Data: []byte("export {}")},
		}
	})
	get := func(name string, accepted ...string) (*http.Response, string) {
		t.Helper()
		r, _ := http.NewRequest("GET", h.web.URL+name, nil)
		r.Header["Accept-Encoding"] = accepted // nil keeps the transport from adding gzip by itself
		resp, err := (&http.Transport{DisableCompression: true}).RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		return resp, string(body)
	}
	for _, c := range []struct {
		name     string
		accepted []string
		coding   string // "" is identity, "-" is refused
	}{
		{"/page.js", nil, ""},
		{"/page.js", []string{""}, ""},
		{"/page.js", []string{"gzip, deflate, br, zstd"}, "br"},
		{"/page.js", []string{"gzip", "br"}, "br"},
		{"/page.js", []string{"BR;Q=1.0"}, "br"},
		{"/page.js", []string{"br;q=0.5, gzip"}, "gzip"},
		{"/page.js", []string{"br;q=0, gzip;q=0.1"}, "gzip"},
		{"/page.js", []string{"br;q=0.000,gzip;q=0"}, ""},
		{"/page.js", []string{"*"}, "br"},
		{"/page.js", []string{"br;q=0, *"}, "gzip"},
		{"/page.js", []string{"*;q=0.5, identity"}, ""},
		{"/page.js", []string{"identity, br;q=0.2"}, ""},
		{"/page.js", []string{"deflate"}, ""},
		{"/page.js", []string{"br;q=nonsense"}, ""},
		{"/page.js", []string{"br;q=NaN, gzip;q=2"}, ""},
		{"/page.js", []string{"br; q=1 ;x=y"}, ""},
		{"/page.js", []string{"identity;q=0, br"}, "br"},
		{"/page.js", []string{"identity;q=0"}, "-"},
		{"/page.js", []string{"*;q=0"}, "-"},
		{"/page.js", []string{"*;q=0, gzip"}, "gzip"},
		{"/short.js", []string{"gzip, br"}, ""},
		{"/short.js", []string{"gzip, identity;q=0"}, "gzip"},
		{"/short.js", []string{"br, identity;q=0"}, "-"},
		{"/", []string{"gzip, br"}, ""},
	} {
		resp, body := get(c.name, c.accepted...)
		if c.coding == "-" {
			if resp.StatusCode != http.StatusNotAcceptable || resp.Header.Get("Content-Encoding") != "" || resp.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s %q: %d %v", c.name, c.accepted, resp.StatusCode, resp.Header)
			}
		} else if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Encoding") != c.coding {
			t.Errorf("%s %q: %d, coding %q, want %q", c.name, c.accepted, resp.StatusCode, resp.Header.Get("Content-Encoding"), c.coding)
		}
		if resp.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%s %q: Vary %q", c.name, c.accepted, resp.Header.Get("Vary"))
		}
		if c.coding == "br" && (body != "brotli of page.js" || resp.ContentLength != int64(len(body)) || !strings.HasSuffix(resp.Header.Get("ETag"), `-br"`)) {
			t.Errorf("%s %q: body %q, %v", c.name, c.accepted, body, resp.Header)
		}
		checkHardened(t, h, resp)
	}
	if resp, _ := get("/page.js.br", "br"); resp.StatusCode != http.StatusNotFound {
		t.Errorf("a compressed form has an address of its own: %d", resp.StatusCode)
	}
}

// FuzzAcceptEncoding checks that no header makes the server choose a coding that the client excludes or that a file does not have.
func FuzzAcceptEncoding(f *testing.F) {
	for _, seed := range []string{"", "br", "gzip;q=0.3, *;q=0", "identity;q=0", ";;q==,", "br;q=1e309"} {
		f.Add(seed)
	}
	available := []coding{{name: "br"}, {name: "gzip"}, {name: "identity"}}
	f.Fuzz(func(t *testing.T, header string) {
		i := chooseCoding([]string{header}, available)
		if i < -1 || i >= len(available) {
			t.Fatalf("%q: %d", header, i)
		}
		for j := range available {
			alone := chooseCoding([]string{header}, available[j:j+1]) == 0
			if i == j && !alone || i == -1 && alone {
				t.Fatalf("%q: %d is chosen, and %s alone is acceptable: %v", header, i, available[j].name, alone)
			}
		}
	})
}
