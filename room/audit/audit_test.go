package audit

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"alcove/room"
)

// TestTree compares the tree with that of package tlog, at every size.
func TestTree(t *testing.T) {
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) (h []tlog.Hash, err error) {
		for _, i := range indexes {
			h = append(h, stored[i])
		}
		return h, nil
	})
	var grown tree
	for n := range int64(300) {
		data := fmt.Append(nil, "entry ", n)
		more, err := tlog.StoredHashes(n, data, reader)
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, more...)
		grown.add(tlog.RecordHash(data))
		if want, err := tlog.TreeHash(n+1, reader); err != nil || grown.root() != want {
			t.Fatalf("root of %d entries is %s, want %s (%v)", n+1, grown.root(), want, err)
		}
	}
}

// A testLog is a log of ten groups of three entries.
type testLog struct {
	key         Key
	disk        *disk
	checkpoints [][]byte // as they were after each group
}

func newTestLog(t testing.TB) testLog {
	t.Helper()
	w := testLog{key: testKey(t), disk: newDisk(1)}
	second := &memoryStore{}
	l := openLog(t, w.disk, w.key, nil)
	for i := range 10 {
		if _, err := l.Append(group(3*i, 3)); err != nil {
			t.Fatal(err)
		}
		s := newNoteReader(bytes.NewReader(w.disk.live[checkpointsFile].now))
		for {
			signed, err := s.next()
			if err != nil {
				break
			}
			second.signed = signed
		}
		w.checkpoints = append(w.checkpoints, second.signed)
	}
	return w
}

func (w testLog) lines() [][]byte {
	return bytes.SplitAfter(bytes.TrimSuffix(w.disk.live[entriesFile].now, nil), []byte("\n"))[:30]
}

