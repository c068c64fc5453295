package alcovetest

import (
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"

	"alcove/cmd/alcove/internal/keyfile"
)

func WriteFile(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), keyfile.ModeFolder); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), keyfile.ModePublic); err != nil {
		t.Fatal(err)
	}
}

// Folder holds a configuration with keys and a certificate.
func Folder(t *testing.T) (folder string, roots *x509.CertPool) {
	t.Helper()
	folder = t.TempDir()
	if _, _, err := keyfile.Generate(folder); err != nil {
		t.Fatal(err)
	}
	roots = PutCertificate(t, folder)
	media, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := media.LocalAddr().(*net.UDPAddr).Port
	media.Close()
	for name, content := range map[string][]byte{
		"alcove.yaml": fmt.Appendf(nil, `listen: 127.0.0.1:0
admin: 127.0.0.1:0
tls: {cert_file: cert.pem, key_file: key.pem}
auth: {issuer: https://id.example.org, audience: alcove, jwks_file: jwks.json, person_key_file: person.key}
media: {listen: 127.0.0.1, port: %d}
drain_wait: 100ms
`, port),
	} {
		if err := os.WriteFile(filepath.Join(folder, name), content, keyfile.ModeSecret); err != nil {
			t.Fatal(err)
		}
	}
	return folder, roots
}
