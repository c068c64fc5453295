package main

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/pion/turn/v5"

	"alcove/room/live"
	"alcove/signaling/wire"
)

// TestRelayURL: what a client calls us by is a claim, and nothing but a name and a port gets into a URL.
func TestRelayURL(t *testing.T) {
	for host, want := range map[string]string{
		"video.example.org":        "turn:video.example.org:80?transport=tcp",
		"video.example.org:8443":   "turn:video.example.org:8443?transport=tcp",
		"LOCALHOST:8080":           "turn:LOCALHOST:8080?transport=tcp",
		"203.0.113.7":              "turn:203.0.113.7:80?transport=tcp",
		"[2001:db8::7]:443":        "turn:[2001:db8::7]:443?transport=tcp",
		"[::1]":                    "turn:[::1]:80?transport=tcp",
		"":                         "",
		":443":                     "",
		"2001:db8::7":              "",
		"[::1%25lo]:443":           "",
		"[203.0.113.7]":            "",
		"[...]":                    "",
		"a b":                      "",
		"a:0":                      "",
		"a:080":                    "",
		"a:65536":                  "",
		"a:443?transport=udp":      "",
		"a/b":                      "",
		"a@b":                      "",
		"a\n":                      "",
		"bücher.example":           "",
		strings.Repeat("a", 254):   "",
		"evil.example:443\r\nX: y": "",
	} {
		if got := relayURL(host, 80, false); got != want {
			t.Errorf("%q: %q, want %q", host, got, want)
		}
	}
	if got := relayURL("a", 443, true); got != "turns:a:443?transport=tcp" {
		t.Error(got)
	}
}

func TestRelayAt(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*config)
		at     string
		files  int // of 2000 connections
	}{
		"by default":            {func(*config) {}, relayShared, 3000},
		"turned off":            {func(c *config) { c.Relay.Enabled = false }, relayOff, 2000},
		"behind a proxy":        {func(c *config) { c.TrustedProxies = []string{"10.20.0.0/24"} }, relayOff, 2000},
		"behind one, by itself": {func(c *config) { c.TrustedProxies, c.Relay.Listen = []string{"10.20.0.0/24"}, ":8444" }, relayOwn, 3000},
		"behind one for TCP": {func(c *config) {
			c.TrustedProxies, c.ProxyProtocol, c.TLS.CertFile = []string{"10.20.0.0/24"}, true, "a"
		}, relayShared, 3000},
		"that ends TLS":          {func(c *config) { c.TrustedProxies, c.ProxyProtocol = []string{"10.20.0.0/24"}, true }, relayOff, 2000},
		"turned off, by itself":  {func(c *config) { c.Relay = relayConfig{Listen: ":8444"} }, relayOff, 2000},
		"by itself, for no need": {func(c *config) { c.Relay.Listen = ":8444" }, relayOwn, 3000},
	} {
		c := defaultConfig()
		tt.change(&c)
		if got := c.relayAt(); got != tt.at || sockets(c) != tt.files {
			t.Errorf("%s: %s with %d files, want %s with %d", name, got, sockets(c), tt.at, tt.files)
		}
	}
}

// readyFor reads events until media.ready, or until the answer to the request, and gives what the former says of the relay.
func readyFor(t *testing.T, conn *websocket.Conn, answer string) []wire.ICEServer {
	t.Helper()
	for {
		var frame struct {
			ID, Type string
			Data     struct{ ICEServers []wire.ICEServer }
		}
		text := next(t, conn)
		if err := json.Unmarshal([]byte(text), &frame); err != nil {
			t.Fatal(err)
		}
		switch {
		case frame.Type == "media.ready":
			return frame.Data.ICEServers
		case strings.Contains(text, "iceServers") || strings.Contains(text, "turn:"):
			t.Fatalf("told of a relay: %s", text)
		case answer != "" && frame.ID == answer:
			return nil
		}
	}
}

func say(t *testing.T, conn *websocket.Conn, frame string) {
	t.Helper()
	if err := conn.WriteMessage(websocket.TextMessage, []byte(frame)); err != nil {
		t.Fatal(err)
	}
}

// relayed asks for an allocation, over TLS if config is not nil.
func relayed(t *testing.T, at string, s wire.ICEServer, config *tls.Config) (net.PacketConn, error) {
	t.Helper()
	c, err := net.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	if config != nil {
		c = tls.Client(c, config)
	}
	client, err := turn.NewClient(&turn.ClientConfig{TURNServerAddr: at, Conn: turn.NewSTUNConn(c), Username: s.Username, Password: s.Credential})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(); c.Close() })
	if err := client.Listen(); err != nil {
		t.Fatal(err)
	}
	return client.Allocate()
}

var (
	datagramsIn = regexp.MustCompile(`(?m)^alcove_media_datagrams_total\{direction="in"\} (\d+)`)
	allocations = regexp.MustCompile(`(?m)^alcove_relay_allocations (\d+)`)
)

// measured waits until a metric is as wanted.
func measured(t *testing.T, admin string, metric *regexp.Regexp, want string) {
	t.Helper()
	got := ""
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); runtime.Gosched() {
		_, page := get(t, admin+"/metrics")
		if m := metric.FindStringSubmatch(page); m != nil {
			got = m[1]
		}
		if got == want {
			return
		}
	}
	t.Fatalf("%v is %s, want %s", metric, got, want)
}

