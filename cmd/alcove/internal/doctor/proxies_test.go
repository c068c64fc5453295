package doctor

import (
	"context"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/prometheus/client_golang/prometheus"

	"alcove/auth"
	"alcove/cmd/alcove/internal/alcovetest"
	"alcove/cmd/alcove/internal/front"
	"alcove/cmd/alcove/internal/keyfile"
	"alcove/room/live"
	"alcove/signaling"
	"alcove/signaling/conns"
	"alcove/signaling/wire"
)

// These tests run the configurations of deploy/docs/proxies unchanged, except for ports and file names.

// A behind is a daemon's listener for proxies: the real handler, which records the client addresses that it derives.
type behind struct {
	t      *testing.T
	at     string // where the proxy finds it
	front  string // where the proxy listens
	name   string // what clients call it by
	folder string
	cert   tls.Certificate
	roots  *x509.CertPool
	log    syncBuffer

	mu   sync.Mutex
	from []netip.Addr // Guarded by mu.
}

// syncBuffer is a log that is read while it is written.
type syncBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// newBehind serves, over TLS with the PROXY protocol, or in the open.
func newBehind(t *testing.T, tcp bool) *behind {
	t.Helper()
	port := freePort(t)
	b := &behind{t: t, folder: t.TempDir(), front: fmt.Sprintf("127.0.0.1:%d", port), name: fmt.Sprintf("localhost:%d", port)}
	b.cert, b.roots = alcovetest.SelfSigned(t)
	b.writeCertificate()
	proxy := netip.MustParsePrefix("127.0.0.1/32")
	server, err := signaling.NewServer(signaling.Config{
		Tokens: &auth.Verifier{}, Rooms: live.NewRegistry(live.Config{Media: noMedia{}}), Metrics: signaling.NewMetrics(prometheus.NewRegistry(), ""),
		TrustedProxies: []netip.Prefix{proxy}, Log: slog.New(slog.NewJSONHandler(&b.log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b.at = inner.Addr().String()
	l := conns.New(100, proxy).Listener(inner, conns.ListenerConfig{ProxyProtocol: tcp, HeaderTimeout: front.HeaderTimeout, OnMissingHeader: server.ReportMissingProxyHeader})
	if tcp {
		l = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{b.cert}})
	}
	handler := server.Handler()
	web := server.HTTPServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.mu.Lock()
		b.from = append(b.from, server.ClientAddr(r))
		b.mu.Unlock()
		handler.ServeHTTP(w, r)
	}))
	web.ErrorLog = log.New(io.Discard, "", 0)
	go web.Serve(l)
	t.Cleanup(func() { web.Close(); server.Close(context.Background()) })
	return b
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// writeCertificate writes the files that the configurations name.
func (b *behind) writeCertificate() {
	b.t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(b.cert.PrivateKey.(*ecdsa.PrivateKey))
	if err != nil {
		b.t.Fatal(err)
	}
	chain := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: b.cert.Certificate[0]})
	key := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	for name, data := range map[string][]byte{"fullchain.pem": chain, "privkey.pem": key, "alcove.pem": slices.Concat(chain, key)} {
		if err := os.WriteFile(filepath.Join(b.folder, name), data, keyfile.ModeSecret); err != nil {
			b.t.Fatal(err)
		}
	}
}

