package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/gorilla/websocket"
)

// serveFolder holds a configuration with keys and a certificate.
func serveFolder(t *testing.T) (folder string, roots *x509.CertPool) {
	t.Helper()
	folder = t.TempDir()
	if _, _, err := makeKeys(folder); err != nil {
		t.Fatal(err)
	}
	cert, roots := selfSigned(t)
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	media, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := media.LocalAddr().(*net.UDPAddr).Port
	media.Close()
	for name, content := range map[string][]byte{
		"cert.pem": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]}),
		"key.pem":  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}),
		"alcove.yaml": fmt.Appendf(nil, `listen: 127.0.0.1:0
admin: 127.0.0.1:0
tls: {cert_file: cert.pem, key_file: key.pem}
auth: {issuer: https://id.example.org, audience: alcove, jwks_file: jwks.json, person_key_file: person.key}
media: {listen: 127.0.0.1, port: %d}
`, port),
	} {
		if err := os.WriteFile(filepath.Join(folder, name), content, modeSecret); err != nil {
			t.Fatal(err)
		}
	}
	return folder, roots
}

// The operator's way: keys, a configuration, serve, a token, a seat, and SIGTERM.
func TestServe(t *testing.T) {
	folder, roots := serveFolder(t)
	config := filepath.Join(folder, "alcove.yaml")
	logs, logWriter := io.Pipe()
	stopped := make(chan error, 1)
	go func() {
		err := runServe(terminal{nil, io.Discard, logWriter}, []string{"--config", config})
		logWriter.Close()
		stopped <- err
	}()
	lines := bufio.NewScanner(logs)
	var serving struct {
		Message string   `json:"msg"`
		Listen  []string `json:"listen"`
		Admin   string   `json:"admin"`
	}
	for serving.Message != "serving" {
		if !lines.Scan() {
			t.Fatalf("it did not start: %v", <-stopped)
		}
		if err := json.Unmarshal(lines.Bytes(), &serving); err != nil {
			t.Fatalf("%q is not JSON: %v", lines.Text(), err)
		}
	}
	var rest strings.Builder
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		for lines.Scan() {
			rest.WriteString(lines.Text() + "\n")
		}
	}()
	var token bytes.Buffer
	err := runToken(terminal{nil, &token, io.Discard}, []string{"--config", config, "--key", filepath.Join(folder, signingKeyFile),
		"--room", "tuesday", "--sub", "planted-sub", "--name", "PlantedName"})
	if err != nil {
		t.Fatal(err)
	}
	join := func(token string) string {
		dialer := websocket.Dialer{Subprotocols: []string{"alcove.v1"}, TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "localhost"}}
		conn, _, err := dialer.Dial("wss://"+serving.Listen[0]+"/v1/rtc", http.Header{"Authorization": {"Bearer " + token}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		message := `{"id":"1","type":"hello","data":{"client":{"name":"test","version":"1"}}}`
		if err := conn.WriteMessage(websocket.TextMessage, []byte(message)); err != nil {
			t.Fatal(err)
		}
		return next(t, conn)
	}
	if answer := join(strings.TrimSpace(token.String())); !strings.Contains(answer, `"state":"waiting"`) {
		t.Errorf("a participant hears %s", answer)
	}
	if answer := join(strings.TrimSpace(token.String())); !strings.Contains(answer, `"invalid_token","message":"the token was refused"`) {
		t.Errorf("a replayed token hears %s", answer)
	}
	if resp, _ := get(t, "http://"+serving.Admin+"/readyz"); resp.StatusCode != http.StatusOK {
		t.Errorf("readyz says %s", resp.Status)
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := <-stopped; err != nil {
		t.Errorf("stopped with %v", err)
	}
	<-drained
	if log := rest.String(); strings.Contains(log, "lanted") || strings.Contains(log, "tuesday") || !strings.Contains(log, `"used"`) {
		t.Errorf("the log says\n%s", log)
	}
}
