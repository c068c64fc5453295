package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"alcove/cmd/alcove/internal/alcovetest"
	"alcove/cmd/alcove/internal/cli"
	"alcove/cmd/alcove/internal/daemon"
	"alcove/cmd/alcove/internal/keyfile"
	"alcove/cmd/alcove/internal/operator"
)

// A serving is a daemon of `alcove serve` in this process.
type serving struct {
	t       *testing.T
	folder  string
	config  string
	roots   *x509.CertPool
	log     *alcovetest.Log
	stopped chan error
	end     func()
	logged  chan struct{} // closed when the log is whole
	Message string        `json:"msg"`
	Listen  []string      `json:"listen"`
	Admin   string        `json:"admin"`
}

// startServe starts a daemon and waits until it serves.
func startServe(t *testing.T, folder string, roots *x509.CertPool) *serving {
	t.Helper()
	s := &serving{t: t, folder: folder, config: filepath.Join(folder, "alcove.yaml"), roots: roots, log: &alcovetest.Log{}, stopped: make(chan error, 1), logged: make(chan struct{})}
	logs, logWriter := io.Pipe()
	graceful, stop := context.WithCancel(context.Background())
	s.end = stop
	go func() {
		err := serve(cli.Terminal{Out: io.Discard, Err: logWriter}, []string{"--config", s.config}, daemon.StopSignals{Graceful: graceful, Forced: context.Background()})
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
	args = append([]string{"--config", s.config, "--key", filepath.Join(s.folder, keyfile.SigningFile)}, args...)
	if err := operator.RunToken(cli.Terminal{Out: &token, Err: io.Discard}, args); err != nil {
		s.t.Fatal(err)
	}
	return strings.TrimSpace(token.String())
}

// join joins with a token and returns the connection and the answer.
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
	return conn, alcovetest.Next(s.t, conn)
}

// stop ends the daemon as the first signal does.
func (s *serving) stop() {
	s.t.Helper()
	s.end()
	if err := <-s.stopped; err != nil {
		s.t.Errorf("stopped with %v", err)
	}
	<-s.logged
}

// TestServe follows an operator: keys, a configuration, serve, a token, a join, and SIGTERM.
func TestServe(t *testing.T) {
	t.Parallel()
	folder, roots := alcovetest.Folder(t)
	s := startServe(t, folder, roots)
	token := s.token("--room", "tuesday", "--sub", "planted-sub", "--name", "PlantedName")
	if _, answer := s.join(token); !strings.Contains(answer, `"state":"waiting"`) {
		t.Errorf("a participant hears %s", answer)
	}
	if _, answer := s.join(token); !strings.Contains(answer, `"invalid_token","message":"the token was refused"`) {
		t.Errorf("a replayed token hears %s", answer)
	}
	if resp, _ := alcovetest.Get(t, "http://"+s.Admin+"/readyz"); resp.StatusCode != http.StatusOK {
		t.Errorf("readyz says %s", resp.Status)
	}
	s.stop()
	if log := s.log.String(); strings.Contains(log, "lanted") || strings.Contains(log, "tuesday") || !strings.Contains(log, `"used"`) {
		t.Errorf("the log says\n%s", log)
	}
}

// TestPortsInUse checks that a daemon that cannot bind a port names the port, the configuration key and the remedy.
func TestPortsInUse(t *testing.T) {
	t.Parallel()
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
		folder, _ := alcovetest.Folder(t)
		name := filepath.Join(folder, "alcove.yaml")
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, regexp.MustCompile(pattern).ReplaceAll(text, []byte(c.with)), keyfile.ModeSecret); err != nil {
			t.Fatal(err)
		}
		err = runServe(cli.Terminal{Out: io.Discard, Err: io.Discard}, []string{"--config", name})
		if err == nil || !strings.Contains(err.Error(), c.says+" is taken by another program (fix: `ss -lntup`") {
			t.Errorf("%s: %v", pattern, err)
		}
	}
}
