package dev

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"alcove/auth"
	"alcove/auth/e2ee"
	"alcove/cmd/alcove/internal/config"
)

const testRecipient = "53b758d258daabe832a9abd00e2f3499760998ecca995947da17be2a78b0a2ef" // SHA-256 of a key

// TestEncryptedLinks checks that the demo's links carry the same fields as those of a clinic, and that k is the key that the issuer's
// functions derive.
func TestEncryptedLinks(t *testing.T) {
	key := e2ee.GenerateClinicKey()
	c := config.Default()
	if err := setEncryption(&c, "required"); err != nil {
		t.Fatal(err)
	}
	links := newTokenLinks(auth.GenerateSigningKey(), key, c.Policies, []string{testRecipient})
	open := func(path string) (token, k string) {
		t.Helper()
		r := httptest.NewRequest(http.MethodGet, "http://localhost:8080"+path, nil)
		w := httptest.NewRecorder()
		links.ServeHTTP(w, r)
		link := w.Header().Get("Location")
		if strings.HasPrefix(path, "/dev/link") {
			link = strings.TrimSpace(w.Body.String())
		}
		link, k, _ = strings.Cut(link, "&k=")
		return strings.TrimPrefix(link, "/#t="), k
	}
	for _, c := range []struct {
		path, name string
		role       auth.Role
	}{
		{"/dev/host", HostName, auth.Host},
		{"/dev/join?name=Mara", "Mara", auth.Participant},
		{"/dev/link?name=Mara&role=observer&policy=default", "Mara", auth.Observer},
	} {
		token, k := open(c.path)
		if want := key.Link(demoRoom, demoSession, c.role, c.name, auth.NewSecret(token)).Reveal(); k != want || k == "" {
			t.Errorf("%s: another k than the issuer derives", c.path)
		}
		if got := payload(t, token); !strings.Contains(got, `"e2ee":"required"`) || !strings.Contains(got, testRecipient) || strings.Contains(got, k) {
			t.Errorf("%s: claims are %s", c.path, got)
		}
	}
	if token, k := open("/dev/link?level=code"); k != "" || !strings.Contains(payload(t, token), `"e2ee":"required"`) {
		t.Error("a link of level code has a k, or does not promise encryption")
	}
	if token, k := open("/dev/host?e2ee=off"); k != "" || strings.Contains(payload(t, token), "e2ee") {
		t.Error("a link that promises nothing has a k")
	}
}

func payload(t *testing.T, token string) string {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
