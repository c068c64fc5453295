package front

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/acme"

	"alcove/cmd/alcove/internal/alcovetest"
	"alcove/cmd/alcove/internal/config"
	"alcove/signaling/conns"
)

// An authority is as much of an ACME server (RFC 8555) as one certificate takes. It does look whether the name is ours, by a
// handshake of RFC 8737; signatures it takes for good.
type authority struct {
	t      *testing.T
	name   string
	daemon string // the address that the name stands for
	key    *ecdsa.PrivateKey
	root   *x509.Certificate

	mu     sync.Mutex
	valid  bool   // Guarded by mu. The name was proven.
	issued []byte // Guarded by mu. The certificate, DER.
}

func newAuthority(t *testing.T, name string) (*authority, config.ACME) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{t: t, name: name, key: key}
	if a.root, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewTLSServer(a)
	t.Cleanup(srv.Close)
	roots := filepath.Join(t.TempDir(), "ca.pem")
	alcovetest.WriteFile(t, roots, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})))
	return a, config.ACME{Hosts: []string{name}, Directory: srv.URL + "/directory", CAFile: roots, CacheDir: filepath.Join(t.TempDir(), "acme")}
}

func (a *authority) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	base := "https://" + r.Host
	w.Header().Set("Replay-Nonce", fmt.Sprint(time.Now().UnixNano()))
	w.Header().Set("Content-Type", "application/json")
	say := func(status int, answer map[string]any) {
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(answer)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	state := map[bool]string{false: "pending", true: "valid"}[a.valid]
	order := map[string]any{"status": map[bool]string{false: "pending", true: "ready"}[a.valid], "authorizations": []string{base + "/authz"},
		"finalize": base + "/finalize", "identifiers": []map[string]string{{"type": "dns", "value": a.name}}}
	if a.issued != nil {
		order["status"], order["certificate"] = "valid", base+"/cert"
	}
	challenge := map[string]any{"type": "tls-alpn-01", "url": base + "/challenge", "token": "token-of-the-test", "status": state}
	switch r.URL.Path {
	case "/directory":
		say(200, map[string]any{"newNonce": base + "/nonce", "newAccount": base + "/account", "newOrder": base + "/order-new"})
	case "/nonce":
	case "/account":
		w.Header().Set("Location", base+"/account/1")
		say(201, map[string]any{"status": "valid"})
	case "/order-new":
		w.Header().Set("Location", base+"/order")
		say(201, order)
	case "/order":
		w.Header().Set("Location", base+"/order")
		say(200, order)
	case "/authz":
		say(200, map[string]any{"status": state, "identifier": map[string]string{"type": "dns", "value": a.name}, "challenges": []any{challenge}})
	case "/challenge":
		a.valid = a.proven()
		say(200, challenge)
	case "/finalize":
		a.issued = a.sign(payload(a.t, r))
		order["status"], order["certificate"] = "valid", base+"/cert"
		w.Header().Set("Location", base+"/order")
		say(200, order)
	case "/cert":
		for _, der := range [][]byte{a.issued, a.root.Raw} {
			pem.Encode(w, &pem.Block{Type: "CERTIFICATE", Bytes: der})
		}
	default:
		http.NotFound(w, r)
	}
}

// proven asks the daemon, by its own listener, whether it knows of the order.
func (a *authority) proven() bool {
	conn, err := tls.Dial("tcp", a.daemon, &tls.Config{ServerName: a.name, NextProtos: []string{acme.ALPNProto}, InsecureSkipVerify: true})
	if err != nil {
		a.t.Error(err)
		return false
	}
	defer conn.Close()
	state := conn.ConnectionState()
	// id-pe-acmeIdentifier (RFC 8737, section 6.1)
	marked := slices.ContainsFunc(state.PeerCertificates[0].Extensions, func(e pkix.Extension) bool { return e.Id.String() == "1.3.6.1.5.5.7.1.31" })
	return state.NegotiatedProtocol == acme.ALPNProto && marked
}

// payload is what a request says, out of its JWS (RFC 7515).
func payload(t *testing.T, r *http.Request) map[string]string {
	var jws struct{ Payload string }
	if err := json.NewDecoder(r.Body).Decode(&jws); err != nil {
		t.Error(err)
	}
	raw, err := base64.RawURLEncoding.DecodeString(jws.Payload)
	said := map[string]string{}
	if err != nil || json.Unmarshal(raw, &said) != nil {
		t.Errorf("the request says %s", raw)
	}
	return said
}

func (a *authority) sign(said map[string]string) []byte {
	raw, err := base64.RawURLEncoding.DecodeString(said["csr"])
	if err != nil {
		a.t.Error(err)
	}
	csr, err := x509.ParseCertificateRequest(raw)
	if err != nil {
		a.t.Error(err)
		return nil
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(2), DNSNames: csr.DNSNames, NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(80 * 24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, a.root, csr.PublicKey, a.key)
	if err != nil {
		a.t.Error(err)
	}
	return der
}

// TestACME obtains a certificate that browsers trust: the order, the challenge on the daemon's own listener, and the cache for the next
// start.
func TestACME(t *testing.T) {
	a, settings := newAuthority(t, "video.a.example")
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a.daemon = inner.Addr().String()
	all, err := NewCertificates(config.TLS{ACME: settings}, nil)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: http.NotFoundHandler(), ErrorLog: log.New(io.Discard, "", 0)}
	go srv.Serve(tls.NewListener(conns.New(100).Listener(inner, conns.ListenerConfig{}), all.TLSConfig()))
	defer srv.Close()
	if err := all.obtain(); err != nil {
		t.Fatal(err)
	}
	if days := time.Until(time.Unix(all.expires.Load(), 0)).Hours() / 24; days < 79 || days > 80 {
		t.Errorf("it ends in %.1f days", days)
	}
	roots := x509.NewCertPool()
	roots.AddCert(a.root)
	conn, err := tls.Dial("tcp", a.daemon, &tls.Config{RootCAs: roots, ServerName: a.name, NextProtos: []string{"http/1.1"}})
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	files, err := os.ReadDir(settings.CacheDir)
	if err != nil || len(files) < 2 {
		t.Fatalf("kept %v: %v", files, err)
	}
	for _, f := range files {
		info, err := f.Info()
		if err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s can be read by others: %v", f.Name(), err)
		}
	}
	settings.Directory = strings.Replace(settings.Directory, "127.0.0.1", "127.0.0.7", 1) // nobody answers there
	next, err := NewCertificates(config.TLS{ACME: settings}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := next.obtain(); err != nil {
		t.Errorf("the next start without the server: %v", err)
	}
}
