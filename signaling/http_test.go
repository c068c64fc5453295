package signaling

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"alcove/room/live"
	"alcove/signaling/internal/wiretest"
	"alcove/signaling/wire"
)

func TestPageFiles(t *testing.T) {
	h := newTestServer(t, func(c *Config, _ *Server) {
		c.Page = Page{Clinic: "Clinic", Phone: "030 1234", Emergency: map[string]string{"de": "112"}}
		c.Bundle = fstest.MapFS{
			"index.html":               {Data: []byte("<!doctype html>")},
			"assets/page-ABCD2345.js":  {Data: []byte("1")},
			"assets/page-ABCD2345.css": {Data: []byte("a{}")},
			"icon.svg":                 {Data: []byte("<svg/>")},
			".gitkeep":                 {},
		}
	})
	for path, want := range map[string]struct {
		status        int
		kind, caching string
	}{
		"/":                         {200, "text/html; charset=utf-8", "no-store"},
		"/index.html":               {200, "text/html; charset=utf-8", "no-store"},
		"/assets/page-ABCD2345.js":  {200, "text/javascript; charset=utf-8", "public, max-age=31536000, immutable"},
		"/assets/page-ABCD2345.css": {200, "text/css; charset=utf-8", "public, max-age=31536000, immutable"},
		"/icon.svg":                 {200, "image/svg+xml", "no-cache"},
		"/v1/page.json":             {200, "application/json", "no-store"},
		"/assets/":                  {404, "text/plain; charset=utf-8", ""},
		"/assets":                   {404, "text/plain; charset=utf-8", ""},
		"/.gitkeep":                 {404, "text/plain; charset=utf-8", ""},
		"/..%2f..%2fgo.mod":         {404, "text/plain; charset=utf-8", ""},
		"/assets/page-00000000.js":  {404, "text/plain; charset=utf-8", ""},
		"/metrics":                  {404, "text/plain; charset=utf-8", ""},
		"/dev/link":                 {404, "text/plain; charset=utf-8", ""},
		"/v1/rtc":                   {403, "text/plain; charset=utf-8", ""},
	} {
		resp, _ := get(t, h.web.URL+path)
		if resp.StatusCode != want.status || resp.Header.Get("Content-Type") != want.kind {
			t.Errorf("%s: %d %s", path, resp.StatusCode, resp.Header.Get("Content-Type"))
		}
		if got := resp.Header.Get("Cache-Control"); want.status == 200 && got != want.caching {
			t.Errorf("%s: Cache-Control %s", path, got)
		}
		checkHardened(t, h, resp)
	}
	if _, body := get(t, h.web.URL+"/v1/page.json"); body != `{"clinic":"Clinic","phone":"030 1234","dev":false,"emergency":{"de":"112"}}`+"\n" {
		t.Error(body)
	}
	for _, path := range []string{"/", "/v1/page.json", "/v1/rtc"} {
		resp, err := http.Post(h.web.URL+path, "text/plain", strings.NewReader("x"))
		if err != nil {
			t.Fatal(err)
		}
		if resp.Body.Close(); resp.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("POST %s: %d", path, resp.StatusCode)
		}
	}
}

func checkHardened(t *testing.T, h *testServer, resp *http.Response) {
	t.Helper()
	policy := resp.Header.Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'none'; ", "script-src 'self'; ", "worker-src blob:; ", "base-uri 'none'; ", "form-action 'none'; ",
		"frame-ancestors 'none'", "connect-src 'self' ws" + strings.TrimPrefix(h.web.URL, "http") + ";"} {
		if !strings.Contains(policy, part) {
			t.Errorf("%s: no %q in %s", resp.Request.URL, part, policy)
		}
	}
	for name, want := range map[string]string{"Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff",
		"Cross-Origin-Opener-Policy": "same-origin", "Strict-Transport-Security": ""} {
		if got := resp.Header.Get(name); got != want {
			t.Errorf("%s: %s: %s", resp.Request.URL, name, got)
		}
	}
	if !strings.Contains(resp.Header.Get("Permissions-Policy"), "camera=(self), microphone=(self), display-capture=(self)") {
		t.Errorf("%s: %s", resp.Request.URL, resp.Header.Get("Permissions-Policy"))
	}
}

