package operator

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/age"

	"alcove/auth"
	"alcove/cmd/alcove/internal/cli"
	"alcove/cmd/alcove/internal/config"
	"alcove/cmd/alcove/internal/keyfile"
	"alcove/cmd/alcove/internal/state"
	"alcove/room/audit"
	"alcove/sfu/record"
)

// An archive is a configuration with recordings of two people, and the clinic's identity.
type archive struct {
	t        *testing.T
	dir      string
	identity string // file
	person   auth.PersonKey
}

const (
	archiveSession = "0123456789abcdef"
	mira, noor     = "mira@example.org", "noor@example.org"
)

func newArchive(t *testing.T) *archive {
	t.Helper()
	a := &archive{t: t, dir: t.TempDir()}
	_, person, err := keyfile.Generate(a.dir)
	if err != nil {
		t.Fatal(err)
	}
	a.person = person
	for _, name := range []string{"state/store", "second"} {
		if err := os.MkdirAll(filepath.Join(a.dir, name), keyfile.ModeFolder); err != nil {
			t.Fatal(err)
		}
	}
	identity, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	a.write("recipients.txt", identity.Recipient().String())
	a.identity = a.write("identity", identity.String())
	a.write("alcove.yaml", `listen: 127.0.0.1:8443
auth: {issuer: https://id.example.org, audience: alcove, jwks_file: jwks.json, person_key_file: person.key}
store: {dir: state/store, key_file: store.key}
audit: {dir: state/audit, key_file: audit.key}
recording: {dir: recordings, recipients_file: recipients.txt, erasure_keys_file: state/erasure.keys, erasure_key_file: erasure.key,
  erasure_copy: second/erasure.keys, classes: {default: 720h, other: 0s}}
`)
	a.record()
	return a
}

func (a *archive) write(name, content string) string {
	a.t.Helper()
	name = filepath.Join(a.dir, name)
	if err := os.WriteFile(name, []byte(content), keyfile.ModeSecret); err != nil {
		a.t.Fatal(err)
	}
	return name
}

func (a *archive) config() string { return filepath.Join(a.dir, "alcove.yaml") }

// record leaves two seconds of sound of each person, two months old.
func (a *archive) record() {
	a.t.Helper()
	c, source, err := recordingConfigOf(a.config())
	if err != nil {
		a.t.Fatal(err)
	}
	var entries trackEntries
	r, err := openRecording(c.Recording, &entries)
	if err != nil {
		a.t.Fatal(err)
	}
	defer func() {
		m, err := config.LoadSecrets(c, source)
		if err != nil {
			a.t.Fatal(err)
		}
		if busy, err := withTracks(c, m, func(enter func(context.Context, state.TrackEntry) error) error {
			var errs []error
			for _, e := range entries.list {
				errs = append(errs, enter(a.t.Context(), e))
			}
			return errors.Join(errs...)
		}); busy || err != nil {
			a.t.Fatal(busy, err)
		}
	}()
	for _, sub := range []string{mira, noor} {
		track, err := r.Start(record.Info{Session: archiveSession, Person: a.person.Person(sub), Kind: record.Audio, Codec: record.Opus,
			Source: "microphone", ClockRate: 48000, Class: config.DefaultClass, Purpose: "recording.audio"})
		if err != nil {
			a.t.Fatal(err)
		}
		for n := range 100 {
			track.Put(record.Unit{Seq: uint64(n), Timestamp: uint32(960 * n), Arrived: archived.Add(time.Duration(n) * 20 * time.Millisecond), Payload: []byte{0xfc, 1, 2}})
		}
	}
	if err := r.Close(); err != nil {
		a.t.Fatal(err)
	}
}

var archived = time.Now().Add(-60 * 24 * time.Hour)

// trackEntries collects what the daemon would enter into the audit log.
type trackEntries struct {
	mu   sync.Mutex
	list []state.TrackEntry // Guarded by mu.
}

func (l *trackEntries) put(e state.TrackEntry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.At = time.Now()
	l.list = append(l.list, e)
}

