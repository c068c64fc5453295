package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"alcove/cmd/alcove/internal/alcovetest"
	"alcove/cmd/alcove/internal/config"
)

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// expect compares the grades and looks for a word in what is said; whatever is not ok must name a fix.
func expect(t *testing.T, what string, got []finding, want ...string) {
	t.Helper()
	var grades []string
	for i, f := range got {
		grades = append(grades, string(f.grade))
		if f.grade != gradeOK && f.fix == "" {
			t.Errorf("%s: %q names no fix", what, f.text)
		}
		if i < len(want) {
			if _, word, found := strings.Cut(want[i], " "); found && !strings.Contains(f.text, word) {
				t.Errorf("%s: %q says nothing of %q", what, f.text, word)
			}
		}
	}
	var wanted []string
	for _, w := range want {
		g, _, _ := strings.Cut(w, " ")
		wanted = append(wanted, g)
	}
	if strings.Join(grades, " ") != strings.Join(wanted, " ") {
		t.Errorf("%s: found %v, want %v", what, got, want)
	}
}

func TestDiagnoseCertificate(t *testing.T) {
	t.Parallel()
	leaf := func(from, until time.Time) *tls.Certificate {
		return &tls.Certificate{Certificate: [][]byte{{}}, Leaf: &x509.Certificate{
			DNSNames: []string{"video.example.org"}, NotBefore: from, NotAfter: until,
			Subject: pkix.Name{CommonName: "video.example.org"}, Issuer: pkix.Name{CommonName: "Authority"},
		}}
	}
	day := 24 * time.Hour
	good := leaf(noon.Add(-day), noon.Add(60*day))
	selfSigned := leaf(noon.Add(-day), noon.Add(60*day))
	selfSigned.Leaf.Issuer = selfSigned.Leaf.Subject
	cut := leaf(noon.Add(-day), noon.Add(60*day))
	cut.Leaf.IssuingCertificateURL = []string{"http://authority.example/between.crt"}
	for _, c := range []struct {
		what   string
		cert   *tls.Certificate
		public string
		chain  error
		want   []string
	}{
		{"good", good, "video.example.org", nil, []string{"ok 2026-07-31"}},
		{"soon", leaf(noon.Add(-day), noon.Add(5*day)), "", nil, []string{"warning 5 days"}},
		{"over", leaf(noon.Add(-9*day), noon.Add(-day)), "", nil, []string{"fault expired"}},
		{"not yet", leaf(noon.Add(day), noon.Add(9*day)), "", nil, []string{"fault from"}},
		{"another's", good, "other.example.org", nil, []string{"ok", "fault not for other.example.org"}},
		{"alone", cut, "", x509.UnknownAuthorityError{}, []string{"ok", "fault intermediate"}},
		{"of the clinic's own authority", good, "", x509.UnknownAuthorityError{}, []string{"ok", "warning authority"}},
		{"self-signed", selfSigned, "", x509.UnknownAuthorityError{}, []string{"ok", "warning authority"}},
	} {
		expect(t, c.what, diagnoseCertificate(c.cert, c.public, noon, c.chain), c.want...)
	}
}

func TestDiagnoseNetwork(t *testing.T) {
	t.Parallel()
	outside, inside := netip.MustParseAddr("203.0.113.7"), netip.MustParseAddr("10.0.0.7")
	name := func(err error, found ...netip.Addr) []finding {
		return []finding{diagnoseName("v.example.org", found, err, []string{"198.51.100.1"}, []netip.Addr{inside, outside})}
	}
	expect(t, "unknown name", name(errors.New("no such host")), "fault not found")
	expect(t, "ours", name(nil, outside), "ok 203.0.113.7")
	expect(t, "advertised", name(nil, netip.MustParseAddr("198.51.100.1")), "ok")
	expect(t, "elsewhere", name(nil, netip.MustParseAddr("192.0.2.1")), "warning not an address of this host")

	media := func(listen string, advertise ...string) config.Media {
		return config.Media{Listen: config.Addresses{listen}, Advertise: advertise}
	}
	for _, c := range []struct {
		what  string
		media config.Media
		local []netip.Addr
		want  []string
	}{
		{"public", media("0.0.0.0"), []netip.Addr{inside, outside}, []string{"ok"}},
		{"behind a router, untold", media("0.0.0.0"), []netip.Addr{inside}, []string{"warning outside"}},
		{"listens inside only", media("10.0.0.7"), []netip.Addr{inside, outside}, []string{"warning outside"}},
		{"not ours", media("10.9.9.9", "203.0.113.7"), []netip.Addr{outside}, []string{"fault media.listen", "ok"}},
		{"behind a router", media("0.0.0.0", "203.0.113.7"), []netip.Addr{inside}, []string{"unknown router"}},
		{"private", media("0.0.0.0", "10.0.0.7"), []netip.Addr{inside}, []string{"warning private"}},
		{"loopback", media("0.0.0.0", "127.0.0.1"), []netip.Addr{inside}, []string{"warning this machine only"}},
	} {
		expect(t, c.what, diagnoseAddresses(c.media, c.local), c.want...)
	}
	bound := func(err error, running bool) []finding {
		return []finding{diagnosePort("tcp", ":443", err, running)}
	}
	wrapped := func(err error) error { return &net.OpError{Op: "listen", Err: os.NewSyscallError("bind", err)} }
	expect(t, "free", bound(nil, false), "ok")
	expect(t, "taken by us", bound(wrapped(syscall.EADDRINUSE), true), "ok")
	expect(t, "taken", bound(wrapped(syscall.EADDRINUSE), false), "fault taken")
	expect(t, "no right", bound(wrapped(syscall.EACCES), false), "fault right")
	expect(t, "no address", bound(wrapped(syscall.EADDRNOTAVAIL), false), "fault does not have")
	expect(t, "else", bound(errors.New("oops"), false), "fault oops")
}

