package front

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"alcove/cmd/alcove/internal/alcovetest"
	"alcove/cmd/alcove/internal/config"
	"alcove/cmd/alcove/internal/keyfile"
)

// acmeServer is one that answers nothing but errors, and counts.
func acmeServer(t *testing.T) (settings config.ACME, asked *atomic.Int64) {
	t.Helper()
	asked = &atomic.Int64{}
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		http.Error(w, "out of order", http.StatusNotFound)
	}))
	t.Cleanup(srv.Close)
	roots := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw}), keyfile.ModePublic); err != nil {
		t.Fatal(err)
	}
	return config.ACME{Hosts: []string{"video.a.example"}, Directory: srv.URL, CAFile: roots, CacheDir: t.TempDir()}, asked
}

// shake does a handshake for a name with a server that has certificates of these.
func shake(t *testing.T, c *Certificates, roots *x509.CertPool, name string) error {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", c.TLSConfig())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		if conn, err := l.Accept(); err == nil {
			conn.(*tls.Conn).Handshake()
			conn.Close()
		}
	}()
	conn, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{RootCAs: roots, ServerName: name, NextProtos: []string{"http/1.1"}})
	if err == nil {
		conn.Close()
	}
	return err
}

// TestACMEFails checks that, while the ACME server fails, only handshakes without a cached certificate fail.
func TestACMEFails(t *testing.T) {
	settings, asked := acmeServer(t)
	all, err := NewCertificates(config.TLS{ACME: settings}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := shake(t, all, nil, "video.a.example"); err == nil || asked.Load() == 0 {
		t.Errorf("a handshake without a certificate: %v, the server was asked %d times", err, asked.Load())
	}
	before := asked.Load()
	if err := shake(t, all, nil, "stranger.b.example"); err == nil || asked.Load() != before {
		t.Errorf("a name that is not ours: %v, the server was asked", err)
	}
	log := &alcovetest.Log{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // one look
	all.KeepObtained(ctx, slog.New(slog.NewTextHandler(log, nil)))
	if !strings.Contains(log.String(), "the ACME server issued no certificate") || all.expires.Load() != 0 {
		t.Errorf("the log says %s", log)
	}
}

// TestACMEFailsAfterIssuing checks that an issued certificate is used until it expires while the ACME server fails.
func TestACMEFailsAfterIssuing(t *testing.T) {
	settings, _ := acmeServer(t)
	roots := alcovetest.CacheCertificate(t, settings.CacheDir, "video.a.example")
	all, err := NewCertificates(config.TLS{ACME: settings}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := shake(t, all, roots, "video.a.example"); err != nil {
		t.Error(err)
	}
	if err := all.obtain(); err != nil || all.expires.Load() == 0 {
		t.Errorf("%v, ends at %d", err, all.expires.Load())
	}
}