// run starts a proxy with a configuration of deploy/docs/proxies, after changes, until the test ends.
func (b *behind) run(file string, changes ...string) {
	b.t.Helper()
	text, err := os.ReadFile("../../../../deploy/docs/proxies/" + file)
	if err != nil {
		b.t.Fatal(err)
	}
	for i := 0; i < len(changes); i += 2 {
		if !strings.Contains(string(text), changes[i]) {
			b.t.Fatalf("%s has no %q", file, changes[i])
		}
	}
	changes = append(changes, "127.0.0.1:8080", b.at, "/etc/alcove/", b.folder+"/", "listen 443", "listen "+b.front, "bind :443", "bind "+b.front,
		"video.example.org {", "https://"+b.name+" {", "video.example.org", "localhost")
	config := strings.NewReplacer(changes...).Replace(string(text))
	name := filepath.Join(b.folder, file)
	var command []string
	switch {
	case file == "nginx.conf":
		config = fmt.Sprintf("daemon off; worker_processes 1; pid %[1]s/pid; error_log stderr; events {}\nhttp { access_log off;\n"+
			"client_body_temp_path %[1]s/1; proxy_temp_path %[1]s/2; fastcgi_temp_path %[1]s/3; uwsgi_temp_path %[1]s/4; scgi_temp_path %[1]s/5;\n%[2]s}\n", b.folder, config)
		command = []string{"nginx", "-c", name}
	case strings.HasPrefix(file, "haproxy"):
		command = []string{"haproxy", "-db", "-f", name}
	default:
		config = "{\n\tadmin off\n\tauto_https disable_redirects\n\tdefault_bind 127.0.0.1\n}\n" + config
		command = []string{"caddy", "run", "--adapter", "caddyfile", "--config", name}
	}
	if err := os.WriteFile(name, []byte(config), keyfile.ModeSecret); err != nil {
		b.t.Fatal(err)
	}
	b.start(command)
}

// start runs a program that lives in sbin with some, until the test ends, and waits until it listens.
func (b *behind) start(command []string) {
	b.t.Helper()
	program, err := exec.LookPath(command[0])
	if err != nil {
		program = "/usr/sbin/" + command[0]
	}
	var said syncBuffer
	cmd := exec.Command(program, command[1:]...)
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.Env = append(os.Environ(), "HOME="+b.folder, "XDG_DATA_HOME="+b.folder, "XDG_CONFIG_HOME="+b.folder)
	if err := cmd.Start(); err != nil {
		b.t.Fatalf("%v (deploy/setup.sh test installs it)", err)
	}
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }()
	b.t.Cleanup(func() { cmd.Process.Signal(syscall.SIGTERM); <-ended })
	for end := time.Now().Add(time.Minute); ; {
		c, err := net.Dial("tcp", b.front)
		if err == nil {
			c.Close()
			return
		}
		select {
		case <-ended:
			b.t.Fatalf("%s ended: %s", command[0], said.String())
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(end) {
			b.t.Fatalf("%s does not listen: %s", command[0], said.String())
		}
	}
}

// clients returns the client addresses that the daemon derived for the requests since the last call.
func (b *behind) clients() []netip.Addr {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := b.from
	b.from = nil
	return all
}

// forge opens a WebSocket as the page does, from another address and with addresses in every header.
func (b *behind) forge(from string) error {
	dialer := websocket.Dialer{
		NetDial: (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}).Dial, TLSClientConfig: &tls.Config{RootCAs: b.roots},
		Subprotocols: []string{wire.Subprotocol}, HandshakeTimeout: probeTimeout,
	}
	c, _, err := dialer.Dial("wss://"+b.name+"/v1/rtc", http.Header{"Origin": {"https://" + b.name},
		"X-Forwarded-For": {"192.0.2.66"}, "Forwarded": {"for=192.0.2.66;host=evil.example;proto=http"}, "X-Forwarded-Host": {"evil.example"}})
	if err == nil {
		c.Close()
	}
	return err
}

// tells wants a grade, and words in the text or the fix.
func tells(t *testing.T, what string, got finding, want string) {
	t.Helper()
	g, words, _ := strings.Cut(want, " ")
	if string(got.grade) != g || !strings.Contains(got.text+got.fix, words) {
		t.Errorf("%s: found %v, want %s", what, got, want)
	}
}