func TestDiagnoseHost(t *testing.T) {
	t.Parallel()
	one := func(f finding) []finding { return []finding{f} }
	expect(t, "kept", one(diagnoseClock(true, nil)), "ok")
	expect(t, "not kept", one(diagnoseClock(false, nil)), "warning")
	expect(t, "no word", one(diagnoseClock(false, errors.New("denied"))), "unknown denied")
	expect(t, "buffer", one(diagnoseBuffer(mediaBuffer, nil)), "ok")
	expect(t, "small buffer", one(diagnoseBuffer(212992, nil)), "warning 212992")
	expect(t, "silent buffer", one(diagnoseBuffer(0, nil)), "unknown")
	expect(t, "files", one(diagnoseOpenFiles(65536, nil, 2000)), "ok")
	expect(t, "few files", one(diagnoseOpenFiles(1024, nil, 2000)), "warning 2256")
	expect(t, "no limit", one(diagnoseOpenFiles(0, errors.New("denied"), 2000)), "unknown")
	relay := func(change func(*config.Config)) []finding {
		c := config.Default()
		change(&c)
		return one(diagnoseRelay(c))
	}
	expect(t, "relay", relay(func(*config.Config) {}), "ok :8443")
	expect(t, "relay by itself", relay(func(c *config.Config) { c.Relay.Listen = ":8444" }), "ok :8444")
	expect(t, "relay over UDP, too", relay(func(c *config.Config) { c.Relay.UDP = []string{":443", ":3478"} }), "ok :443, :3478")
	expect(t, "no relay", relay(func(c *config.Config) { c.Relay.Enabled = false }), "ok off")
	expect(t, "no relay behind a proxy", relay(func(c *config.Config) { c.TrustedProxies = []string{"10.20.0.7"} }), "warning trusted_proxies")
	expect(t, "keys", one(diagnoseKeys(2)), "ok")
	expect(t, "no keys", one(diagnoseKeys(0)), "fault")
	ms := time.Millisecond
	for _, c := range []struct {
		what string
		disk disk
		err  error
		want []string
	}{
		{"good", disk{median: ms, worst: 9 * ms, free: 9 << 30}, nil, []string{"ok", "ok"}},
		{"slow", disk{median: 50 * ms, worst: 60 * ms, free: 9 << 30}, nil, []string{"warning 50ms", "ok"}},
		{"stalls", disk{median: ms, worst: time.Second, free: 9 << 30}, nil, []string{"warning 1s", "ok"}},
		{"far too slow, tight", disk{median: time.Second, worst: time.Second, free: 1 << 30}, nil, []string{"fault", "warning 1024 MiB"}},
		{"full", disk{free: 1 << 20}, nil, []string{"ok", "fault 1 MiB"}},
		{"memory", disk{inMemory: true, free: 9 << 30}, nil, []string{"warning memory", "ok"}},
		{"closed", disk{}, fs.ErrPermission, []string{"fault permission"}},
	} {
		expect(t, c.what, diagnoseDisk("store", c.disk, c.err), c.want...)
	}
	expect(t, "too little to record", diagnoseDisk(recordingsDisk, disk{free: 250 << 20}, nil), "ok", "fault 250 MiB")
	for _, c := range []struct {
		what   string
		secret bool
		seen   fileInfo
		want   []string
	}{
		{"secret", true, fileInfo{0o600, true, noon}, nil},
		{"open secret", true, fileInfo{0o644, true, noon}, []string{"fault open"}},
		{"keys", false, fileInfo{0o644, true, noon}, nil},
		{"keys for all to write", false, fileInfo{0o666, true, noon}, []string{"fault written"}},
		{"of tomorrow", false, fileInfo{0o644, true, noon.Add(time.Hour)}, []string{"fault future"}},
	} {
		expect(t, c.what, diagnoseFile("f", c.secret, c.seen, noon), c.want...)
	}
	c := config.Config{Store: config.Store{Dir: "/s/store", KeyFile: "/s/store.key"}, Audit: config.Audit{Dir: "/s/audit", KeyFile: "/s/audit/audit.key"}, Auth: config.Auth{PersonKeyFile: "/k"}}
	expect(t, "key in its backup", diagnoseKeyFolders(c), "warning audit.key")
}