func TestPageNotBuilt(t *testing.T) {
	h := newTestServer(t, func(c *Config, _ *Server) { c.Bundle = fstest.MapFS{} })
	if resp, body := get(t, h.web.URL+"/"); resp.StatusCode != 503 || !strings.Contains(body, "make page") {
		t.Error(resp.StatusCode, body)
	}
}

func TestDev(t *testing.T) {
	extra := map[string]http.Handler{"/dev/link": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { panic("CANARY") })}
	h := newTestServer(t, func(c *Config, _ *Server) { c.Dev, c.Extra = true, extra })
	if _, body := get(t, h.web.URL+"/v1/page.json"); !strings.Contains(body, `"dev":true`) {
		t.Error(body)
	}
	if resp, body := get(t, h.web.URL+"/dev/link"); resp.StatusCode != 500 || strings.Contains(body, "CANARY") {
		t.Error("a handler that fails: ", resp.StatusCode, body)
	}
	c := h.dial()
	if r := c.Request("hello", wire.Object{"token": "bad", "client": wiretest.ClientInfo}); !strings.HasSuffix(r.Error.Message, ": expired") {
		t.Errorf("%+v", r.Error)
	}
}

func TestConfigIsChecked(t *testing.T) {
	base := Config{Tokens: wiretest.Tokens{}, Rooms: live.NewRegistry(live.Config{})}
	for note, tune := range map[string]func(*Config){
		"more handlers without dev":     func(c *Config) { c.Extra = map[string]http.Handler{"/dev/x": http.NotFoundHandler()} },
		"more handlers outside of /dev": func(c *Config) { c.Dev, c.Extra = true, map[string]http.Handler{"/v1/x": http.NotFoundHandler()} },
		"an origin with a path":         func(c *Config) { c.Origins = []string{"https://a.example/x"} },
		"an origin of any":              func(c *Config) { c.Origins = []string{"*"} },
		"an ancestor that adds a rule":  func(c *Config) { c.FrameAncestors = []string{"'self'; script-src *"} },
		"no tokens":                     func(c *Config) { c.Tokens = nil },
	} {
		cfg := base
		cfg.Metrics = NewMetrics(prometheus.NewRegistry(), "test")
		tune(&cfg)
		if _, err := NewServer(cfg); err == nil {
			t.Errorf("%s: accepted", note)
		}
	}
}

func TestAdmin(t *testing.T) {
	why := errors.New("the media plane has no socket")
	h := newTestServer(t, func(c *Config, _ *Server) { c.Ready = func() error { return why } })
	admin := httptest.NewServer(h.srv.AdminHandler())
	defer admin.Close()
	if resp, _ := get(t, admin.URL+"/livez"); resp.StatusCode != 200 {
		t.Error("livez", resp.StatusCode)
	}
	if resp, body := get(t, admin.URL+"/readyz"); resp.StatusCode != 503 || strings.TrimSpace(body) != why.Error() {
		t.Error("readyz", resp.StatusCode, body)
	}
	why = nil
	if resp, _ := get(t, admin.URL+"/readyz"); resp.StatusCode != 200 {
		t.Error("readyz", resp.StatusCode)
	}
	if resp, _ := get(t, admin.URL+"/v1/rooms"); resp.StatusCode != http.StatusNotFound {
		t.Error("an API that is not configured answers", resp.StatusCode)
	}
	host, guest := h.enter(hostToken), h.enter(guestToken)
	host.Do("ping", nil)
	host.Refused("made.up", nil, wire.UnknownType)
	host.Do("waiting.admit", wire.Object{"participantIds": []string{guest.Welcome.ParticipantID}})
	h.enter("tuesday|participant|jonas|Jonas")
	_, body := get(t, admin.URL+"/metrics")
	for _, line := range []string{
		"alcove_rooms 1", "alcove_encrypted_rooms 0", `alcove_participants{role="host"} 1`, `alcove_participants{role="participant"} 1`, "alcove_waiting 1",
		`alcove_joins_total{result="admitted"} 1`, `alcove_joins_total{result="waiting"} 2`, `alcove_admissions_total{result="ok"} 1`,
		"alcove_connections 3", `alcove_messages_total{result="unknown_type",type="unknown"} 1`, `alcove_build_info{version="test"} 1`,
	} {
		if !strings.Contains(body, "\n"+line+"\n") {
			t.Errorf("no %s", line)
		}
	}
}