// TestRelayInTheDaemon: on the port of the page, for who is admitted, to the media port, until they leave.
func TestRelayInTheDaemon(t *testing.T) {
	planes := make(chan mediaPlane, 1)
	r := startDevWith(t, t.TempDir(), func(d *daemon) {
		d.config.Media.Listen, d.config.Media.Port = "127.0.0.1", 0
		d.media = func(c config, log *slog.Logger) (live.Media, plane, error) {
			m, closer, err := newMedia(c, log)
			planes <- closer.(mediaPlane)
			return m, closer, err
		}
	})
	port := (<-planes).engine.Reach()[0].Public
	at := strings.TrimPrefix(r.base, "http://")
	host, _ := r.hello(t, r.token(t, "role=host"))
	hosts := readyFor(t, host, "")
	if len(hosts) != 1 || len(hosts[0].URLs) != 1 || hosts[0].URLs[0] != "turn:"+at+"?transport=tcp" {
		t.Fatalf("the host is told of %+v", hosts)
	}
	guest, welcome := r.hello(t, r.token(t, "sub=guest&name=Guest"))
	id := regexp.MustCompile(`"participantId":"([^"]+)"`).FindStringSubmatch(welcome)
	say(t, guest, `{"id":"2","type":"ping","data":{}}`)
	if s := readyFor(t, guest, "2"); s != nil || id == nil {
		t.Fatalf("who waits is told of %+v", s)
	}
	say(t, host, fmt.Sprintf(`{"id":"2","type":"waiting.admit","data":{"participantIds":["%s"]}}`, id[1]))
	guests := readyFor(t, guest, "")
	if len(guests) != 1 || guests[0].Username == hosts[0].Username || guests[0].Credential == hosts[0].Credential {
		t.Fatalf("the guest is told of %+v, the host of %+v", guests, hosts)
	}
	media, err := relayed(t, at, guests[0], nil)
	if err != nil {
		t.Fatal(err)
	}
	_, page := get(t, r.admin+"/metrics")
	if m := datagramsIn.FindStringSubmatch(page); m == nil || m[1] != "0" {
		t.Fatalf("before the relay: %v", m)
	}
	if _, err := media.WriteTo([]byte("not even a STUN message"), net.UDPAddrFromAddrPort(port)); err != nil {
		t.Fatal(err)
	}
	measured(t, r.admin, datagramsIn, "1")
	measured(t, r.admin, allocations, "1")
	say(t, guest, `{"id":"3","type":"leave","data":{}}`)
	measured(t, r.admin, allocations, "0")
	if _, err := relayed(t, at, guests[0], nil); err == nil {
		t.Error("who left has an allocation")
	}
	if _, err := relayed(t, at, hosts[0], nil); err != nil {
		t.Error(err)
	}
	r.signals <- os.Interrupt
	if err := <-r.stopped; err != nil {
		t.Error(err)
	}
	for _, secret := range []string{guests[0].Username, guests[0].Credential, hosts[0].Username, hosts[0].Credential, "turn:"} {
		if strings.Contains(r.log.String(), secret) {
			t.Errorf("the log tells %q", secret)
		}
	}
}

// TestServeRelay: with TLS, on the port of the page and on one of its own.
func TestServeRelay(t *testing.T) {
	for name, own := range map[string]string{"the port of the page": "", "its own": "relay: {listen: 127.0.0.1:0, host: localhost}\ntrusted_proxies: [10.20.0.0/24]\n"} {
		t.Run(name, func(t *testing.T) {
			folder, roots := serveFolder(t)
			file := filepath.Join(folder, "alcove.yaml")
			before, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, append(before, own...), modeSecret); err != nil {
				t.Fatal(err)
			}
			s := startServe(t, folder, roots)
			conn, _ := s.join(s.token("--role", "host", "--room", "r", "--sub", "s", "--name", "n"))
			servers := readyFor(t, conn, "")
			if len(servers) != 1 {
				t.Fatalf("told of %+v", servers)
			}
			m := regexp.MustCompile(`^turns:(localhost|127\.0\.0\.1):(\d+)\?transport=tcp$`).FindStringSubmatch(servers[0].URLs[0])
			if m == nil || (own == "") != (s.Listen[0] == m[1]+":"+m[2]) {
				t.Fatalf("told of %+v, the page is at %v", servers, s.Listen)
			}
			config := &tls.Config{RootCAs: roots, ServerName: "localhost"}
			if _, err := relayed(t, "127.0.0.1:"+m[2], servers[0], config); err != nil {
				t.Error(err)
			}
			if own != "" { // nothing else is there
				c, err := tls.Dial("tcp", "127.0.0.1:"+m[2], config)
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				io.WriteString(c, "GET / HTTP/1.0\r\n\r\n")
				if said, _ := io.ReadAll(c); !strings.HasPrefix(string(said), "HTTP/1.0 404 ") {
					t.Errorf("the page is there too: %.40q", said)
				}
			}
			s.stop()
		})
	}
}