func (l *trackEntries) began(b record.TrackStarted) {
	l.put(state.TrackEntry{Session: b.Session, Act: state.TrackBegan, Detail: b.Track + "/" + b.ErasureKey})
}

func (l *trackEntries) ended(e record.TrackEnded) {
	l.put(state.TrackEntry{Session: e.Session, Act: state.TrackEnded, Detail: state.LengthDetail(e.Track, e.ErasureKey, e.Chain)})
}

func openRecording(c config.Recording, to *trackEntries) (*record.Recorder, error) {
	l, err := record.OpenFolder(c.Dir)
	if err != nil {
		return nil, err
	}
	if err := record.CreateKeyring(c.Keyring()); err != nil {
		return nil, err
	}
	k, err := record.OpenKeyring(c.Keyring(), time.Now)
	if err != nil {
		return nil, err
	}
	return record.Open(record.Config{Storage: l, Keyring: k, Recipients: c.Recipients, OnStarted: to.began, OnEnded: to.ended, OnFailed: func(record.Failure) {}, MinFree: 1,
		Now: func() time.Time { return archived }})
}

// run runs a command, wants its exit code, and gives what it wrote.
func (a *archive) run(code int, args ...string) (out, errs string) {
	a.t.Helper()
	var o, e bytes.Buffer
	if got := cli.Run(cli.Terminal{In: strings.NewReader(""), Out: &o, Err: &e}, Commands(), append([]string{"recording"}, args...)); got != code {
		a.t.Fatalf("%q exits with %d, want %d: %s%s", args, got, code, o.String(), e.String())
	}
	return o.String(), e.String()
}

// wants says what of it is not there.
func wants(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("%q is not in: %s", p, text)
		}
	}
}

func TestRecordingRead(t *testing.T) {
	t.Parallel()
	a := newArchive(t)
	out, _ := a.run(cli.ExitOK, "list", "--config", a.config())
	wants(t, out, "BEGAN", "SESSION", archiveSession, a.person.Person(mira), "microphone", "1 segments", archived.UTC().Add(720*time.Hour).Format(time.RFC3339), "2 tracks, 0 files that cannot be read")
	if strings.Contains(out, mira) {
		t.Error("a name is in the list")
	}
	out, _ = a.run(cli.ExitOK, "list", "--dir", filepath.Join(a.dir, "recordings"), "--json", "--person", a.person.Person(noor))
	if n := strings.Count(out, "\n"); n != 1 || !json.Valid([]byte(out)) {
		t.Errorf("JSON is %s", out)
	}
	out, _ = a.run(cli.ExitOK, "verify", "--config", a.config(), "--identity", a.identity)
	wants(t, out, "complete", "100 packets", "fine        nothing was changed", "2 tracks compared with 4 entries, the last 4 of them unproven")
	elsewhere := []string{"--dir", filepath.Join(a.dir, "recordings"), "--identity", a.identity, "--erasure-keys", filepath.Join(a.dir, "second/erasure.keys")}
	a.run(cli.ExitOK, append([]string{"verify", "--json"}, elsewhere...)...)
	to := filepath.Join(a.dir, "out")
	out, _ = a.run(cli.ExitOK, append([]string{"export", "--out", to}, elsewhere...)...)
	wants(t, out, exportName(archiveSession, a.person.Person(mira))+"  2s from ")
	for _, sub := range []string{mira, noor} {
		info, err := os.Stat(filepath.Join(to, exportName(archiveSession, a.person.Person(sub))))
		if err != nil || info.Size() < 500 || info.Mode().Perm() != keyfile.ModeSecret {
			t.Errorf("the file of one person: %v", err)
		}
	}
	_, errs := a.run(cli.ExitError, append([]string{"export", "--out", to}, elsewhere...)...)
	wants(t, errs, "file exists")
	files, err := filepath.Glob(filepath.Join(a.dir, "recordings", "*.seg"))
	if err != nil || len(files) != 2 {
		t.Fatal(files, err)
	}
	data, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)-1] ^= 1
	if err := os.WriteFile(files[0], data, keyfile.ModeSecret); err != nil {
		t.Fatal(err)
	}
	out, errs = a.run(cli.ExitError, "verify", "--config", a.config(), "--identity", a.identity)
	wants(t, out, "damaged     "+filepath.Base(files[0])+", record 1")
	wants(t, errs, "recordings are not what was written")
	if err := os.Truncate(files[0], int64(len(data)-1)); err != nil {
		t.Fatal(err)
	}
	out, _ = a.run(cli.ExitOK, append([]string{"verify"}, elsewhere...)...) // without the log it could be a crash
	wants(t, out, "incomplete  "+filepath.Base(files[0])+", record 1", "may have crashed", "not read: name its folder (--audit)")
}