// TestSource checks that forwarded addresses count only from a trusted proxy.
func TestSource(t *testing.T) {
	s := &Server{log: slog.New(slog.DiscardHandler), now: time.Now, handshakeLog: reasonLog{lastLogged: map[string]time.Time{}}, cfg: Config{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}}}
	for _, c := range []struct {
		peer      string
		forwarded []string
		want      string
	}{
		{"192.0.2.1:5", nil, "192.0.2.1"},
		{"192.0.2.1:5", []string{"203.0.113.9"}, "192.0.2.1"},
		{"10.0.0.1:5", []string{"203.0.113.9"}, "203.0.113.9"},
		{"10.0.0.1:5", []string{"198.51.100.7, 203.0.113.9, 10.0.0.2"}, "203.0.113.9"},
		{"10.0.0.1:5", []string{"198.51.100.7", "203.0.113.9"}, "203.0.113.9"},
		{"[fd00::1]:5", []string{"2001:db8::9"}, "2001:db8::9"},
		{"10.0.0.1:5", []string{"203.0.113.9, nonsense"}, "10.0.0.1"},
		{"10.0.0.1:5", nil, "10.0.0.1"},
		{"[::ffff:192.0.2.1]:5", nil, "192.0.2.1"},
		// As load balancers of clouds write it.
		{"10.0.0.1:5", []string{"203.0.113.9:41234"}, "203.0.113.9"},
		{"10.0.0.1:5", []string{"[2001:db8::9]:41234"}, "2001:db8::9"},
		{"10.0.0.1:5", []string{"[2001:db8::9]"}, "2001:db8::9"},
		{"10.0.0.1:5", []string{"198.51.100.7, 203.0.113.9:1, 10.0.0.2:80"}, "203.0.113.9"},
		{"10.0.0.1:5", []string{"::ffff:203.0.113.9"}, "203.0.113.9"},
		{"10.0.0.1:5", []string{"198.51.100.7, unknown"}, "10.0.0.1"},
		{"10.0.0.1:5", []string{"203.0.113.9:"}, "10.0.0.1"},
		{"10.0.0.1:5", []string{"203.0.113.9:port"}, "10.0.0.1"},
		{"10.0.0.1:5", []string{"[203.0.113.9]:1"}, "10.0.0.1"},
		{"10.0.0.1:5", []string{"[2001:db8::9"}, "10.0.0.1"},
		{"10.0.0.1:5", []string{""}, "10.0.0.1"},
		{"10.0.0.1:5", []string{"10.0.0.3"}, "10.0.0.3"}, // nobody but proxies: the first of them
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = c.peer
		r.Header["X-Forwarded-For"] = c.forwarded
		if got := s.ClientAddr(r).String(); got != c.want {
			t.Errorf("%s %v: %s, want %s", c.peer, c.forwarded, got, c.want)
		}
	}
	for forwarded, want := range map[string]string{
		`for=203.0.113.9`:                                       "203.0.113.9",
		`For="203.0.113.9:41234";proto=https`:                   "203.0.113.9",
		`for="[2001:db8::9]:41234"`:                             "2001:db8::9",
		`for="[2001:db8::9]"; by=10.0.0.1`:                      "2001:db8::9",
		`for=198.51.100.7, for=203.0.113.9;host=a,for=10.0.0.2`: "203.0.113.9",
		`for="_gazonk:_port"`:                                   "10.0.0.1",
		`for="203.0.113.9:_port"`:                               "203.0.113.9",
		`for=unknown`:                                           "10.0.0.1",
		`by=203.0.113.9`:                                        "10.0.0.1",
		`for="203.0.113.9`:                                      "10.0.0.1",
		`for=203.0.113.9, for`:                                  "10.0.0.1",
		`for="a, for=198.51.100.7", for=203.0.113.9`:            "203.0.113.9",
		`for=2001:db8::9`:                                       "2001:db8::9", // not as RFC 7239 has it, but clear
		`;;for=203.0.113.9;`:                                    "203.0.113.9",
		`for=203.0.113.9,`:                                      "203.0.113.9",
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = "10.0.0.1:5"
		r.Header.Set("Forwarded", forwarded)
		if got := s.ClientAddr(r).String(); got != want {
			t.Errorf("Forwarded: %s: %s, want %s", forwarded, got, want)
		}
		if r.RemoteAddr = "192.0.2.1:5"; s.ClientAddr(r).String() != "192.0.2.1" {
			t.Errorf("a stranger's Forwarded is believed")
		}
	}
	r := httptest.NewRequest("GET", "http://inner:8080/", nil)
	r.RemoteAddr = "10.0.0.1:5"
	// A header of the client that its proxy passes on.
	r.Header.Set("X-Forwarded-For", "203.0.113.9")
	r.Header.Set("Forwarded", "for=198.51.100.1")
	if got := s.ClientAddr(r).String(); got != "10.0.0.1" {
		t.Errorf("two headers that disagree: %s", got)
	}
	if r.Header.Set("Forwarded", `for="203.0.113.9:80"`); s.ClientAddr(r).String() != "203.0.113.9" {
		t.Errorf("two headers that agree: %s", s.ClientAddr(r))
	}
	r.Header.Del("X-Forwarded-For")
	r.Header.Set("Forwarded", `for=198.51.100.1;host=forged;proto=http, for=203.0.113.9;host="clinic.example:8443";proto=https, for=10.0.0.3;host=inner;proto=http`)
	if got := s.ownOrigin(r); got != "https://clinic.example:8443" {
		t.Errorf("by Forwarded: %s", got)
	}
	r.Header.Del("Forwarded")
	r.Header.Set("X-Forwarded-Proto", "https")
	r.Header.Set("X-Forwarded-Host", "Clinic.example:443")
	if got := s.ownOrigin(r); got != "https://clinic.example" {
		t.Error(got)
	}
	if got := s.host(r); got != "Clinic.example:443" {
		t.Error(got)
	}
	// Not every proxy sends the scheme; one that does is believed.
	if r.Header.Del("X-Forwarded-Proto"); s.ownOrigin(r) != "https://clinic.example" {
		t.Errorf("behind a proxy that does not say the scheme: %s", s.ownOrigin(r))
	}
	if r.Header.Set("X-Forwarded-Proto", "http"); s.ownOrigin(r) != "http://clinic.example:443" {
		t.Error(s.ownOrigin(r))
	}
	if r.RemoteAddr = "192.0.2.1:5"; s.host(r) != "inner:8080" {
		t.Errorf("a stranger's claim is believed: %s", s.host(r))
	}
	if clientPrefix(netip.MustParseAddr("2001:db8::1")) != clientPrefix(netip.MustParseAddr("2001:db8::2")) {
		t.Error("two addresses of one IPv6 customer have two quotas")
	}
}

