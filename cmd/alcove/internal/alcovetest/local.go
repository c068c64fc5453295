package alcovetest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// Binary returns the path of this test's own binary under the name of the daemon, as which testscript.Main runs it.
func Binary(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(t.TempDir(), "alcove")
	if err := os.Symlink(self, binary); err != nil {
		t.Fatal(err)
	}
	return binary
}

// A LocalDaemon answers every request with a redirect to another server, while the environment names a proxy: a request that is for
// the daemon alone must reach neither.
type LocalDaemon struct {
	Addr    string // host and port
	server  *httptest.Server
	strayed atomic.Int64
}

// NewLocalDaemon starts one. It replaces http.DefaultTransport's proxy until the test ends, so the test must not run in parallel.
func NewLocalDaemon(t *testing.T) *LocalDaemon {
	t.Helper()
	d := &LocalDaemon{}
	stray := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { d.strayed.Add(1); io.WriteString(w, "ok") }))
	t.Cleanup(stray.Close)
	d.server = httptest.NewServer(http.RedirectHandler(stray.URL, http.StatusTemporaryRedirect))
	t.Cleanup(d.server.Close)
	d.Addr = strings.TrimPrefix(d.server.URL, "http://")
	proxy, err := url.Parse(stray.URL)
	if err != nil {
		t.Fatal(err)
	}
	// The transport reads the environment once, and never uses a proxy for loopback, so the test sets the proxy itself.
	transport := http.DefaultTransport.(*http.Transport)
	before := transport.Proxy
	transport.Proxy = http.ProxyURL(proxy)
	t.Cleanup(func() { transport.Proxy = before })
	return d
}

// Close stops the daemon: nothing listens at Addr any more.
func (d *LocalDaemon) Close() { d.server.Close() }

// Strayed returns the number of requests that reached the proxy or the target of the redirect.
func (d *LocalDaemon) Strayed() int { return int(d.strayed.Load()) }