func (w testLog) verify(t testing.TB, lines, checkpoints [][]byte, elsewhere []byte) Report {
	t.Helper()
	var notes []byte
	for _, c := range checkpoints {
		notes = append(append(notes, c...), '\n')
	}
	r, err := Verify(bytes.NewReader(notes), bytes.NewReader(bytes.Join(lines, nil)), w.key.verifier(), elsewhere)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestVerify(t *testing.T) {
	w := newTestLog(t)
	elsewhere := w.checkpoints[7] // 24 entries
	r := w.verify(t, w.lines(), w.checkpoints, nil)
	if r != (Report{Entries: 30}) {
		t.Errorf("a good log is %+v", r)
	}
	if r = w.verify(t, w.lines(), w.checkpoints, elsewhere); r != (Report{Entries: 30, Proven: 24}) {
		t.Errorf("a good log with a checkpoint is %+v", r)
	}
	for at := range 30 {
		edited := w.lines()
		edited[at] = bytes.Replace(edited[at], []byte("admitted"), []byte("refused!"), 1)
		removed := append(w.lines()[:at:at], w.lines()[at+1:]...)
		inserted := append(append(w.lines()[:at:at], []byte("{}\n")), w.lines()[at:]...)
		cases := map[string][][]byte{"edited": edited, "removed": removed, "inserted": inserted}
		if at < 29 {
			swapped := w.lines()
			swapped[at], swapped[at+1] = swapped[at+1], swapped[at]
			cases["reordered"] = swapped
		}
		for name, lines := range cases {
			if r := w.verify(t, lines, w.checkpoints, nil); r.Damage == nil || r.Damage.First != int64(at) || r.Damage.Last != int64(at) {
				t.Errorf("%s at %d: found %v", name, at, r.Damage)
			}
		}
	}
}

// TestVerifyTruncated removes the last groups together with their checkpoints.
func TestVerifyTruncated(t *testing.T) {
	w := newTestLog(t)
	for groups := range 10 {
		lines, checkpoints := w.lines()[:3*groups], w.checkpoints[:groups]
		if r := w.verify(t, lines, checkpoints, nil); r.Damage != nil || r.Entries != int64(3*groups) || r.Proven != 0 {
			t.Errorf("%d groups without a checkpoint are %+v", groups, r)
		}
		r := w.verify(t, lines, checkpoints, w.checkpoints[7])
		if groups < 8 && (r.Damage == nil || r.Damage.First != int64(3*groups) || !strings.Contains(r.Damage.Reason, "cut")) {
			t.Errorf("a cut after %d groups is found as %+v", groups, r.Damage)
		}
		if groups >= 8 && (r.Damage != nil || r.Proven != 24) {
			t.Errorf("%d groups are %+v", groups, r)
		}
	}
	if r := w.verify(t, w.lines()[:29], w.checkpoints, nil); r.Damage == nil || r.Damage.First != 29 {
		t.Errorf("a missing last entry is %+v", r.Damage)
	}
	if r := w.verify(t, append(w.lines(), []byte("more\n")), w.checkpoints, nil); r.Damage != nil || r.Trailing != 5 {
		t.Errorf("bytes after the last checkpoint are %+v", r)
	}
}

// TestVerifyCheckpoints changes, removes and repeats checkpoints.
func TestVerifyCheckpoints(t *testing.T) {
	w := newTestLog(t)
	for at := range 10 {
		changed := append([][]byte{}, w.checkpoints...)
		changed[at] = bytes.Replace(changed[at], []byte("— alcove"), []byte("— Alcove"), 1)
		if r := w.verify(t, w.lines(), changed, nil); r.Damage == nil || r.Damage.First != int64(3*at) {
			t.Errorf("changed checkpoint %d: %v", at, r.Damage)
		}
		if at == 9 {
			continue
		}
		gap := append(append([][]byte{}, w.checkpoints[:at]...), w.checkpoints[at+1:]...)
		if r := w.verify(t, w.lines(), gap, nil); r.Damage != nil || r.Entries != 30 {
			t.Errorf("without checkpoint %d a good log is %+v", at, r)
		}
		lines := w.lines()
		lines[3*at+1] = []byte("{}\n")
		if r := w.verify(t, lines, gap, nil); r.Damage == nil || r.Damage.First > int64(3*at+1) || r.Damage.Last < int64(3*at+1) {
			t.Errorf("without checkpoint %d a bad entry is %v", at, r.Damage)
		}
	}
	twice := append(append([][]byte{}, w.checkpoints[:2]...), w.checkpoints[1:]...)
	if r := w.verify(t, w.lines(), twice, nil); r.Damage == nil || r.Damage.First != 6 {
		t.Errorf("a checkpoint that comes twice is %v", r.Damage)
	}
}

// TestVerifyResigned changes a log and signs it with the private key, which only an external checkpoint can detect.
func TestVerifyResigned(t *testing.T) {
	w := newTestLog(t)
	forged := testLog{key: w.key, disk: newDisk(2)}
	l := openLog(t, forged.disk, w.key, nil)
	for i := range 30 {
		e := entry(i)
		if i == 10 {
			e.Act = "denied"
		}
		if _, err := l.Append([]room.Entry{e}); err != nil {
			t.Fatal(err)
		}
	}
	if r := verifyDisk(t, forged.disk, w.key, nil); r.Damage != nil {
		t.Errorf("without another checkpoint: %v", r.Damage)
	}
	r := verifyDisk(t, forged.disk, w.key, w.checkpoints[7])
	if r.Damage == nil || r.Damage.First > 10 || r.Damage.Last < 10 || r.Proven != 0 {
		t.Errorf("with one: %v", r.Damage)
	}
	both := joinNotes(w.checkpoints[2], w.checkpoints[7])
	if r = verifyDisk(t, forged.disk, w.key, both); r.Damage == nil || r.Damage.First != 9 || r.Proven != 9 {
		t.Errorf("with two: %v", r.Damage)
	}
}

func joinNotes(notes ...[]byte) (b []byte) {
	for _, n := range notes {
		b = append(append(b, n...), '\n')
	}
	return b
}

func TestVerifyRefusesForeignCheckpoints(t *testing.T) {
	w, other := newTestLog(t), newTestLog(t)
	for name, elsewhere := range map[string][]byte{
		"another log":  other.checkpoints[3],
		"no note":      []byte("hello\n"),
		"wrong order":  joinNotes(w.checkpoints[3], w.checkpoints[2]),
		"only newline": []byte("\n"),
	} {
		if _, err := Verify(bytes.NewReader(nil), bytes.NewReader(nil), w.key.verifier(), elsewhere); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

// TestOpenRefuses checks that a changed log is not written to.
func TestOpenRefuses(t *testing.T) {
	damage := map[string]func(w testLog) (*memoryStore, error){
		"an edited entry": func(w testLog) (*memoryStore, error) {
			f := w.disk.live[entriesFile]
			f.now = bytes.Replace(f.now, []byte("p11"), []byte("p12"), 1)
			return nil, ErrDamaged
		},
		"a missing entry": func(w testLog) (*memoryStore, error) {
			f := w.disk.live[entriesFile]
			f.now = f.now[:len(f.now)-3]
			return nil, ErrDamaged
		},
		"a changed signature": func(w testLog) (*memoryStore, error) {
			f := w.disk.live[checkpointsFile]
			f.now[len(f.now)-6] ^= 1
			return nil, ErrDamaged
		},
		"a cut tail": func(w testLog) (*memoryStore, error) {
			w.disk.live[entriesFile].now = bytes.Join(w.lines()[:27], nil)
			w.disk.live[checkpointsFile].now = joinNotes(w.checkpoints[:9]...)
			return &memoryStore{w.checkpoints[9]}, ErrTruncated
		},
	}
	for name, f := range damage {
		w := newTestLog(t)
		second, want := f(w)
		cfg := Config{Folder: w.disk, Key: w.key, Now: time.Now}
		if second != nil {
			cfg.Copy = second
		}
		if _, err := Open(cfg); !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", name, err, want)
		}
	}
	if _, err := Open(Config{Folder: newDisk(1), Now: time.Now}); err == nil {
		t.Error("opened without a key")
	}
	if _, err := Open(Config{Folder: newTestLog(t).disk, Key: testKey(t), Now: time.Now}); !errors.Is(err, ErrDamaged) {
		t.Errorf("with another key: %v", err)
	}
}

func TestAppend(t *testing.T) {
	l := openLog(t, newDisk(1), testKey(t), nil)
	if _, err := l.Append(make([]room.Entry, MaxGroup+1)); err == nil {
		t.Error("a group without bound is accepted")
	}
	if first, err := l.Append(nil); first != 0 || err != nil {
		t.Error("nothing is something")
	}
	if first, err := l.Append(make([]room.Entry, MaxGroup)); first != 0 || err != nil {
		t.Errorf("the largest group: %d, %v", first, err)
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			if _, err := l.Append(group(i, 2)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if l.Len() != MaxGroup+16 {
		t.Errorf("%d entries", l.Len())
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Append(group(0, 1)); !errors.Is(err, ErrClosed) {
		t.Errorf("a closed log takes entries: %v", err)
	}
}

// TestEntriesHoldNoText checks that fields that could be free text are not written.
func TestEntriesHoldNoText(t *testing.T) {
	d := newDisk(1)
	l := openLog(t, d, testKey(t), nil)
	planted := []string{"Mira Ö.", "mira@example.org", "line\nbreak", "quo\"te", strings.Repeat("x", maxField+1)}
	for _, p := range planted {
		if _, err := l.Append([]room.Entry{{At: began, Session: p, Act: p, By: room.ParticipantID(p), Subject: room.ParticipantID(p), Person: room.PersonID(p), Detail: p}}); err != nil {
			t.Fatal(err)
		}
	}
	text := string(d.live[entriesFile].now)
	for _, p := range planted {
		if strings.Contains(text, p) {
			t.Errorf("the log holds %q", p)
		}
	}
	want := `{"at":"2026-03-02T10:00:00Z","session":"?","act":"?","by":"?","subject":"?","person":"?","detail":"?"}`
	if first, _, _ := strings.Cut(text, "\n"); first != want {
		t.Errorf("got %s, want %s", first, want)
	}
	good := "sha256:0aF-_,=/;."
	if sanitize(good) != good || sanitize("") != "" {
		t.Error("a good word is refused")
	}
}

func TestFindAffected(t *testing.T) {
	d := newDisk(1)
	l := openLog(t, d, testKey(t), nil)
	at := func(minute int) time.Time { return began.Add(time.Duration(minute) * time.Minute) }
	key, other := KeyDetail("kid-1")+"/"+TokenDetail([32]byte{1}), KeyDetail("kid-2")+"/"+TokenDetail([32]byte{2})
	_, err := l.Append([]room.Entry{
		{At: at(0), Act: TokenUsed, Person: "ann", Detail: key},
		{At: at(0), Session: "early", Act: "joined", Subject: "e1", Person: "ann"},
		{At: at(10), Session: "early", Act: "ended"},
		{At: at(20), Act: TokenUsed, Person: "bob", Detail: other},
		{At: at(20), Session: "late", Act: "joined", Subject: "l1", Person: "bob"},
		{At: at(21), Session: "late", Act: "admitted", By: "l0", Subject: "l1", Person: "bob"},
		{At: at(50), Session: "late", Act: "joined", Subject: "l2", Person: "cem"},
		{At: at(60), Session: "late", Act: "ended"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		q    Query
		want string
	}{
		{"everybody", Query{}, "[early late] [e1 l1 l0 l2] [ann bob cem]"},
		{"a session", Query{Session: "early"}, "[early] [e1] [ann]"},
		{"between two entries", Query{From: at(30), To: at(31)}, "[late] [l1 l0] [bob]"},
		{"from", Query{From: at(11)}, "[late] [l1 l0 l2] [bob cem]"},
		{"to", Query{To: at(5)}, "[early] [e1] [ann]"},
		{"a key", Query{Key: KeyDetail("kid-1")}, "[] [] [ann]"},
		{"a token", Query{Token: TokenDetail([32]byte{2})}, "[] [] [bob]"},
		{"a key in time", Query{Key: KeyDetail("kid-1"), From: at(1)}, "[] [] []"},
		{"nobody", Query{Session: "none"}, "[] [] []"},
	} {
		a, err := FindAffected(d.live[entriesFile], tt.q)
		if got := fmt.Sprint(a.Sessions, a.Seats, a.People); err != nil || got != tt.want || a.Entries != 8 {
			t.Errorf("%s: got %s of %d, want %s (%v)", tt.name, got, a.Entries, tt.want, err)
		}
	}
}

func TestKeys(t *testing.T) {
	private, public := GenerateKey()
	k, err := ParseKey([]byte(private.Reveal()))
	if err != nil || k.Public()+"\n" != public {
		t.Fatalf("got %q, want %q (%v)", k.Public(), public, err)
	}
	if _, err := ParsePublicKey([]byte(public)); err != nil {
		t.Fatal(err)
	}
	for _, wrong := range []string{"", "x", public, strings.TrimSpace(private.Reveal())[:60], private.Reveal() + strings.Repeat(" ", maxKeyFile)} {
		if _, err := ParseKey([]byte(wrong)); err == nil || strings.Contains(err.Error(), "PRIVATE") {
			t.Errorf("%q: %v", wrong, err)
		}
	}
	for _, wrong := range []string{"", "x", private.Reveal()} {
		if _, err := ParsePublicKey([]byte(wrong)); err == nil {
			t.Error("accepted")
		}
	}
	seed := private.Reveal()[len(private.Reveal())-20:]
	for _, s := range []string{fmt.Sprint(k), fmt.Sprintf("%+v %#v %x", k, k, k), fmt.Sprintf("%+v", struct{ K Key }{k})} {
		if strings.Contains(s, strings.TrimSpace(seed)) || strings.Contains(s, "PRIVATE") {
			t.Errorf("prints %s", s)
		}
	}
}

// TestDir checks file modes, the lock and the copied checkpoint in a real folder.
func TestDir(t *testing.T) {
	name, k := filepath.Join(t.TempDir(), "audit"), testKey(t)
	second := NewCheckpointFile(filepath.Join(t.TempDir(), "checkpoint"))
	folder, err := OpenDir(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenDir(name); err == nil || !strings.Contains(err.Error(), "another daemon") {
		t.Errorf("two writers: %v", err)
	}
	l := openLog(t, folder, k, second)
	if _, err := l.Append(group(0, 3)); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil || l.CopyErr() != nil {
		t.Fatal(err, l.CopyErr())
	}
	elsewhere, err := second.Load()
	if err != nil {
		t.Fatal(err)
	}
	if r, err := VerifyDir(name, nil, elsewhere); err != nil || r != (Report{Entries: 3, Proven: 3}) {
		t.Errorf("verified as %+v, %v", r, err)
	}
	if a, err := FindAffectedDir(name, Query{}); err != nil || len(a.People) != 3 {
		t.Errorf("who is %+v, %v", a, err)
	}
	files, err := os.ReadDir(name)
	if err != nil || len(files) != 4 {
		t.Errorf("%d files, %v", len(files), err)
	}
	for _, f := range files {
		if info, err := f.Info(); err != nil || info.Mode().Perm() != modeFile {
			t.Errorf("%s has mode %v", f.Name(), info.Mode())
		}
	}
	if folder, err = OpenDir(name); err != nil {
		t.Fatal(err)
	}
	if l = openLog(t, folder, k, second); l.Len() != 3 {
		t.Errorf("%d entries after a restart", l.Len())
	}
	l.Close()
}

// TestCopier checks that a checkpoint store that fails or hangs does not block the log.
func TestCopier(t *testing.T) {
	hung := &hangingStore{enter: make(chan struct{}, 10), leave: make(chan error)}
	l := openLog(t, newDisk(1), testKey(t), hung)
	for i := range 5 {
		if _, err := l.Append(group(i, 1)); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			<-hung.enter
		}
	}
	hung.leave <- errors.New("no such machine")
	<-hung.enter
	if err := l.CopyErr(); err == nil {
		t.Error("nobody says that the second place failed")
	}
	hung.leave <- nil
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if c, err := openCheckpoint(hung.last, l.cfg.Key.verifier()); err != nil || c.n != 5 {
		t.Errorf("the newest checkpoint there is %d, %v", c.n, err)
	}
}

type hangingStore struct {
	enter chan struct{}
	leave chan error
	last  []byte
}

func (h *hangingStore) Load() ([]byte, error) { return nil, nil }
func (h *hangingStore) Save(signed []byte) error {
	h.enter <- struct{}{}
	err := <-h.leave
	h.last = signed
	return err
}
