package record

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"filippo.io/age"
)

// TestRecipients checks that only native keys of one kind are accepted.
func TestRecipients(t *testing.T) {
	x := must(age.GenerateX25519Identity())(t).Recipient().String()
	pq := must(age.GenerateHybridIdentity())(t).Recipient().String()
	many := strings.Repeat(x+"\n", maxRecipients+1)
	tests := []struct {
		name, data string
		good       bool
		err        error
	}{
		{name: "one", data: x, good: true},
		{name: "two with a comment", data: "# the clinic\n" + x + "\n\n" + x + "\n", good: true},
		{name: "post-quantum", data: pq + "\n" + pq, good: true},
		{name: "mixed", data: x + "\n" + pq, err: ErrMixedRecipients},
		{name: "nothing", data: "# nobody\n"},
		{name: "a secret key", data: must(age.GenerateX25519Identity())(t).String()},
		{name: "an SSH key", data: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDyc9h1TDwPoPnXl1AaLbVEw"},
		{name: "too many", data: many},
	}
	for _, tt := range tests {
		r, err := ParseRecipients([]byte(tt.data))
		if (err == nil) != tt.good || r.Empty() == tt.good || tt.err != nil && !errors.Is(err, tt.err) {
			t.Errorf("%s: %v", tt.name, err)
		}
		if err != nil && strings.Contains(err.Error(), "AGE-SECRET") {
			t.Errorf("%s: the error shows a secret", tt.name)
		}
	}
}

// TestIdentities checks that a recording opens for the clinic's identity, of either kind, and for no other.
func TestIdentities(t *testing.T) {
	x, pq := must(age.GenerateX25519Identity())(t), must(age.GenerateHybridIdentity())(t)
	tests := []struct {
		name, to, identity string
		err                error
	}{
		{"X25519", x.Recipient().String(), x.String(), nil},
		{"hybrid", pq.Recipient().String(), pq.String(), nil},
		{"another", x.Recipient().String(), must(age.GenerateX25519Identity())(t).String(), ErrIdentity},
		{"another kind", pq.Recipient().String(), x.String(), ErrIdentity},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newClinic(t, func(cfg *Config) {
				cfg.Recipients = func() (Recipients, error) { return ParseRecipients([]byte(tt.to)) }
			})
			c.start(audioOf("person-a")).Put(unit(0, began))
			if err := c.recorder.Close(); err != nil {
				t.Fatal(err)
			}
			o := must(NewOpener([]byte(tt.identity), c.keyring))(t)
			s, err := o.read(c.disk, c.disk.segments(t)[0])
			if !errors.Is(err, tt.err) || tt.err == nil && s.units != 1 {
				t.Errorf("it says %v", err)
			}
		})
	}
	if _, err := NewOpener([]byte(x.Recipient().String()), nil); err == nil {
		t.Error("a public key is taken for an identity")
	}
}

// TestLostRecipients checks that no recording begins without recipients.
func TestLostRecipients(t *testing.T) {
	lost := false
	c := newClinic(t, nil)
	good := c.recorder.cfg
	good.Recipients = func() (Recipients, error) {
		if lost {
			return Recipients{}, fs.ErrNotExist
		}
		return c.recipients()
	}
	r := must(Open(good))(t)
	lost = true
	if _, err := r.Start(audioOf("person-a")); !errors.Is(err, ErrRecipients) {
		t.Errorf("it says %v", err)
	}
	if err := os.Remove(c.files.Copy); err != nil {
		t.Fatal(err)
	}
	lost = false
	if _, err := r.Start(audioOf("person-a")); !errors.Is(err, ErrKeyring) {
		t.Errorf("without the second place it says %v", err)
	}
	if len(c.disk.files) > 0 {
		t.Error("a file is left")
	}
	if err := errors.Join(r.Close(), c.recorder.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestGC checks that exactly the expired segments are removed, except held, unknown and unreadable ones.
func TestGC(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClinic(t, nil)
		for _, i := range []Info{
			{Session: "s1", Person: "p1", Class: "short"}, {Session: "s2", Person: "p1", Class: "short"}, {Session: "s3", Person: "p2", Class: "short"},
			{Session: "s1", Person: "p1", Class: "long"}, {Session: "s1", Person: "p1", Class: "ever"}, {Session: "s1", Person: "p1", Class: "gone"},
		} {
			i.Kind, i.Codec, i.Source, i.ClockRate, i.Purpose = Audio, Opus, "microphone", 48000, "test"
			c.start(i).Put(unit(0, time.Now()))
		}
		if err := c.recorder.Close(); err != nil {
			t.Fatal(err)
		}
		c.disk.files["junk"+suffix] = &onDisk{now: []byte("junk")}
		classes := Classes{"short": 24 * time.Hour, "long": 48 * time.Hour, "ever": 0}
		for _, h := range []Hold{{Session: "s2"}, {Person: "p2"}} {
			if changed, err := SetHold(c.disk, h, true); err != nil || !changed {
				t.Fatal(changed, err)
			}
			if changed, err := SetHold(c.disk, h, true); err != nil || changed {
				t.Error("a hold is set twice", err)
			}
		}
		begin := time.Now()
		steps := []struct {
			after time.Duration
			want  GCResult
		}{
			{23 * time.Hour, GCResult{Unknown: 2}},
			{24 * time.Hour, GCResult{Removed: 1, Held: 2, Unknown: 2}},
			{25 * time.Hour, GCResult{Held: 2, Unknown: 2}},
			{49 * time.Hour, GCResult{Removed: 1, Held: 2, Unknown: 2}},
		}
		for _, step := range steps {
			if got := must(GC(c.disk, classes, begin.Add(step.after), nil))(t); got != step.want {
				t.Errorf("after %v: %+v, want %+v", step.after, got, step.want)
			}
		}
		if changed, err := SetHold(c.disk, Hold{Session: "s2"}, false); err != nil || !changed {
			t.Fatal(changed, err)
		}
		if got := must(GC(c.disk, classes, begin.Add(50*time.Hour), nil))(t); got.Removed != 1 || got.Held != 1 {
			t.Errorf("after the release: %+v", got)
		}
		c.disk.files[holdsFile].now = []byte("[{")
		if _, err := GC(c.disk, classes, begin.Add(1e6*time.Hour), nil); err == nil {
			t.Error("holds that cannot be read keep nothing")
		}
	})
}

