package demotest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"alcove/cmd/alcove/internal/alcovetest"
	"alcove/cmd/alcove/internal/cli"
	"alcove/cmd/alcove/internal/dev"
	"alcove/cmd/alcove/internal/keyfile"
	"alcove/cmd/alcove/internal/operator"
	"alcove/room"
)

// Stop ends the daemon as a service manager does.
func (p *Process) Stop() {
	p.T.Helper()
	if err := p.Cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.T.Fatal(err)
	}
	if err := p.Cmd.Wait(); err != nil {
		p.T.Errorf("stopped with %v", err)
	}
}

// CopyTo copies some of the state, as the upgrade page says.
func (p *Process) CopyTo(folder string, names ...string) {
	p.T.Helper()
	for _, name := range names {
		from := filepath.Join(p.Dir, name)
		info, err := os.Stat(from)
		if err != nil {
			p.T.Fatal(err)
		}
		if info.IsDir() {
			if err := os.CopyFS(filepath.Join(folder, name), os.DirFS(from)); err != nil {
				p.T.Fatal(err)
			}
			continue
		}
		data, err := os.ReadFile(from)
		if err != nil {
			p.T.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), data, keyfile.ModeSecret); err != nil {
			p.T.Fatal(err)
		}
	}
}

// VerifyAudit says whether the audit log holds against a checkpoint.
func (p *Process) VerifyAudit(checkpoint string) (said string, err error) {
	p.T.Helper()
	var out bytes.Buffer
	err = operator.RunAudit(cli.Terminal{Out: &out, Err: io.Discard}, []string{"verify", "--key", filepath.Join(p.Dir, keyfile.AuditPublicFile),
		"--checkpoint", checkpoint, filepath.Join(p.Dir, "audit")})
	return out.String(), err
}

// Exported reads the answers of a person from the store of a daemon that is gone, as "what decision".
func (p *Process) Exported(sub string) (all []string) {
	p.T.Helper()
	name := filepath.Join(p.T.TempDir(), "alcove.yaml")
	alcovetest.WriteFile(p.T, name, strings.NewReplacer("DIR", p.Dir, "ISSUER", dev.Issuer).Replace(`listen: 127.0.0.1:8443
auth: {issuer: ISSUER, audience: alcove, jwks_file: DIR/jwks.json, person_key_file: DIR/person.key}
store: {dir: DIR/store, key_file: DIR/store.key}
audit: {dir: DIR/audit, key_file: DIR/audit.key}
`))
	var out bytes.Buffer
	if err := operator.RunConsent(cli.Terminal{Out: &out, Err: io.Discard}, []string{"export", "--config", name, "--sub", sub}); err != nil {
		p.T.Fatal(err)
	}
	for d := json.NewDecoder(&out); d.More(); {
		var r room.ConsentRecord
		if err := d.Decode(&r); err != nil {
			p.T.Fatal(err)
		}
		all = append(all, r.Kind+" "+r.Decision)
	}
	return all
}

// A Process is a daemon of its own, to be killed: `alcove dev` with a folder that stays.
type Process struct {
	T           *testing.T
	binary, Dir string
	Log         *alcovetest.Log
	Cmd         *exec.Cmd
	Base, Admin string
	Used        []string // tokens that were accepted
}

var greeting = regexp.MustCompile(`(?s)(http://localhost:\d+)/dev/host.*Health and metrics: (http://\S+)/metrics`)

// NewProcess runs this test's own binary under another name, which makes it the daemon (testscript.Main).
func NewProcess(t *testing.T) *Process {
	t.Helper()
	p := &Process{T: t, binary: alcovetest.Binary(t), Dir: filepath.Join(t.TempDir(), "data"), Log: &alcovetest.Log{}}
	p.Start()
	t.Cleanup(func() { p.Cmd.Process.Kill(); p.Cmd.Wait() })
	return p
}

func (p *Process) Start() {
	p.T.Helper()
	p.Cmd = exec.Command(p.binary, "dev", "--data", p.Dir, "--listen", "127.0.0.1:0", "--log", "debug", "--e2ee", "off") // its clients send no frames
	p.Cmd.Stderr = p.Log
	out, err := p.Cmd.StdoutPipe()
	if err != nil {
		p.T.Fatal(err)
	}
	if err := p.Cmd.Start(); err != nil {
		p.T.Fatal(err)
	}
	var said strings.Builder
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		said.WriteString(lines.Text() + "\n")
		if m := greeting.FindStringSubmatch(said.String()); m != nil {
			p.Base, p.Admin = m[1], m[2]
			go io.Copy(io.Discard, out)
			return
		}
	}
	p.T.Fatalf("the daemon says %s%s", said.String(), p.Log)
}

