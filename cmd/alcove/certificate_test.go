package main

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
)

// acmeServer is one that answers nothing but errors, and counts.
func acmeServer(t *testing.T) (config acmeConfig, asked *atomic.Int64) {
	t.Helper()
	asked = &atomic.Int64{}
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		http.Error(w, "out of order", http.StatusNotFound)
	}))
	t.Cleanup(srv.Close)
	roots := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw}), modePublic); err != nil {
		t.Fatal(err)
	}
	return acmeConfig{Hosts: []string{"video.a.example"}, Directory: srv.URL, CAFile: roots, CacheDir: t.TempDir()}, asked
}

// cached puts a certificate for a name where autocert keeps those it was given.
func cached(t *testing.T, c acmeConfig, name string) *x509.CertPool {
	t.Helper()
	cert, roots := selfSigned(t, name)
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	data := append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}),
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]})...)
	if err := os.WriteFile(filepath.Join(c.CacheDir, name), data, modeSecret); err != nil {
		t.Fatal(err)
	}
	return roots
}

// shake does a handshake for a name with a server that has certificates of these.
func shake(t *testing.T, c *certificates, roots *x509.CertPool, name string) error {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", c.config())
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

// An ACME server that fails costs the handshakes for which there is no certificate, and nothing else.
func TestACMEFails(t *testing.T) {
	config, asked := acmeServer(t)
	all, err := newCertificates(tlsConfig{ACME: config}, nil)
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
	log := &lockedBuffer{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // one look
	all.follow(ctx, slog.New(slog.NewTextHandler(log, nil)))
	if !strings.Contains(log.String(), "no certificate from the ACME server") || all.expires.Load() != 0 {
		t.Errorf("the log says %s", log)
	}
}

// What it gave before goes on being used while it fails, until it ends.
func TestACMEFailsLater(t *testing.T) {
	config, _ := acmeServer(t)
	roots := cached(t, config, "video.a.example")
	all, err := newCertificates(tlsConfig{ACME: config}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := shake(t, all, roots, "video.a.example"); err != nil {
		t.Error(err)
	}
	if err := all.look(); err != nil || all.expires.Load() == 0 {
		t.Errorf("%v, ends at %d", err, all.expires.Load())
	}
}

// A daemon whose ACME server cannot be reached serves all the same: health, metrics, and who comes by a name it has.
func TestServeWithoutACME(t *testing.T) {
	folder, _ := serveFolder(t)
	s := &serving{folder: folder, t: t}
	s.edit("alcove.yaml", func(text string) string {
		return strings.Replace(text, "tls: {cert_file: cert.pem, key_file: key.pem}",
			"tls: {acme: {hosts: [video.a.example], directory: 'https://127.0.0.1:1/directory', cache_dir: acme}}", 1)
	})
	if err := os.Mkdir(filepath.Join(folder, "acme"), modeFolder); err != nil {
		t.Fatal(err)
	}
	roots := cached(t, acmeConfig{CacheDir: filepath.Join(folder, "acme")}, "video.a.example")
	running := startServe(t, folder, roots)
	defer running.stop()
	await(t, "the end of the certificate is known", func() bool {
		_, page := get(t, "http://"+running.Admin+"/metrics")
		return !strings.Contains(page, "alcove_certificate_expiry_timestamp_seconds 0\n")
	})
	conn, err := tls.Dial("tcp", running.Listen[0], &tls.Config{RootCAs: roots, ServerName: "video.a.example", NextProtos: []string{"http/1.1"}})
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if resp, _ := get(t, "http://"+running.Admin+"/readyz"); resp.StatusCode != http.StatusOK {
		t.Errorf("readyz says %s", resp.Status)
	}
}