// TestProxyMistakes checks that mistakes of a proxy that prevent joins are reported to the doctor's probe and logged, once a minute each.
func TestProxyMistakes(t *testing.T) {
	now := time.Now()
	var mu sync.Mutex
	h := newTestServer(t, func(c *Config, _ *Server) {
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
		c.Now = func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	})
	ask := func(peer string, change func(*http.Request)) (status int, reason string) {
		r := httptest.NewRequest("GET", "http://clinic.example:8443/v1/rtc", nil)
		r.RemoteAddr = peer
		for name, value := range map[string]string{"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
			"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol": wire.Subprotocol, "Origin": "https://clinic.example:8443"} {
			r.Header.Set(name, value)
		}
		change(r)
		w := httptest.NewRecorder() // cannot be hijacked: what is accepted ends with 500
		h.srv.Handler().ServeHTTP(w, r)
		return w.Code, w.Result().Header.Get(RefusedHeader)
	}
	for note, tt := range map[string]struct {
		peer   string
		change func(*http.Request)
		status int
		reason string
	}{
		"as it should be": {"10.0.0.1:5", func(r *http.Request) {}, 500, ""},
		"no upgrade":      {"10.0.0.1:5", func(r *http.Request) { r.Header.Del("Upgrade"); r.Header.Set("Connection", "close") }, 400, RefusedUpgrade},
		"no Host":         {"10.0.0.1:5", func(r *http.Request) { r.Host = "127.0.0.1:15030" }, 403, RefusedHost},
		"Host, no port":   {"10.0.0.1:5", func(r *http.Request) { r.Host = "clinic.example" }, 403, RefusedHostPort},
		"says http":       {"10.0.0.1:5", func(r *http.Request) { r.Header.Set("X-Forwarded-Proto", "http") }, 403, RefusedScheme},
		"not trusted":     {"192.0.2.1:5", func(r *http.Request) { r.Header.Set("X-Forwarded-For", "203.0.113.9") }, 403, RefusedUntrusted},
		"another page":    {"192.0.2.1:5", func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") }, 403, RefusedOrigin},
		"another, by proxy": {"10.0.0.1:5", func(r *http.Request) {
			r.Header.Set("Origin", "https://evil.example")
			r.Header.Set("Sec-Fetch-Site", "cross-site")
		}, 403, RefusedOrigin},
		"no protocol of ours": {"10.0.0.1:5", func(r *http.Request) { r.Header.Set("Sec-WebSocket-Protocol", "chat") }, 400, RefusedSubprotocol},
		"a browser's visit":   {"10.0.0.1:5", func(r *http.Request) { r.Header.Del("Upgrade"); r.Header.Del("Sec-WebSocket-Key") }, 400, RefusedSubprotocol},
	} {
		if status, reason := ask(tt.peer, tt.change); status != tt.status || reason != tt.reason {
			t.Errorf("%s: %d %q, want %d %q", note, status, reason, tt.status, tt.reason)
		}
	}
	lines := func(reason string) int { return strings.Count(h.log.String(), "reason="+reason+" ") }
	for reason := range handshakeFixes {
		if reason != refusedUnproxied && reason != refusedDisputed && lines(reason) != 1 {
			t.Errorf("%s: %d lines", reason, lines(reason))
		}
	}
	for range 100 {
		ask("10.0.0.1:5", func(r *http.Request) { r.Host = "127.0.0.1:15030" })
	}
	if lines(RefusedHost) != 1 {
		t.Errorf("%d lines within a minute", lines(RefusedHost))
	}
	mu.Lock()
	now = now.Add(logReasonEvery)
	mu.Unlock()
	ask("10.0.0.1:5", func(r *http.Request) { r.Host = "127.0.0.1:15030" })
	if lines(RefusedHost) != 2 {
		t.Errorf("%d lines after a minute", lines(RefusedHost))
	}
	for _, secret := range []string{"clinic.example", "evil", "203.0.113.9", "10.0.0.1", "192.0.2.1"} {
		if strings.Contains(h.log.String(), secret) {
			t.Errorf("the log tells %q", secret)
		}
	}
}

func FuzzForwarded(f *testing.F) {
	for _, s := range []string{`for=203.0.113.9;proto=http, for="[2001:db8::9]:4711"`, `for="\"`, `for="`, `,`, `;`, `=`, `for="_a:_b"`, `for=[`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		hops := forwardedHops([]string{s})
		if len(hops) > len(s)+1 {
			t.Fatalf("%d hops in %d bytes", len(hops), len(s))
		}
		for _, hop := range append(plainHops([]string{s}), hopAddrs(hops)...) {
			if hop.IsValid() && (hop.Zone() != "" || hop.Is4In6()) {
				t.Fatalf("%s", hop)
			}
		}
	})
}