// TestRecordingMissingFiles checks that the audit log identifies recordings that were removed, emptied or truncated, and that the command
// does not take them for a crash.
func TestRecordingMissingFiles(t *testing.T) {
	t.Parallel()
	a := newArchive(t)
	files, err := filepath.Glob(filepath.Join(a.dir, "recordings", "*.seg"))
	if err != nil || len(files) != 2 {
		t.Fatal(files, err)
	}
	data, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	all, err := record.List(layerOf(t, filepath.Dir(files[0])))
	if err != nil {
		t.Fatal(err)
	}
	track := ""
	for _, one := range all {
		if one.Name == filepath.Base(files[0]) {
			track = one.Header.Track
		}
	}
	copied := filepath.Join(a.dir, "copied")
	if err := os.CopyFS(copied, os.DirFS(filepath.Join(a.dir, "state/audit"))); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		want string
		harm func() error
	}{
		{"cut         track " + track + ": 1 of the 2 records", func() error { return os.Truncate(files[0], int64(len(data)-1)) }},
		{"removed     track " + track + ": the audit log says that it began at ", func() error { return os.Truncate(files[0], 0) }},
		{"removed     track " + track, func() error { return os.Remove(files[0]) }},
	} {
		if err := tt.harm(); err != nil {
			t.Fatal(err)
		}
		for _, where := range [][]string{
			{"--config", a.config()},
			{"--dir", filepath.Join(a.dir, "recordings"), "--erasure-keys", filepath.Join(a.dir, "second/erasure.keys"), "--audit", copied},
		} {
			out, errs := a.run(cli.ExitError, append([]string{"verify", "--identity", a.identity}, where...)...)
			wants(t, out+errs, tt.want, "recordings are not what was written")
		}
	}
	if err := os.RemoveAll(copied); err != nil {
		t.Fatal(err)
	}
	_, errs := a.run(cli.ExitError, "verify", "--config", a.config(), "--identity", a.identity, "--audit", copied)
	wants(t, errs, "there is no audit log")
	entries := filepath.Join(a.dir, "state/audit/entries")
	if data, err = os.ReadFile(entries); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{mira, noor, a.person.Person(mira), a.person.Person(noor)} {
		if bytes.Contains(data, []byte(id)) {
			t.Error("an entry about a track names a person")
		}
	}
	a.write("state/audit/entries", strings.Replace(string(data), "track_began", "track_bogus", 1))
	out, errs := a.run(cli.ExitError, "verify", "--config", a.config(), "--identity", a.identity)
	wants(t, out+errs, "not what was signed, so nothing was compared with it", "the audit log is not what was signed")
}

