package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"alcove/auth"
	"alcove/cmd/alcove/internal/alcovetest"
	"alcove/cmd/alcove/internal/keyfile"
)

// TestSecretFileModes checks that the daemon does not start while another user of the host can read a secret file that the configuration
// names.
func TestSecretFileModes(t *testing.T) {
	folder := t.TempDir()
	if _, _, err := keyfile.Generate(folder); err != nil {
		t.Fatal(err)
	}
	alcovetest.PutCertificate(t, folder)
	hash, err := auth.HashPasscode(auth.NewSecret("long enough"))
	if err != nil {
		t.Fatal(err)
	}
	alcovetest.WriteFile(t, filepath.Join(folder, "passcode"), hash.Reveal())
	name := filepath.Join(folder, "alcove.yaml")
	alcovetest.WriteFile(t, name, `listen: 127.0.0.1:8443
auth: {issuer: https://id.example.org, audience: alcove, jwks_file: jwks.json, person_key_file: person.key}
store: {dir: store, key_file: store.key}
audit: {dir: audit, key_file: audit.key}
tls: {cert_file: cert.pem, key_file: key.pem}
policies: {default: {passcode_hash_file: passcode}}
`)
	secrets := map[string]string{
		keyfile.PersonFile: "auth.person_key_file", keyfile.StoreFile: "store.key_file", keyfile.AuditFile: "audit.key_file", "key.pem": "tls.key_file",
		"passcode": "passcode_hash_file",
	}
	for file := range secrets {
		if err := os.Chmod(filepath.Join(folder, file), keyfile.ModeSecret); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, _, err := LoadAll(name); err != nil {
		t.Fatalf("with closed secrets: %v", err)
	}
	for file, key := range secrets {
		if err := os.Chmod(filepath.Join(folder, file), keyfile.ModePublic); err != nil {
			t.Fatal(err)
		}
		if _, _, _, err := LoadAll(name); err == nil || !strings.Contains(err.Error(), key) || !strings.Contains(err.Error(), "can be read by others") {
			t.Errorf("%s open to others: %v", file, err)
		}
		if err := os.Chmod(filepath.Join(folder, file), keyfile.ModeSecret); err != nil {
			t.Fatal(err)
		}
	}
}
