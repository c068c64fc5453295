package main

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

	"alcove/room"
)

// A process is a daemon of its own, to be killed: `alcove dev` with a folder that stays.
type process struct {
	t           *testing.T
	binary, dir string
	log         *lockedBuffer
	cmd         *exec.Cmd
	base, admin string
	used        []string // tokens that were accepted
}

var greeting = regexp.MustCompile(`(?s)(http://localhost:\d+)/dev/host.*Health and metrics: (http://\S+)/metrics`)

// newProcess runs this test's own binary under another name, which makes it the daemon (testscript.Main).
func newProcess(t *testing.T) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(t.TempDir(), "alcove")
	if err := os.Symlink(self, binary); err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, binary: binary, dir: filepath.Join(t.TempDir(), "data"), log: &lockedBuffer{}}
	p.start()
	t.Cleanup(func() { p.cmd.Process.Kill(); p.cmd.Wait() })
	return p
}

func (p *process) start() {
	p.t.Helper()
	p.cmd = exec.Command(p.binary, "dev", "--data", p.dir, "--listen", "127.0.0.1:0", "--log", "debug")
	p.cmd.Stderr = p.log
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	var said strings.Builder
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		said.WriteString(lines.Text() + "\n")
		if m := greeting.FindStringSubmatch(said.String()); m != nil {
			p.base, p.admin = m[1], m[2]
			go io.Copy(io.Discard, out)
			return
		}
	}
	p.t.Fatalf("the daemon says %s%s", said.String(), p.log)
}

// crash kills the daemon and starts it again. No token works a second time.
func (p *process) crash() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		p.t.Fatal(err)
	}
	p.cmd.Wait()
	p.start()
	for _, token := range p.used {
		s := p.dial()
		if a := s.ask("hello", map[string]any{"token": token, "client": client}); a.Error.Code != "invalid_token" {
			p.t.Errorf("a used token after a crash: %+v", a)
		}
		s.conn.Close()
	}
}

// A session is one connection.
type session struct {
	t      *testing.T
	conn   *websocket.Conn
	events map[string]json.RawMessage // the newest of each type
	n      int
	ID     string `json:"sessionId"`
	Secret string `json:"resumeSecret"`
	Seat   string `json:"participantId"`
	State  string `json:"state"`

	care
}

// care is what is asked of one.
type care struct {
	Needs     []string                    `json:"needs"`
	Agreement []struct{ TextHash string } `json:"agreement"`
	Consents  []struct {
		Scope    string
		Decision string
		Texts    []struct{ TextHash string }
	} `json:"consents"`
}

// A frame is an answer or an event.
type frame struct {
	ID    string          `json:"id"`
	OK    bool            `json:"ok"`
	Type  string          `json:"type"`
	Data  json.RawMessage `json:"data"`
	Error struct {
		Code string `json:"code"`
	} `json:"error"`
}

var nothing = map[string]any{}

var client = map[string]string{"name": "canary-client", "version": "1"}

// Addresses that a client could be traced by (RFC 5737): one it says it comes from, one in its offer.
const (
	canaryForwarded = "203.0.113.77"
	canaryCandidate = "198.51.100.88"
)

func (p *process) dial() *session {
	p.t.Helper()
	d := websocket.Dialer{Subprotocols: []string{"alcove.v1"}, HandshakeTimeout: 20 * time.Second}
	conn, _, err := d.Dial("ws"+strings.TrimPrefix(p.base, "http")+"/v1/rtc", http.Header{
		"Origin": {p.base}, "X-Forwarded-For": {canaryForwarded}, "User-Agent": {"canary-browser"},
	})
	if err != nil {
		p.t.Fatalf("%v\n%s", err, p.log)
	}
	p.t.Cleanup(func() { conn.Close() })
	return &session{t: p.t, conn: conn, events: map[string]json.RawMessage{}}
}

func (s *session) send(kind string, data any) string {
	s.t.Helper()
	s.n++
	id := kind + "-" + string(rune('a'+s.n))
	if err := s.conn.WriteJSON(map[string]any{"id": id, "type": kind, "data": data}); err != nil {
		s.t.Fatal(err)
	}
	return id
}

func (s *session) next() frame {
	s.t.Helper()
	s.conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	var f frame
	if err := s.conn.ReadJSON(&f); err != nil {
		s.t.Fatal(err)
	}
	if f.ID == "" {
		s.events[f.Type] = f.Data
	}
	return f
}

func (s *session) ask(kind string, data any) frame {
	s.t.Helper()
	id := s.send(kind, data)
	for {
		if f := s.next(); f.ID == id {
			return f
		}
	}
}

func (s *session) must(kind string, data any) {
	s.t.Helper()
	if f := s.ask(kind, data); !f.OK {
		s.t.Fatalf("%s is answered %+v", kind, f)
	}
}

// heard waits for an event that holds some text.
func (s *session) heard(kind, text string) {
	s.t.Helper()
	for !strings.Contains(string(s.events[kind]), text) {
		s.next()
	}
}

func (s *session) entered(f frame) *session {
	s.t.Helper()
	if err := json.Unmarshal(f.Data, s); err != nil || !f.OK {
		s.t.Fatalf("hello is answered %+v", f)
	}
	return s
}

