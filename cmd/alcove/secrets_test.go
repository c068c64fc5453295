package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"alcove/auth"
)

// TestSecretsAreClosed: each secret that a configuration names refuses the start while others on the host can read it.
func TestSecretsAreClosed(t *testing.T) {
	folder := t.TempDir()
	if _, _, err := makeKeys(folder); err != nil {
		t.Fatal(err)
	}
	putCertificate(t, folder)
	hash, err := auth.HashPasscode(auth.NewSecret("long enough"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(folder, "passcode"), hash.Reveal())
	name := filepath.Join(folder, "alcove.yaml")
	write(t, name, `listen: 127.0.0.1:8443
auth: {issuer: https://id.example.org, audience: alcove, jwks_file: jwks.json, person_key_file: person.key}
store: {dir: store, key_file: store.key}
audit: {dir: audit, key_file: audit.key}
tls: {cert_file: cert.pem, key_file: key.pem}
policies: {default: {passcode_hash_file: passcode}}
`)
	secrets := map[string]string{
		personKeyFile: "auth.person_key_file", storeKeyFile: "store.key_file", auditKeyFile: "audit.key_file", "key.pem": "tls.key_file",
		"passcode": "passcode_hash_file",
	}
	for file := range secrets {
		if err := os.Chmod(filepath.Join(folder, file), modeSecret); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, _, err := loadAll(name); err != nil {
		t.Fatalf("with closed secrets: %v", err)
	}
	for file, key := range secrets {
		if err := os.Chmod(filepath.Join(folder, file), modePublic); err != nil {
			t.Fatal(err)
		}
		if _, _, _, err := loadAll(name); err == nil || !strings.Contains(err.Error(), key) || !strings.Contains(err.Error(), "can be read by others") {
			t.Errorf("%s open to others: %v", file, err)
		}
		if err := os.Chmod(filepath.Join(folder, file), modeSecret); err != nil {
			t.Fatal(err)
		}
	}
}

// TestBearerTakesNoProxy: what the operator's commands say to a daemon goes to it and nowhere else, whatever HTTP_PROXY says and whereto
// an answer points.
func TestBearerTakesNoProxy(t *testing.T) {
	var proxied, elsewhere atomic.Int64
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { proxied.Add(1); io.WriteString(w, "ok") }))
	defer proxy.Close()
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer other.Close()
	daemon := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
	at := strings.TrimPrefix(daemon.URL, "http://")
	to, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	usual := http.DefaultTransport.(*http.Transport) // reads the environment once, and never for loopback: so in its place
	before := usual.Proxy
	usual.Proxy = http.ProxyURL(to)
	defer func() { usual.Proxy = before }()
	if err := askConsents(io.Discard, at, auth.NewSecret("bearer"), "person"); err == nil {
		t.Error("an answer that points elsewhere is taken")
	}
	daemon.Close()
	if answersLive(t.Context(), at) {
		t.Error("a daemon that does not run is called alive")
	}
	if proxied.Load() != 0 || elsewhere.Load() != 0 {
		t.Errorf("%d requests went through the proxy, %d elsewhere", proxied.Load(), elsewhere.Load())
	}
}
