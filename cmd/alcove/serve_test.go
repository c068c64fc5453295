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
	"regexp"
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
	roots = putCertificate(t, folder)
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
		if err := os.WriteFile(filepath.Join(folder, name), content, modeSecret); err != nil {
			t.Fatal(err)
		}
	}
	return folder, roots
}

// putCertificate writes a new certificate for localhost and its key into a folder, and gives who trusts it.
func putCertificate(t *testing.T, folder string) *x509.CertPool {
	t.Helper()
	cert, roots := selfSigned(t)
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		"cert.pem": {Type: "CERTIFICATE", Bytes: cert.Certificate[0]}, "key.pem": {Type: "PRIVATE KEY", Bytes: key},
	} {
		if err := os.WriteFile(filepath.Join(folder, name), pem.EncodeToMemory(block), modeSecret); err != nil {
			t.Fatal(err)
		}
	}
	return roots
}

// A serving is a daemon of `alcove serve` in this process.
type serving struct {
	t       *testing.T
	folder  string
	config  string
	roots   *x509.CertPool
	log     *lockedBuffer
	stopped chan error
	logged  chan struct{} // closed when the log is whole
	Message string        `json:"msg"`
	Listen  []string      `json:"listen"`
	Admin   string        `json:"admin"`
}

// startServe waits until the daemon says that it serves.
func startServe(t *testing.T, folder string, roots *x509.CertPool) *serving {
	t.Helper()
	s := &serving{t: t, folder: folder, config: filepath.Join(folder, "alcove.yaml"), roots: roots, log: &lockedBuffer{}, stopped: make(chan error, 1), logged: make(chan struct{})}
	logs, logWriter := io.Pipe()
	go func() {
		err := runServe(terminal{nil, io.Discard, logWriter}, []string{"--config", s.config})
		logWriter.Close()
		s.stopped <- err
	}()
	lines := bufio.NewScanner(logs)
	for s.Message != "serving" {
		if !lines.Scan() {
			t.Fatalf("it did not start: %v", <-s.stopped)
		}
		if err := json.Unmarshal(lines.Bytes(), s); err != nil {
			t.Fatalf("%q is not JSON: %v", lines.Text(), err)
		}
	}
	go func() {
		for lines.Scan() {
			fmt.Fprintln(s.log, lines.Text())
		}
		close(s.logged)
	}()
	return s
}

func (s *serving) token(args ...string) string {
	s.t.Helper()
	var token bytes.Buffer
	args = append([]string{"--config", s.config, "--key", filepath.Join(s.folder, signingKeyFile)}, args...)
	if err := runToken(terminal{nil, &token, io.Discard}, args); err != nil {
		s.t.Fatal(err)
	}
	return strings.TrimSpace(token.String())
}

// join enters with a token and gives the connection and the answer.
func (s *serving) join(token string) (*websocket.Conn, string) {
	s.t.Helper()
	dialer := websocket.Dialer{Subprotocols: []string{"alcove.v1"}, TLSClientConfig: &tls.Config{RootCAs: s.roots, ServerName: "localhost"}}
	conn, _, err := dialer.Dial("wss://"+s.Listen[0]+"/v1/rtc", http.Header{"Authorization": {"Bearer " + token}})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	message := `{"id":"1","type":"hello","data":{"client":{"name":"test","version":"1"}}}`
	if err := conn.WriteMessage(websocket.TextMessage, []byte(message)); err != nil {
		s.t.Fatal(err)
	}
	return conn, next(s.t, conn)
}

// stop ends the daemon as a service manager does.
func (s *serving) stop() {
	s.t.Helper()
	if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
		s.t.Fatal(err)
	}
	if err := <-s.stopped; err != nil {
		s.t.Errorf("stopped with %v", err)
	}
	<-s.logged
}

// The operator's way: keys, a configuration, serve, a token, a seat, and SIGTERM.
func TestServe(t *testing.T) {
	folder, roots := serveFolder(t)
	s := startServe(t, folder, roots)
	token := s.token("--room", "tuesday", "--sub", "planted-sub", "--name", "PlantedName")
	if _, answer := s.join(token); !strings.Contains(answer, `"state":"waiting"`) {
		t.Errorf("a participant hears %s", answer)
	}
	if _, answer := s.join(token); !strings.Contains(answer, `"invalid_token","message":"the token was refused"`) {
		t.Errorf("a replayed token hears %s", answer)
	}
	if resp, _ := get(t, "http://"+s.Admin+"/readyz"); resp.StatusCode != http.StatusOK {
		t.Errorf("readyz says %s", resp.Status)
	}
	s.stop()
	if log := s.log.String(); strings.Contains(log, "lanted") || strings.Contains(log, "tuesday") || !strings.Contains(log, `"used"`) {
		t.Errorf("the log says\n%s", log)
	}
}

// TestPortsInUse: a daemon that cannot have a port names it, the key of the configuration, and what to do.
func TestPortsInUse(t *testing.T) {
	stream, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	datagrams, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer datagrams.Close()
	tcp, udp := stream.Addr().String(), datagrams.LocalAddr().(*net.UDPAddr)
	for pattern, c := range map[string]struct{ with, says string }{
		`listen: 127.0.0.1:0`: {"listen: " + tcp, "alcove.yaml:1: listen: tcp " + tcp},
		`admin: 127.0.0.1:0`:  {"admin: " + tcp, "alcove.yaml:2: admin: tcp " + tcp},
		`port: [0-9]+`:        {fmt.Sprint("port: ", udp.Port), "media.port: udp " + udp.String()},
	} {
		folder, _ := serveFolder(t)
		name := filepath.Join(folder, "alcove.yaml")
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, regexp.MustCompile(pattern).ReplaceAll(text, []byte(c.with)), modeSecret); err != nil {
			t.Fatal(err)
		}
		err = runServe(terminal{nil, io.Discard, io.Discard}, []string{"--config", name})
		if err == nil || !strings.Contains(err.Error(), c.says+" is taken by another program (fix: `ss -lntup`") {
			t.Errorf("%s: %v", pattern, err)
		}
	}
}
