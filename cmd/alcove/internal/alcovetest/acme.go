package alcovetest

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"

	"alcove/cmd/alcove/internal/keyfile"
)

// CacheCertificate puts a certificate for a name where autocert keeps those it was given.
func CacheCertificate(t *testing.T, folder, name string) *x509.CertPool {
	t.Helper()
	cert, roots := SelfSigned(t, name)
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	data := append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}),
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]})...)
	if err := os.WriteFile(filepath.Join(folder, name), data, keyfile.ModeSecret); err != nil {
		t.Fatal(err)
	}
	return roots
}