// TestFolder records into a real folder: plaintext is nowhere below, names are random ids, modes are private, and nothing follows a
// link out of it.
func TestFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "recordings")
	l := must(OpenFolder(dir))(t)
	c := newClinic(t, func(cfg *Config) { cfg.Storage = l; cfg.MinFree = 1 })
	const secret = "person-a"
	track := c.start(audioOf(secret))
	for n := range 500 {
		track.Put(unit(n, began))
	}
	if err := c.recorder.Close(); err != nil {
		t.Fatal(err)
	}
	found := 0
	err := filepath.WalkDir(filepath.Dir(dir), func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		found++
		data, err := os.ReadFile(name)
		if bytes.Contains(data, pattern) {
			t.Errorf("%s holds plaintext", name)
		}
		if id, ok := strings.CutSuffix(d.Name(), suffix); !ok || !isID(id) {
			t.Errorf("%s is no random id", d.Name())
		}
		if info := must(d.Info())(t); info.Mode().Perm() != modeFile {
			t.Errorf("%s has mode %v", d.Name(), info.Mode())
		}
		return err
	})
	if err != nil || found != 1 {
		t.Fatalf("%d files (%v)", found, err)
	}
	if r := c.verify(l); len(r.Problems) > 0 || r.Tracks[0].Units != 500 {
		t.Errorf("report is %+v", r)
	}
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(outside, nil, modeFile); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "link"+suffix)); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Open("link" + suffix); err == nil {
		t.Error("a link leads out of the folder")
	}
	if _, err := l.Create("link" + suffix); err == nil {
		t.Error("a link is written through")
	}
	if _, err := l.Create("../escaped"); err == nil {
		t.Error("a name leads out of the folder")
	}
	if free, err := l.(FreeSpacer).Free(); err != nil || free == 0 {
		t.Errorf("%d bytes are free (%v)", free, err)
	}
}

// TestNoCoreDumps queries the kernel from a child process.
func TestNoCoreDumps(t *testing.T) {
	if runtime.GOOS != "linux" {
		return // there is nothing to ask: NoCoreDumps says so
	}
	const child = "ALCOVE_TEST_NO_CORE_DUMPS"
	if os.Getenv(child) == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestNoCoreDumps$", "-test.v")
		cmd.Env = append(os.Environ(), child+"=1")
		out, err := cmd.CombinedOutput()
		if err != nil || !bytes.Contains(out, []byte("nothing would be dumped")) {
			t.Errorf("%s (%v)", out, err)
		}
		return
	}
	if dumpable, err := Dumpable(); err != nil || !dumpable {
		t.Fatalf("before, it is %v (%v): the test shows nothing", dumpable, err)
	}
	if err := NoCoreDumps(); err != nil {
		t.Fatal(err)
	}
	if dumpable, err := Dumpable(); err != nil || dumpable {
		t.Fatalf("after, it is %v (%v)", dumpable, err)
	}
	t.Log("nothing would be dumped")
}