// TestMediaBuffer checks that the constant equals the buffer size that sfu/udp requests, because it is a copy.
func TestMediaBuffer(t *testing.T) {
	t.Parallel()
	if !regexp.MustCompile(`(?m)^const receiveBuffer = 4 << 20$`).Match(alcovetest.ReadFile(t, "sfu/udp/udp.go")) || mediaBuffer != 4<<20 {
		t.Error("sfu/udp asks for another receive buffer than doctor looks for")
	}
}

// TestExamine checks that the doctor runs every check and finds the faults of a real folder.
func TestExamine(t *testing.T) {
	t.Parallel()
	folder, _ := alcovetest.Folder(t)
	file := filepath.Join(folder, "alcove.yaml")
	c, l, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	m, err := config.LoadSecrets(c, l)
	if err != nil {
		t.Fatal(err)
	}
	h := thisHost()
	h.lookup = func(context.Context, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
	}
	h.synced = func() (bool, error) { return true, nil }
	h.receiveBuffer = func() (int, error) { return mediaBuffer, nil }
	h.disk = func(string) (disk, error) { return disk{free: 9 << 30}, nil }
	h.addresses = func() ([]netip.Addr, error) { return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil }
	what := map[string]int{}
	for _, f := range examine(t.Context(), h, c, m, "") {
		what[f.what]++
		if f.grade == gradeFault {
			t.Errorf("%s: %s", f.what, f.text)
		}
	}
	for _, w := range []string{"certificate", "DNS", "clock", "addresses", "ports", "buffer", "open files", "store", "audit", "tokens", "modes"} {
		if what[w] == 0 {
			t.Errorf("nobody looked at %s", w)
		}
	}
	if err := os.Chmod(filepath.Join(folder, "key.pem"), 0o644); err != nil {
		t.Fatal(err)
	}
	expect(t, "an open key", examineModes(h, c), "fault key.pem")
}

// TestMeasureDisk measures a real disk, and checks that it leaves no files.
func TestMeasureDisk(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	d, err := measureDisk(filepath.Join(folder, "not", "there", "yet"))
	if err != nil {
		t.Fatal(err)
	}
	if d.folder != folder || d.worst < d.median || d.free == 0 {
		t.Errorf("measured %+v", d)
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
		t.Errorf("left %v: %v", left, err)
	}
}

func TestProbePage(t *testing.T) {
	t.Parallel()
	page := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/page.json" {
			w.Write([]byte("{}"))
		}
	}))
	defer page.Close()
	roots := x509.NewCertPool()
	roots.AddCert(page.Certificate())
	target := strings.TrimPrefix(page.URL, "https://")
	expect(t, "ours", []finding{probePage(t.Context(), target, roots)}, "ok trusted")
	expect(t, "not trusted", []finding{probePage(t.Context(), target, nil)}, "fault trust")
	other := httptest.NewTLSServer(http.NotFoundHandler())
	defer other.Close()
	roots.AddCert(other.Certificate())
	expect(t, "another server", []finding{probePage(t.Context(), strings.TrimPrefix(other.URL, "https://"), roots)}, "fault not as Alcove")
	expect(t, "no port", probe(t.Context(), "video.example.org", 1, nil), "fault no host with a port")
	expect(t, "nobody", []finding{diagnosePage("v:443", os.NewSyscallError("connect", syscall.ECONNREFUSED))}, "fault refuses")
	expect(t, "no name", []finding{diagnosePage("v:443", &net.DNSError{Err: "no such host", Name: "v"})}, "fault no address")
	expect(t, "dropped", []finding{diagnosePage("v:443", &net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded})}, "fault firewall")
}

// TestProbeMedia checks that the probe distinguishes an open media port, which does not answer strangers, a closed port, and another
// program's port.
func TestProbeMedia(t *testing.T) {
	t.Parallel()
	silent, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := silent.LocalAddr().String()
	expect(t, "silent", []finding{probeMedia(t.Context(), address)}, "unknown silent")
	silent.Close()
	expect(t, "closed", []finding{probeMedia(t.Context(), address)}, "fault refuses")
	echo, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer echo.Close()
	go func() {
		buffer := make([]byte, 1500)
		for {
			n, from, err := echo.ReadFrom(buffer)
			if err != nil {
				return
			}
			echo.WriteTo(buffer[:n], from)
		}
	}()
	expect(t, "echo", []finding{probeMedia(t.Context(), echo.LocalAddr().String())}, "warning stranger")
}

func TestCheckNamesCertificate(t *testing.T) {
	t.Parallel()
	cert, _ := alcovetest.SelfSigned(t)
	if text := certificate(&cert); !strings.Contains(text, "localhost until "+cert.Leaf.NotAfter.UTC().Format(time.DateOnly)) {
		t.Errorf("check says %q", text)
	}
}
