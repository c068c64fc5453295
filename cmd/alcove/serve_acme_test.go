package main

import (
	"crypto/tls"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"alcove/cmd/alcove/internal/alcovetest"
	"alcove/cmd/alcove/internal/keyfile"
)

// TestServeWithoutACME checks that a daemon whose ACME server is unreachable serves health, metrics, and host names for which it has a
// certificate.
func TestServeWithoutACME(t *testing.T) {
	t.Parallel()
	folder, _ := alcovetest.Folder(t)
	s := &serving{folder: folder, t: t}
	s.edit("alcove.yaml", func(text string) string {
		return strings.Replace(text, "tls: {cert_file: cert.pem, key_file: key.pem}",
			"tls: {acme: {hosts: [video.a.example], directory: 'https://127.0.0.1:1/directory', cache_dir: acme}}", 1)
	})
	if err := os.Mkdir(filepath.Join(folder, "acme"), keyfile.ModeFolder); err != nil {
		t.Fatal(err)
	}
	roots := alcovetest.CacheCertificate(t, filepath.Join(folder, "acme"), "video.a.example")
	running := startServe(t, folder, roots)
	defer running.stop()
	alcovetest.Await(t, "the end of the certificate is known", func() bool {
		_, page := alcovetest.Get(t, "http://"+running.Admin+"/metrics")
		return !strings.Contains(page, "alcove_certificate_expiry_timestamp_seconds 0\n")
	})
	conn, err := tls.Dial("tcp", running.Listen[0], &tls.Config{RootCAs: roots, ServerName: "video.a.example", NextProtos: []string{"http/1.1"}})
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if resp, _ := alcovetest.Get(t, "http://"+running.Admin+"/readyz"); resp.StatusCode != http.StatusOK {
		t.Errorf("readyz says %s", resp.Status)
	}
}