// Crash kills the daemon and starts it again. No token works a second time.
func (p *Process) Crash() {
	p.T.Helper()
	if err := p.Cmd.Process.Signal(syscall.SIGKILL); err != nil {
		p.T.Fatal(err)
	}
	p.Cmd.Wait()
	p.Start()
	for _, token := range p.Used {
		s := p.Dial()
		if a := s.Ask("hello", map[string]any{"token": token, "client": Client}); a.Error.Code != "invalid_token" {
			p.T.Errorf("a used token after a crash: %+v", a)
		}
		s.Conn.Close()
	}
}

func (p *Process) Dial() *Session {
	p.T.Helper()
	d := websocket.Dialer{Subprotocols: []string{"alcove.v1"}, HandshakeTimeout: 20 * time.Second}
	conn, _, err := d.Dial("ws"+strings.TrimPrefix(p.Base, "http")+"/v1/rtc", http.Header{
		"Origin": {p.Base}, "X-Forwarded-For": {canaryForwarded}, "User-Agent": {"canary-browser"},
	})
	if err != nil {
		p.T.Fatalf("%v\n%s", err, p.Log)
	}
	p.T.Cleanup(func() { conn.Close() })
	return &Session{t: p.T, Conn: conn, events: map[string]json.RawMessage{}}
}

func (p *Process) Token(query string) string {
	p.T.Helper()
	resp, body := alcovetest.Get(p.T, p.Base+"/dev/token?"+query)
	if resp.StatusCode != http.StatusOK {
		p.T.Fatalf("no token: %s", resp.Status)
	}
	return strings.TrimSpace(body)
}

func (p *Process) Enter(query string) *Session {
	p.T.Helper()
	token := p.Token(query)
	s := p.Dial()
	s.entered(s.Ask("hello", map[string]any{"token": token, "client": Client, "e2ee": 1}))
	p.Used = append(p.Used, token)
	return s
}

func (p *Process) Resume(old *Session) *Session {
	p.T.Helper()
	s := p.Dial()
	return s.entered(s.Ask("hello", p.Resumption(old)))
}

func (*Process) Resumption(old *Session) map[string]any {
	return map[string]any{"resume": map[string]string{"sessionId": old.ID, "secret": old.Secret}, "client": Client, "e2ee": 1}
}

// CheckLog verifies the log and looks for every act that was acknowledged, and for every token.
func (p *Process) CheckLog(acts map[string]int) {
	p.T.Helper()
	var said bytes.Buffer
	err := operator.RunAudit(cli.Terminal{Out: &said, Err: io.Discard}, []string{"verify", "--key", filepath.Join(p.Dir, keyfile.AuditPublicFile), filepath.Join(p.Dir, "audit")})
	if err != nil {
		p.T.Errorf("%v: %s", err, said.String())
	}
	data, err := os.ReadFile(filepath.Join(p.Dir, "audit", "entries"))
	if err != nil {
		p.T.Fatal(err)
	}
	acts["token.used"] = len(p.Used)
	for act, least := range acts {
		if n := strings.Count(string(data), `"act":"`+act+`"`); n < least {
			p.T.Errorf("the log holds %d times %s, want %d", n, act, least)
		}
	}
}

// CheckClear looks for what was planted in everything the daemon left.
func (p *Process) CheckClear(metrics string, secrets ...string) {
	p.T.Helper()
	planted := append([]string{"canary", "Canary", dev.Issuer, canaryForwarded, CanaryCandidate}, append(secrets, p.Used...)...)
	look := func(where, text string) {
		for _, s := range planted {
			if strings.Contains(text, s) {
				p.T.Errorf("%s holds %.20q", where, s)
			}
		}
	}
	look("the log", p.Log.String())
	look("the metrics", metrics)
	files := 0
	err := filepath.WalkDir(p.Dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		data, err := os.ReadFile(name)
		look(name, string(data))
		return err
	})
	if err != nil || files < 10 {
		p.T.Errorf("looked at %d files: %v", files, err)
	}
}

// TryEnter says hello and gives the code of the refusal, or the state.
func (p *Process) TryEnter(query string) string {
	p.T.Helper()
	s := p.Dial()
	defer s.Conn.Close()
	if a := s.Ask("hello", map[string]any{"token": p.Token(query), "client": Client}); !a.OK {
		return a.Error.Code
	} else {
		return s.entered(a).State
	}
}
