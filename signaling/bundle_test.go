package signaling

import (
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"
)

// TestPageCaching checks that a file that the browser has is not sent again, and that text is compressed for clients that accept gzip.
func TestPageCaching(t *testing.T) {
	script := strings.Repeat("export const a = 1;\n", 200)
	noise := strings.Repeat("x", minCompressed-1)
	h := newTestServer(t, func(c *Config, _ *Server) {
		c.Bundle = fstest.MapFS{"index.html": {Data: []byte("<!doctype html>")}, "page.js": {Data: []byte(script)}, "small.js": {Data: []byte(noise)}}
	})
	ask := func(name, method string, header ...string) (*http.Response, []byte) {
		t.Helper()
		r, _ := http.NewRequest(method, h.web.URL+name, nil)
		r.Header.Set("Accept-Encoding", "identity") // the transport adds gzip by itself otherwise
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		return resp, body
	}
	plain, body := ask("/page.js", "GET")
	tag := plain.Header.Get("ETag")
	if string(body) != script || tag == "" || plain.Header.Get("Content-Encoding") != "" || plain.Header.Get("Vary") != "Accept-Encoding" {
		t.Errorf("plain: %d bytes, %v", len(body), plain.Header)
	}
	packed, body := ask("/page.js", "GET", "Accept-Encoding", "gzip;q=0.8")
	r, err := gzip.NewReader(strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	unpacked, err := io.ReadAll(r)
	if err != nil || string(unpacked) != script || packed.Header.Get("ETag") == tag || packed.ContentLength != int64(len(body)) {
		t.Errorf("gzip: %v, %d bytes, %v", err, len(unpacked), packed.Header)
	}
	for _, c := range []struct {
		name   string
		header []string
		status int
		length int
	}{
		{"/page.js", []string{"If-None-Match", tag}, 304, 0},
		{"/page.js", []string{"If-None-Match", packed.Header.Get("ETag"), "Accept-Encoding", "gzip"}, 304, 0},
		{"/page.js", []string{"If-None-Match", packed.Header.Get("ETag")}, 200, len(script)},
		{"/page.js", []string{"Range", "bytes=0-9"}, 206, 10},
		{"/page.js", []string{"Range", "bytes=0-9", "Accept-Encoding", "gzip"}, 206, 10},
		{"/page.js", []string{"Accept-Encoding", "gzip;q=0"}, 200, len(script)},
		{"/page.js", []string{"Accept-Encoding", "gzip; Q=1"}, 200, int(packed.ContentLength)},
		{"/small.js", []string{"Accept-Encoding", "gzip"}, 200, len(noise)},
	} {
		resp, body := ask(c.name, "GET", c.header...)
		if resp.StatusCode != c.status || len(body) != c.length {
			t.Errorf("%s %v: %d, %d bytes", c.name, c.header, resp.StatusCode, len(body))
		}
		checkHardened(t, h, resp)
	}
	if resp, body := ask("/page.js", "HEAD", "Accept-Encoding", "gzip"); resp.ContentLength != packed.ContentLength || len(body) != 0 {
		t.Errorf("HEAD: %d, %d bytes", resp.ContentLength, len(body))
	}
}
