package daemon

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/prometheus/client_golang/prometheus"

	"alcove/auth"
	"alcove/cmd/alcove/internal/alcovetest"
	"alcove/cmd/alcove/internal/dev"
	"alcove/cmd/alcove/internal/front"
	"alcove/cmd/alcove/internal/keyfile"
	"alcove/room"
	"alcove/room/live"
	"alcove/signaling"
	"alcove/signaling/api"
)

// adminToken signs a token for the admin API with the key in a folder, as an embedding app would.
func adminToken(t *testing.T, folder string, audience string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(folder, keyfile.SigningFile))
	if err != nil {
		t.Fatal(err)
	}
	var key struct{ Kid, D string }
	if err := json.Unmarshal(raw, &key); err != nil {
		t.Fatal(err)
	}
	seed, err := base64.RawURLEncoding.DecodeString(key.D)
	if err != nil {
		t.Fatal(err)
	}
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, jwt.MapClaims{
		"iss": dev.Issuer, "aud": audience, "iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix(),
	})
	token.Header["kid"] = key.Kid
	signed, err := token.SignedString(ed25519.NewKeyFromSeed(seed))
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// TestAdminAPI checks the admin API of a whole daemon: a list, a revocation, and the refusal of a token for joins.
func TestAdminAPI(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	r := startDevIn(t, folder)
	_, token := alcovetest.Get(t, r.base+"/dev/token?sub=maria&role=host&room=tuesday")
	_, answer := r.hello(t, strings.TrimSpace(token))
	if !strings.Contains(answer, `"state":"admitted"`) {
		t.Fatalf("a host hears %s", answer)
	}
	ask := func(token, method, path, body string) (int, string) {
		t.Helper()
		req, err := http.NewRequest(method, r.admin+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		answer, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(answer)
	}
	admin := adminToken(t, folder, auth.AdminAudience)
	if status, body := ask(admin, "GET", "/v1/rooms", ""); status != 200 || !strings.Contains(body, `"host":1`) || strings.Contains(body, "tuesday") {
		t.Errorf("the list: %d %s", status, body)
	}
	if status, body := ask(adminToken(t, folder, dev.Audience), "GET", "/v1/rooms", ""); status != 401 {
		t.Errorf("a token of another audience: %d %s", status, body)
	}
	if status, body := ask(admin, "POST", "/v1/revocations", `{"kind":"person","value":"maria"}`); status != 200 {
		t.Errorf("a revocation: %d %s", status, body)
	}
	_, token = alcovetest.Get(t, r.base+"/dev/token?sub=maria&role=host&room=tuesday")
	if _, answer := r.hello(t, strings.TrimSpace(token)); !strings.Contains(answer, "invalid_token") {
		t.Errorf("a revoked person hears %s", answer)
	}
	if status, body := ask(admin, "GET", "/v1/revocations", ""); status != 200 || !strings.Contains(body, `"kind":"person"`) || strings.Contains(body, "maria") {
		t.Errorf("the revocations: %d %s", status, body)
	}
	if status, body := ask(admin, "POST", "/v1/revocations/lift", `{"kind":"person","value":"maria"}`); status != 200 || body != `{"lifted":true}` {
		t.Errorf("a lift: %d %s", status, body)
	}
	_, token = alcovetest.Get(t, r.base+"/dev/token?sub=maria&role=host&room=friday")
	if _, answer := r.hello(t, strings.TrimSpace(token)); !strings.Contains(answer, `"state":"admitted"`) {
		t.Errorf("a person whose revocation was lifted hears %s", answer)
	}
	r.signals <- os.Interrupt
	if err := <-r.stopped; err != nil {
		t.Errorf("stopped with %v", err)
	}
}

type anyToken struct{}

func (anyToken) Verify(time.Time, auth.Secret) error { return nil }

// TestAdminAnswersWhenDiskHangs checks that a request that waits for a hanging disk gets an error instead of no response.
func TestAdminAnswersWhenDiskHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hash := func(name string) string { return name }
		server, err := signaling.NewServer(signaling.Config{
			Tokens: &auth.Verifier{}, Rooms: live.NewRegistry(live.Config{Media: &silence{}}), Metrics: signaling.NewMetrics(prometheus.NewRegistry(), ""),
			API: &api.Config{
				Tokens: anyToken{}, Room: hash, Person: hash, Issuer: dev.Issuer,
				Revoke:      func(auth.Revocation, func(error)) {}, // it hangs
				Restore:     func(context.Context, auth.RevocationKind, string) (bool, error) { return false, nil },
				Revocations: func(time.Time) []auth.Revocation { return nil },
				Consents:    func(context.Context, room.PersonID) ([]room.ConsentRecord, error) { return nil, nil },
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		near, far := net.Pipe()
		defer near.Close()
		d := Daemon{Admin: &oneConn{conn: far, done: make(chan struct{})}}
		admin := d.listeners(server, nil, nil, front.NewConnLimiters(d.Config), nil, mediaPlane{})[0]
		go admin.server.Serve(admin.listener)
		defer admin.server.Close()
		const wish = `{"kind":"token","value":"x"}`
		fmt.Fprintf(near, "POST /v1/revocations HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n", len(wish))
		time.Sleep(time.Second) // the wait for the disk begins with the body
		io.WriteString(near, wish)
		resp, err := http.ReadResponse(bufio.NewReader(near), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if body, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(body), "unavailable") {
			t.Errorf("%s %s, %v", resp.Status, body, err)
		}
	})
}

// oneConn is a listener that accepts one connection.
type oneConn struct {
	conn net.Conn // nil once it was accepted
	done chan struct{}
}

func (l *oneConn) Accept() (net.Conn, error) {
	if c := l.conn; c != nil {
		l.conn = nil
		return c, nil
	}
	<-l.done
	return nil, net.ErrClosed
}

func (l *oneConn) Close() error { close(l.done); return nil }

func (l *oneConn) Addr() net.Addr { return &net.TCPAddr{} }
