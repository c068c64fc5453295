package record

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// keyringFiles creates a keyring with the keys of some people and returns the ids of the keys.
func keyringFiles(t testing.TB, people ...string) (KeyringPaths, *Keyring, map[string]string) {
	t.Helper()
	first, second := t.TempDir(), t.TempDir()
	f := KeyringPaths{filepath.Join(first, "new", "erasure"), filepath.Join(first, "new", "erasure.key"), filepath.Join(second, "erasure")}
	if err := CreateKeyring(f); err != nil {
		t.Fatal(err)
	}
	k := must(OpenKeyring(f, time.Now))(t)
	ids := map[string]string{}
	for _, p := range people {
		_, id, err := k.erasureKeyOf(p)
		if err != nil {
			t.Fatal(err)
		}
		ids[p] = id
	}
	return f, k, ids
}

// backup returns the content of existing files.
func backup(t testing.TB, names ...string) map[string][]byte {
	t.Helper()
	saved := map[string][]byte{}
	for _, name := range names {
		if data, err := os.ReadFile(name); err == nil {
			saved[name] = data
		} else if !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	return saved
}

func restore(t testing.TB, saved map[string][]byte) {
	t.Helper()
	for name, data := range saved {
		if err := os.WriteFile(name, data, modeFile); err != nil {
			t.Fatal(err)
		}
	}
}

func (f KeyringPaths) all() []string { return []string{f.File, f.KeyFile, f.Copy, f.keyCopy()} }

func ids(t testing.TB, k *Keyring) []string {
	t.Helper()
	return slices.Sorted(maps.Keys(must(k.keys())(t)))
}

// TestKeyring checks that each person has one key, that other processes get the same key, and that no key is on the disk in plaintext.
func TestKeyring(t *testing.T) {
	f, k, made := keyringFiles(t, "person-a", "person-b")
	again := must(OpenKeyring(f, time.Now))(t)
	key, id, err := again.erasureKeyOf("person-a")
	if err != nil || id != made["person-a"] {
		t.Errorf("the key of a person is another one (%v)", err)
	}
	for name, data := range backup(t, f.all()...) {
		if bytes.Contains(data, key) || strings.Contains(string(data), "person-a") {
			t.Errorf("%s holds a key or a person in clear", name)
		}
		if info := must(os.Stat(name))(t); info.Mode().Perm() != modeFile {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
	}
	if err := CreateKeyring(f); !errors.Is(err, errExists) {
		t.Errorf("a keyring is overwritten: %v", err)
	}
	if err := os.Chmod(f.KeyFile, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, _, err := k.erasureKeyOf("person-a"); err == nil {
		t.Error("a sealing key that others can read is used")
	}
}

// TestKeyringBackups restores or loses parts of the keyring from a backup made before an erasure.
func TestKeyringBackups(t *testing.T) {
	tests := []struct {
		name string
		back func(f KeyringPaths) []string // restored from the backup
		lost func(f KeyringPaths) []string
		err  error // nil: the erased key stays away, the other is there
	}{
		{name: "nothing"},
		{name: "the sealed file", back: func(f KeyringPaths) []string { return []string{f.File} }},
		{name: "the sealing key", back: func(f KeyringPaths) []string { return []string{f.KeyFile} }},
		{name: "the whole first place", back: func(f KeyringPaths) []string { return []string{f.File, f.KeyFile} }},
		{name: "the whole second place", back: func(f KeyringPaths) []string { return []string{f.Copy, f.keyCopy()} }},
		{name: "the first place is lost", lost: func(f KeyringPaths) []string { return []string{f.File, f.KeyFile} }},
		{name: "the sealing key is lost", lost: func(f KeyringPaths) []string { return []string{f.KeyFile} }},
		{name: "the second key is lost", lost: func(f KeyringPaths) []string { return []string{f.keyCopy()} }},
		{name: "the second place is lost", lost: func(f KeyringPaths) []string { return []string{f.Copy, f.keyCopy()} }, err: ErrNoCopy},
		{name: "the sealed files, and the second key is lost", back: func(f KeyringPaths) []string { return []string{f.File, f.Copy} },
			err: ErrStaleKeyring},
		{name: "both keys are lost", lost: func(f KeyringPaths) []string { return []string{f.KeyFile, f.keyCopy()} }, err: ErrStaleKeyring},
		{name: "everything is lost", lost: KeyringPaths.all, err: ErrNoKeyring},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, k, made := keyringFiles(t, "person-a", "person-b")
			saved := backup(t, f.all()...)
			if _, err := k.destroy("person-a", 0); err != nil {
				t.Fatal(err)
			}
			if tt.back != nil {
				names := tt.back(f)
				maps.DeleteFunc(saved, func(name string, _ []byte) bool { return !slices.Contains(names, name) })
				restore(t, saved)
			}
			if tt.lost != nil {
				for _, name := range tt.lost(f) {
					if err := os.Remove(name); err != nil {
						t.Fatal(err)
					}
				}
			}
			read, err := ReadKeyring(f)
			if !errors.Is(err, tt.err) {
				t.Fatalf("reading says %v, want %v", err, tt.err)
			}
			k, err = OpenKeyring(f, time.Now)
			if !errors.Is(err, tt.err) {
				t.Fatalf("opening says %v, want %v", err, tt.err)
			}
			if tt.err != nil {
				return
			}
			for _, one := range []*Keyring{read, k} {
				if got := ids(t, one); !slices.Equal(got, []string{made["person-b"]}) {
					t.Errorf("keys %v, want that of person-b, %v", got, made)
				}
			}
			// And both places agree again: either alone is enough.
			for _, alone := range []KeyringPaths{{File: f.File, KeyFile: f.KeyFile}, {File: f.Copy, KeyFile: f.keyCopy()}} {
				if got := ids(t, must(ReadKeyring(alone))(t)); !slices.Equal(got, []string{made["person-b"]}) {
					t.Errorf("one place holds %v", got)
				}
			}
			_, id, err := k.erasureKeyOf("person-a")
			if err != nil || id == made["person-a"] {
				t.Errorf("who comes back has the key that was erased (%v)", err)
			}
		})
	}
}

// TestKeyringCopyNotMounted checks that no keyring is created without its copy, and that no partial one remains.
func TestKeyringCopyNotMounted(t *testing.T) {
	f, _, _ := keyringFiles(t)
	f.File, f.KeyFile, f.Copy = f.File+"2", f.KeyFile+"2", filepath.Join(t.TempDir(), "unmounted", "erasure")
	if err := CreateKeyring(f); err == nil {
		t.Fatal("a second place is made on the first disk")
	}
	if left := backup(t, f.all()...); len(left) > 0 {
		t.Errorf("%d files are left", len(left))
	}
}

// TestRecreateCopy checks that a lost copy is written again when an operator asks for it.
func TestRecreateCopy(t *testing.T) {
	f, _, made := keyringFiles(t, "person-a")
	for _, name := range []string{f.Copy, f.keyCopy()} {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	if err := RecreateCopy(f); err != nil {
		t.Fatal(err)
	}
	if got := ids(t, must(OpenKeyring(f, time.Now))(t)); !slices.Equal(got, []string{made["person-a"]}) {
		t.Errorf("keys %v", got)
	}
}

// TestErasuresAreReplayed checks that, if the two copies of the keyring diverged because one was believed lost, a key that either copy
// records as erased is erased, even if the other copy is newer.
func TestErasuresAreReplayed(t *testing.T) {
	f, k, made := keyringFiles(t, "person-a", "person-b")
	saved := backup(t, f.File, f.KeyFile)
	if _, err := k.destroy("person-a", 0); err != nil {
		t.Fatal(err)
	}
	restore(t, saved)
	elsewhere := f
	elsewhere.Copy = filepath.Join(t.TempDir(), "erasure")
	if err := RecreateCopy(elsewhere); err != nil {
		t.Fatal(err)
	}
	k = must(OpenKeyring(elsewhere, time.Now))(t)
	for _, p := range []string{"person-c", "person-d"} {
		if _, _, err := k.erasureKeyOf(p); err != nil {
			t.Fatal(err)
		}
	}
	if got := must(k.keys())(t); got[made["person-a"]] == nil {
		t.Fatal("the test brings nothing back")
	}
	for _, one := range []*Keyring{must(ReadKeyring(f))(t), must(OpenKeyring(f, time.Now))(t)} {
		got := must(one.keys())(t)
		if got[made["person-a"]] != nil || len(got) != 3 {
			t.Errorf("%d keys, and that of person-a is among them: %v", len(got), got[made["person-a"]] != nil)
		}
	}
	if got := ids(t, must(ReadKeyring(KeyringPaths{File: f.File, KeyFile: f.KeyFile}))(t)); len(got) != 3 {
		t.Error("it is back in the first place")
	}
}

// TestErasureInterrupted checks that, after a crash at any write of an erasure, the keyring opens, and that the key is gone for good once
// the first copy is written.
func TestErasureInterrupted(t *testing.T) {
	f, k, made := keyringFiles(t, "person-a", "person-b")
	before := backup(t, f.all()...)
	if _, err := k.destroy("person-a", 0); err != nil {
		t.Fatal(err)
	}
	after := backup(t, f.all()...)
	both := func(name string) []byte { return slices.Concat(before[name], after[name]) }
	steps := []map[string][]byte{ // in the order of reseal
		{f.KeyFile: both(f.KeyFile)}, {f.keyCopy(): both(f.keyCopy())}, {f.File: after[f.File]}, {f.Copy: after[f.Copy]},
		{f.KeyFile: after[f.KeyFile]}, {f.keyCopy(): after[f.keyCopy()]},
	}
	for crash := range steps {
		restore(t, before)
		for _, step := range steps[:crash+1] {
			restore(t, step)
		}
		k := must(OpenKeyring(f, time.Now))(t)
		got := ids(t, k)
		if _, there := must(k.keys())(t)[made["person-a"]]; there && crash >= 2 {
			t.Errorf("after step %d the erased key is there", crash)
		}
		if !slices.Contains(got, made["person-b"]) {
			t.Errorf("after step %d keys are %v", crash, got)
		}
		for _, name := range []string{f.KeyFile, f.keyCopy()} {
			if keys := must(readKeys(name))(t); len(keys) != 1 {
				t.Errorf("after step %d %s holds %d keys", crash, name, len(keys))
			}
		}
	}
}

// TestErase checks that, after an erasure, a restored backup of everything but the sealing key opens none of the person's recordings with
// the clinic's identity, and all of the others.
func TestErase(t *testing.T) {
	c := newClinic(t, nil)
	for _, p := range []string{"person-a", "person-b"} {
		track := c.start(audioOf(p))
		for n := range 100 {
			track.Put(unit(n, began))
		}
		track.Stop()
		<-track.Done()
	}
	if err := c.recorder.Close(); err != nil {
		t.Fatal(err)
	}
	keyring := backup(t, c.files.File, c.files.Copy)
	if n := len(c.units(c.disk)); n != 200 {
		t.Fatalf("%d units before", n)
	}
	held := Hold{Session: "session-1", Since: began}
	if _, err := SetHold(c.disk, held, true); err != nil {
		t.Fatal(err)
	}
	if _, err := Erase(c.disk, c.keyring, "person-a"); !errors.Is(err, ErrHeld) {
		t.Fatalf("a legal hold is ignored: %v", err)
	}
	if _, err := SetHold(c.disk, held, false); err != nil {
		t.Fatal(err)
	}
	r, err := Erase(c.disk, c.keyring, "person-a")
	if err != nil || r.Person != "person-a" || r.Segments != 1 {
		t.Fatalf("receipt %+v (%v)", r, err)
	}
	if names := c.segmentsOf("person-a"); len(names) > 0 {
		t.Errorf("files are left: %v", names)
	}
	if _, err := Erase(c.disk, c.keyring, "person-a"); !errors.Is(err, ErrNothingRecorded) {
		t.Errorf("again: %v", err)
	}
	restore(t, keyring)
	// The sealed keyring of the backup alone, with the sealing key of today, opens nothing at all.
	if _, err := ReadKeyring(KeyringPaths{File: c.files.File, KeyFile: c.files.KeyFile}); !errors.Is(err, ErrStaleKeyring) {
		t.Errorf("a keyring from a backup opens: %v", err)
	}
	if _, err := OpenKeyring(c.files, time.Now); !errors.Is(err, ErrStaleKeyring) {
		t.Errorf("two keyrings from a backup open: %v", err)
	}
}

// TestEraseAndRestore is the same with the second place as it was left by the erasure.
func TestEraseAndRestore(t *testing.T) {
	c := newClinic(t, nil)
	for _, p := range []string{"person-a", "person-b"} {
		track := c.start(audioOf(p))
		for n := range 100 {
			track.Put(unit(n, began))
		}
	}
	if err := c.recorder.Close(); err != nil {
		t.Fatal(err)
	}
	disk, keyring := c.disk.copy(), backup(t, c.files.File, c.files.KeyFile) // even the sealing key was in it
	if _, err := Erase(c.disk, c.keyring, "person-a"); err != nil {
		t.Fatal(err)
	}
	restore(t, keyring)
	c.keyring = must(OpenKeyring(c.files, time.Now))(t)
	o := c.opener()
	for _, one := range must(List(disk))(t) {
		s, err := o.read(disk, one.Name)
		switch one.Header.Person {
		case "person-a":
			if !errors.Is(err, ErrErased) || len(s.records) > 0 {
				t.Errorf("a restored backup opens (%v)", err)
			}
		default:
			if err != nil || s.units != 100 {
				t.Errorf("person-b has lost %d units (%v)", 100-s.units, err)
			}
		}
	}
	if r := c.verify(disk); r.Closed != 1 || !r.Intact() {
		t.Errorf("report is %+v", r)
	}
}

// TestReceipts checks that the receipt of each erasure is delivered once, however often the delivery fails.
func TestReceipts(t *testing.T) {
	_, k, _ := keyringFiles(t, "person-a", "person-b")
	for _, p := range []string{"person-a", "person-b"} {
		if _, err := k.destroy(p, 3); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	failing := errors.New("the audit log is not there")
	deliver := func(r ErasureReceipt) error {
		if len(got) == 1 && failing != nil {
			return failing
		}
		got = append(got, r.Person)
		return nil
	}
	if err := k.DeliverReceipts(deliver); !errors.Is(err, failing) {
		t.Errorf("a failure is hidden: %v", err)
	}
	failing = nil
	for range 2 {
		if err := k.DeliverReceipts(deliver); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(got, []string{"person-a", "person-b"}) {
		t.Errorf("delivered %v", got)
	}
}
