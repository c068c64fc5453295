package operator

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"alcove/auth"
)

// TestBearerTakesNoProxy: what the operator's commands say to a daemon goes to it and nowhere else, whatever HTTP_PROXY says and whereto
// an answer points.
func TestBearerTakesNoProxy(t *testing.T) {
	var proxied, elsewhere atomic.Int64
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { proxied.Add(1); io.WriteString(w, "ok") }))
	defer proxy.Close()
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer other.Close()
	daemon := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
	defer daemon.Close()
	at := strings.TrimPrefix(daemon.URL, "http://")
	to, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	usual := http.DefaultTransport.(*http.Transport) // reads the environment once, and never for loopback: so in its place
	before := usual.Proxy
	usual.Proxy = http.ProxyURL(to)
	defer func() { usual.Proxy = before }()
	if err := askConsents(io.Discard, at, auth.NewSecret("bearer"), "person"); err == nil {
		t.Error("an answer that points elsewhere is taken")
	}
	if proxied.Load() != 0 || elsewhere.Load() != 0 {
		t.Errorf("%d requests went through the proxy, %d elsewhere", proxied.Load(), elsewhere.Load())
	}
}