// TestProxies checks each configuration of deploy/docs/proxies whose proxy Debian packages: people can join, the probe reports no fault,
// and the daemon learns the client's address whatever headers the client sends.
func TestProxies(t *testing.T) {
	t.Parallel()
	for file, tcp := range map[string]bool{"nginx.conf": false, "haproxy.cfg": false, "haproxy-tcp.cfg": true, "Caddyfile": false} {
		t.Run(file, func(t *testing.T) {
			b := newBehind(t, tcp)
			b.run(file)
			expect(t, "the page", []finding{probePage(t.Context(), b.name, b.roots)}, "ok trusted")
			expect(t, "joining", []finding{probeJoin(t.Context(), b.name, b.roots)}, "ok WebSocket")
			b.clients()
			if err := b.forge("127.0.0.9"); err != nil {
				t.Error("by hand: ", err)
			}
			if all := b.clients(); len(all) != 1 || all[0] != netip.MustParseAddr("127.0.0.9") {
				t.Errorf("it came from %v", all)
			}
		})
	}
}

// TestMisconfiguredProxies checks that the probe names the mistake in a proxy's configuration and the line to change, and that the daemon
// logs it once.
func TestMisconfiguredProxies(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		file    string
		changes []string
		reason  string
		want    string
	}{
		"nginx without the upgrade":  {"nginx.conf", []string{"proxy_set_header Upgrade $http_upgrade;", "", "proxy_set_header Connection upgrade;", ""}, signaling.RefusedUpgrade, "fault proxy_set_header Upgrade $http_upgrade;"},
		"nginx, Host without a port": {"nginx.conf", []string{"Host $http_host", "Host $host"}, signaling.RefusedHostPort, "fault proxy_set_header Host $http_host;"},
		"nginx without the Host":     {"nginx.conf", []string{"proxy_set_header Host $http_host;", ""}, signaling.RefusedHost, "fault proxy_set_header Host $http_host;"},
		"nginx that says http":       {"nginx.conf", []string{"X-Forwarded-Proto $scheme", "X-Forwarded-Proto http"}, signaling.RefusedScheme, "fault X-Forwarded-Proto $scheme"},
		"HAProxy with another Host":  {"haproxy.cfg", []string{"option forwardfor", "http-request set-header Host inner"}, signaling.RefusedHost, "fault haproxy: remove the line"},
		"HAProxy without the header": {"haproxy-tcp.cfg", []string{" send-proxy-v2", ""}, "proxy_protocol", "fault"},
		"Caddy with another Host":    {"Caddyfile", []string{"header_up -Forwarded", "header_up Host inner\n\t\theader_up -X-Forwarded-Host"}, signaling.RefusedHost, "fault header_up Host"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBehind(t, tt.file == "haproxy-tcp.cfg")
			b.run(tt.file, tt.changes...)
			tells(t, name, probeJoin(t.Context(), b.name, b.roots), tt.want)
			if n := strings.Count(b.log.String(), `"reason":"`+tt.reason+`"`); n != 1 {
				t.Errorf("the log names it %d times: %s", n, b.log.String())
			}
		})
	}
}

// TestProbeJoin checks what the probe reports for each answer that a server or a proxy can give to a join.
func TestProbeJoin(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		status         int
		reason, server string
		want           string
	}{
		{403, signaling.RefusedUntrusted, "", "fault trusted_proxies"},
		{403, signaling.RefusedOrigin, "", "fault the host name in people's links"},
		{400, signaling.RefusedSubprotocol, "", "fault haproxy: remove"},
		{400, signaling.RefusedUpgrade, "nginx/1.22.1", "fault nginx: proxy_http_version"},
		{502, "", "nginx", "fault same daemon"},
		{404, "", "", "fault not from Alcove"},
		{200, "", "Caddy", "fault caddy: passes it on"},
	} {
		tells(t, fmt.Sprint(tt.status, " ", tt.reason), diagnoseJoin("video.example.org:443", tt.status, tt.reason, tt.server), tt.want)
	}
	if f := diagnoseJoin("a:443", 400, signaling.RefusedUpgrade, "nginx"); strings.Contains(f.fix, "traefik") {
		t.Errorf("nginx named itself: %s", f.fix)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("ended"))
	expect(t, "nobody", []finding{probeJoin(ctx, "127.0.0.1:1", nil)}, "fault does not open")
}

// noMedia is a media plane for rooms that nobody enters.
type noMedia struct{}

func (noMedia) Open(live.MediaSession, func(live.MediaEvent)) (live.MediaRoom, error) {
	return nil, errors.New("no media")
}