func layerOf(t *testing.T, dir string) record.Storage {
	t.Helper()
	l, err := record.ReadFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestRecordingKept(t *testing.T) {
	t.Parallel()
	a := newArchive(t)
	out, _ := a.run(cli.ExitOK, "hold", "--config", a.config(), "--sub", mira)
	wants(t, out, "held: 1 tracks")
	out, _ = a.run(cli.ExitOK, "hold", "--config", a.config(), "--session", archiveSession)
	wants(t, out, "held: 2 tracks")
	a.run(cli.ExitOK, "hold", "--config", a.config(), "--session", archiveSession, "--release")
	_, errs := a.run(cli.ExitError, "hold", "--config", a.config(), "--session", "mistyped")
	wants(t, errs, "nothing of this session is here, so nothing is held")
	out, _ = a.run(cli.ExitOK, "hold", "--config", a.config(), "--sub", "later@example.org")
	wants(t, out, "held; nothing that can be read is recorded of them yet")
	a.run(cli.ExitOK, "hold", "--config", a.config(), "--sub", "later@example.org", "--release")
	out, _ = a.run(cli.ExitOK, "hold", "--config", a.config())
	wants(t, out, a.person.Person(mira))
	_, errs = a.run(cli.ExitError, "erase", "--config", a.config(), "--sub", mira)
	wants(t, errs, "a legal hold covers recordings of this person")
	out, _ = a.run(cli.ExitOK, "erase", "--config", a.config(), "--sub", noor)
	wants(t, out, "erased   "+a.person.Person(noor), "with 1 segments", "receipt  ", "the receipt is in the log, signed, among 5 entries")
	entries, err := os.ReadFile(filepath.Join(a.dir, "state/audit/entries"))
	if err != nil {
		t.Fatal(err)
	}
	_, receipt, _ := strings.Cut(out, "receipt  ")
	receipt, _, _ = strings.Cut(receipt, "\n")
	wants(t, string(entries), `"recording.erased"`, a.person.Person(noor), receipt)
	var report bytes.Buffer
	if err := RunAudit(cli.Terminal{Out: &report, Err: io.Discard}, []string{"verify", filepath.Join(a.dir, "state/audit")}); err != nil {
		t.Error(err)
	}
	_, errs = a.run(cli.ExitError, "erase", "--config", a.config(), "--sub", noor)
	wants(t, errs, "nothing was recorded of this person, or it was erased already")
	out, _ = a.run(cli.ExitOK, "gc", "--config", a.config())
	wants(t, out, "0 segments removed, 1 have expired but are held")
	a.run(cli.ExitOK, "hold", "--config", a.config(), "--sub", mira, "--release")
	a.run(cli.ExitError, "hold", "--config", a.config(), "--sub", mira, "--release")
	out, _ = a.run(cli.ExitOK, "gc", "--config", a.config())
	wants(t, out, "1 segments removed, 0 have expired")
	out, _ = a.run(cli.ExitOK, "verify", "--config", a.config(), "--identity", a.identity) // the log and the keyring say why all is gone
	wants(t, out, "2 tracks compared", "fine        nothing was changed")
}

// TestRecordingErasedWhileRunning checks that the daemon enters the receipt of an erasure later if it holds the lock of the audit log
// during the erasure.
func TestRecordingErasedWhileRunning(t *testing.T) {
	t.Parallel()
	a := newArchive(t)
	lock, err := audit.OpenDir(filepath.Join(a.dir, "state/audit"))
	if err != nil {
		t.Fatal(err)
	}
	out, _ := a.run(cli.ExitOK, "erase", "--config", a.config(), "--sub", mira)
	wants(t, out, "erased ", "the daemon runs and did not answer", "within the hour it deletes session files and enters the receipt")
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	out, _ = a.run(cli.ExitOK, "erase", "--config", a.config(), "--sub", noor)
	wants(t, out, "among 6 entries")
	to := filepath.Join(a.dir, "out")
	_, errs := a.run(cli.ExitError, "export", "--config", a.config(), "--identity", a.identity, "--out", to)
	wants(t, errs, "there is nothing to export")
}

func TestRecordingRefusals(t *testing.T) {
	t.Parallel()
	a := newArchive(t)
	other, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	foreign := a.write("foreign", other.String())
	off := a.write("off.yaml", "listen: 127.0.0.1:8443\nauth: {issuer: https://id.example.org, audience: alcove, jwks_file: jwks.json, person_key_file: person.key}\n")
	to := filepath.Join(a.dir, "nothing")
	tests := []struct {
		code int
		args []string
		want string
	}{
		{cli.ExitUsage, nil, "usage: alcove recording list"},
		{cli.ExitUsage, []string{"play"}, "usage: alcove recording list"},
		{cli.ExitError, []string{"list"}, "give --config FILE, or --dir FOLDER"},
		{cli.ExitError, []string{"list", "--config", off}, "recording.dir: is empty"},
		{cli.ExitError, []string{"list", "--dir", to}, "no such file"},
		{cli.ExitError, []string{"verify", "--config", a.config()}, "give --identity FILE"},
		{cli.ExitError, []string{"verify", "--dir", filepath.Join(a.dir, "recordings"), "--identity", a.identity}, "give --erasure-keys FILE"},
		{cli.ExitError, []string{"verify", "--config", a.config(), "--identity", filepath.Join(a.dir, "recipients.txt")}, "this is no identity file of age"},
		{cli.ExitError, []string{"export", "--config", a.config(), "--identity", a.identity}, "give --out FOLDER"},
		{cli.ExitError, []string{"export", "--config", a.config(), "--identity", foreign, "--out", to}, "no identity fits"},
		{cli.ExitError, []string{"verify", "--config", a.config(), "--identity", foreign}, "nothing could be opened, so nothing is known"},
		{cli.ExitError, []string{"erase", "--config", a.config()}, "give --sub or --person"},
		{cli.ExitError, []string{"hold", "--config", a.config(), "--session", "s", "--person", "p"}, "a hold is on a session or on a person"},
	}
	for _, tt := range tests {
		out, errs := a.run(tt.code, tt.args...)
		wants(t, out+errs, tt.want)
	}
	for _, name := range []string{"second/erasure.keys", "second/erasure.keys.key"} {
		if err := os.Remove(filepath.Join(a.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	_, errs := a.run(cli.ExitError, "erase", "--config", a.config(), "--sub", mira)
	wants(t, errs, "the second place of the erasure keys is not there")
	a.run(cli.ExitOK, "adopt", "--config", a.config())
	a.run(cli.ExitOK, "erase", "--config", a.config(), "--sub", mira)
}

// TestProgressBar checks that the progress bar is drawn on a terminal only.
func TestProgressBar(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	hidden := newProgressBar(&b, "segments")
	hidden.progress(1, 2)
	hidden.end()
	if b.Len() > 0 {
		t.Errorf("drawn where nobody looks: %q", b.String())
	}
	shown := &progressBar{w: &b, unit: "segments", last: -1}
	shown.progress(1, 2)
	shown.progress(1, 2)
	if got, want := b.String(), "\r\x1b[K["+strings.Repeat("#", 15)+strings.Repeat(" ", 15)+"]  50 %  1 of 2 segments"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	shown.end()
	wants(t, b.String(), "segments\r\x1b[K")
}

// sweptMeanwhile is a folder from which a sweep takes a file just before a hold has the lock.
type sweptMeanwhile struct {
	record.Storage
	name string
}

func (l sweptMeanwhile) Lock() (record.LockedStorage, error) {
	locked, err := l.Storage.Lock()
	if err == nil {
		err = locked.Remove(l.name)
	}
	return locked, err
}

// TestHoldExcludesExpired checks that recordings that expire while a hold is being set are reported and not counted as held.
func TestHoldExcludesExpired(t *testing.T) {
	t.Parallel()
	a := newArchive(t)
	c, _, err := recordingConfigOf(a.config())
	if err != nil {
		t.Fatal(err)
	}
	l, err := record.ReadFolder(c.Recording.Dir)
	if err != nil {
		t.Fatal(err)
	}
	all, err := record.List(l)
	if err != nil || len(all) != 2 {
		t.Fatal(all, err)
	}
	var out bytes.Buffer
	err = hold(cli.Terminal{Out: &out}, c, sweptMeanwhile{l, all[0].Name}, record.Hold{Session: archiveSession, Since: time.Now()})
	if err == nil || !strings.Contains(err.Error(), "held: 1 tracks, but 1 of 2 segments were removed while the hold was set") {
		t.Errorf("it says %q, %v", out.String(), err)
	}
	if holds, err := record.ReadHolds(l); err != nil || len(holds) != 1 {
		t.Errorf("held: %v, %v", holds, err)
	}
}
