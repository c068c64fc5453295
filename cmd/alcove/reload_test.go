package main

import (
	"crypto/tls"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"alcove/auth"
	"alcove/cmd/alcove/internal/alcovetest"
	"alcove/cmd/alcove/internal/cli"
	"alcove/cmd/alcove/internal/demotest"
	"alcove/cmd/alcove/internal/keyfile"
)

// edit replaces text in a file of the daemon.
func (s *serving) edit(name string, change func(string) string) {
	s.t.Helper()
	path := filepath.Join(s.folder, name)
	data, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(change(string(data))), keyfile.ModeSecret); err != nil {
		s.t.Fatal(err)
	}
}

func (s *serving) add(lines string) {
	s.edit("alcove.yaml", func(text string) string { return text + lines })
}

// trusted reports whether a new handshake is with a certificate that the daemon has now.
func (s *serving) trusted() bool {
	conn, err := tls.Dial("tcp", s.Listen[0], &tls.Config{RootCAs: s.roots, ServerName: "localhost", NextProtos: []string{"http/1.1"}})
	if err == nil {
		conn.Close()
	}
	return err == nil
}

func (s *serving) page() string {
	s.t.Helper()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.roots, ServerName: "localhost"}, DisableKeepAlives: true}}
	resp, err := client.Get("https://" + s.Listen[0] + "/v1/page.json")
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(data)
}

// TestReload checks that a daemon applies the settings that can change while it runs, and keeps a call connected.
func TestReload(t *testing.T) {
	t.Parallel()
	folder, roots := alcovetest.Folder(t)
	s := startServe(t, folder, roots)
	defer s.stop()
	conn, answer := s.join(s.token("--room", "tuesday", "--sub", "h", "--role", "host"))
	if !strings.Contains(answer, `"state":"admitted"`) {
		t.Fatal(answer)
	}

	s.roots = alcovetest.PutCertificate(t, folder)
	fresh := auth.GenerateSigningKey()
	s.edit("jwks.json", func(string) string { return string(fresh.JWKS()) })
	s.add("page: {clinic: Other}\nlog: {level: debug}\nlimits: {rooms: 1}\nadmin: 127.0.0.1:1\npolicies: {night: {max_waiting: 3}}\n")
	s.edit("alcove.yaml", func(text string) string { return strings.Replace(text, "admin: 127.0.0.1:0\n", "", 1) })
	if said, code := demotest.Command(t, "reload", "--config", s.config); code != cli.ExitOK || !strings.Contains(said, "only a restart puts in force: admin") {
		t.Fatalf("reload: %d %s", code, said)
	}
	if !s.trusted() {
		t.Error("new handshakes get the old certificate")
	}
	if page := s.page(); !strings.Contains(page, `"clinic":"Other"`) {
		t.Errorf("the page is told %s", page)
	}
	if _, answer := s.join(s.token("--room", "wednesday", "--sub", "i", "--role", "host")); !strings.Contains(answer, "invalid_token") {
		t.Errorf("a token of a key that was taken away hears %s", answer)
	}
	if log := s.log.String(); !strings.Contains(log, `"needs_restart":["admin"]`) {
		t.Errorf("the log says\n%s", log)
	}

	// An invalid file changes nothing, and the error names its line.
	s.add("limit: 7\n")
	if said, code := demotest.Command(t, "reload", "--socket", filepath.Join(folder, "state", "alcove.sock")); code != cli.ExitError || !strings.Contains(said, `unknown key "limit"`) {
		t.Errorf("reload of a mistake: %d %s", code, said)
	}
	if !strings.Contains(s.page(), "Other") || !s.trusted() {
		t.Error("a mistake changed something")
	}
	if _, page := alcovetest.Get(t, "http://"+s.Admin+"/metrics"); !strings.Contains(page, `alcove_reloads_total{result="failed"} 1`) || !strings.Contains(page, `alcove_reloads_total{result="ok"} 1`) {
		t.Error("the reloads are not counted")
	}
	if err := conn.WriteMessage(1, []byte(`{"id":"9","type":"ping"}`)); err != nil {
		t.Fatal(err)
	}
	for !strings.Contains(alcovetest.Next(t, conn), `"id":"9","ok":true`) { // the call went on
	}
}

// TestReloadBySignal checks that SIGHUP reloads the configuration, and that the service manager is notified.
func TestReloadBySignal(t *testing.T) {
	folder, roots := alcovetest.Folder(t)
	socket := filepath.Join(t.TempDir(), "notify")
	heard := alcovetest.ListenNotify(t, socket)
	t.Setenv("NOTIFY_SOCKET", socket)
	s := startServe(t, folder, roots)
	defer s.stop()
	if got := heard(); got != "READY=1" {
		t.Errorf("heard %q first", got)
	}
	s.edit("jwks.json", func(string) string { return "{" })
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if got := heard(); !strings.HasPrefix(got, "RELOADING=1\nMONOTONIC_USEC=") || strings.HasSuffix(got, "=0") {
		t.Errorf("heard %q then", got)
	}
	if got := heard(); got != "READY=1" {
		t.Errorf("heard %q at last", got)
	}
	if log := s.log.String(); !strings.Contains(log, "the previous one stays in force") {
		alcovetest.Await(t, "the log tells of it", func() bool { return strings.Contains(s.log.String(), "the previous one stays in force") })
	}
	if _, answer := s.join(s.token("--room", "tuesday", "--sub", "h")); !strings.Contains(answer, `"state":"waiting"`) {
		t.Errorf("a token of the keys before hears %s", answer)
	}
}

// TestPoll checks that renewed files are loaded without a signal, and that a half-written pair of certificate and key is not used.
func TestPoll(t *testing.T) {
	t.Parallel()
	folder, roots := alcovetest.Folder(t)
	s := startServe(t, folder, roots)
	defer s.stop()
	key, err := os.ReadFile(filepath.Join(folder, "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	alcovetest.PutCertificate(t, folder)
	s.edit("key.pem", func(string) string { return string(key) })
	if !s.trusted() {
		t.Error("a certificate without its key took the place of a good one")
	}
	s.roots = alcovetest.PutCertificate(t, folder)
	alcovetest.Await(t, "the new certificate", s.trusted)
}