func (p *process) token(query string) string {
	p.t.Helper()
	resp, body := get(p.t, p.base+"/dev/token?"+query)
	if resp.StatusCode != http.StatusOK {
		p.t.Fatalf("no token: %s", resp.Status)
	}
	return strings.TrimSpace(body)
}

func (p *process) enter(query string) *session {
	p.t.Helper()
	token := p.token(query)
	s := p.dial()
	s.entered(s.ask("hello", map[string]any{"token": token, "client": client}))
	p.used = append(p.used, token)
	return s
}

func (p *process) resume(old *session) *session {
	p.t.Helper()
	s := p.dial()
	return s.entered(s.ask("hello", p.resumption(old)))
}

func (*process) resumption(old *session) map[string]any {
	return map[string]any{"resume": map[string]string{"sessionId": old.ID, "secret": old.Secret}, "client": client}
}

const (
	canaryHost = "room=canary-room&sub=canary-host&name=CanaryHost&role=host"
	canaryAnn  = "room=canary-room&sub=canary-ann&name=CanaryAnn"
	canaryBob  = "room=canary-room&sub=canary-bob&name=CanaryBob"
)

// The daemon is killed five times in the middle of a session. What it acknowledged holds, nothing works twice, and the log
// proves it all; and nothing of what was said is on the disk in clear.
func TestKill(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	host, ann := p.enter(canaryHost), p.enter(canaryAnn)
	host.must("waiting.admit", map[string]any{"participantIds": []string{ann.Seat}})

	p.crash() // after an admission
	host, ann = p.resume(host), p.resume(ann)
	if host.State != "admitted" || ann.State != "admitted" {
		t.Errorf("after the first crash the host is %s, Ann %s", host.State, ann.State)
	}
	host.must("room.lock", nothing)

	p.crash() // after a lock
	host = p.resume(host)
	host.heard("room.updated", `"locked":true`)
	host.must("mod.remove", map[string]any{"participantId": ann.Seat, "message": "canary-words"})

	p.crash() // after a bar
	host = p.resume(host)
	host.heard("barred.list", ann.Seat)
	host.heard("room.updated", `"locked":true`)
	s := p.dial()
	if a := s.ask("hello", p.resumption(ann)); a.OK {
		t.Error("who was removed resumes after a crash")
	}
	s = p.dial()
	token := p.token(canaryAnn)
	if a := s.ask("hello", map[string]any{"token": token, "client": client}); a.Error.Code != "barred" && a.Error.Code != "removed" {
		t.Errorf("who is barred hears %+v", a)
	}
	p.used = append(p.used, token)
	host.must("room.unlock", nothing)
	bob := p.enter(canaryBob)

	p.crash() // after somebody came
	host = p.resume(host)
	host.heard("room.updated", `"locked":false`)
	if bob = p.resume(bob); bob.State != "waiting" {
		t.Errorf("Bob is %s", bob.State)
	}
	host.send("waiting.admit", map[string]any{"participantIds": []string{bob.Seat}})
	host.send("room.lock", nothing)

	p.crash() // in the middle of two acts
	host = p.resume(host)
	_, metrics := get(t, p.admin+"/metrics")
	host.must("room.end", nothing)
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("stopped with %v", err)
	}
	p.checkLog(map[string]int{
		room.ActAdmitted: 2, room.ActLocked: 1, room.ActBarred: 1, room.ActUnlocked: 1, room.ActSessionEnded: 1,
	})
	p.checkClear(metrics, host.Secret, bob.Secret)
}

// checkLog verifies the log and looks for every act that was acknowledged, and for every token.
func (p *process) checkLog(acts map[string]int) {
	p.t.Helper()
	var said bytes.Buffer
	err := runAudit(terminal{nil, &said, io.Discard}, []string{"verify", "--key", filepath.Join(p.dir, auditPublic), filepath.Join(p.dir, "audit")})
	if err != nil {
		p.t.Errorf("%v: %s", err, said.String())
	}
	data, err := os.ReadFile(filepath.Join(p.dir, "audit", "entries"))
	if err != nil {
		p.t.Fatal(err)
	}
	acts["token.used"] = len(p.used)
	for act, least := range acts {
		if n := strings.Count(string(data), `"act":"`+act+`"`); n < least {
			p.t.Errorf("the log holds %d times %s, want %d", n, act, least)
		}
	}
}

// checkClear looks for what was planted in everything the daemon left.
func (p *process) checkClear(metrics string, secrets ...string) {
	p.t.Helper()
	planted := append([]string{"canary", "Canary", devIssuer, canaryForwarded, canaryCandidate}, append(secrets, p.used...)...)
	look := func(where, text string) {
		for _, s := range planted {
			if strings.Contains(text, s) {
				p.t.Errorf("%s holds %.20q", where, s)
			}
		}
	}
	look("the log", p.log.String())
	look("the metrics", metrics)
	files := 0
	err := filepath.WalkDir(p.dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		data, err := os.ReadFile(name)
		look(name, string(data))
		return err
	})
	if err != nil || files < 10 {
		p.t.Errorf("looked at %d files: %v", files, err)
	}
}
