package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func openFile(t testing.TB, dir string, now func() time.Time) *File {
	t.Helper()
	f, err := OpenFile(dir, now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func commit(t testing.TB, f *File, changes ...Change) []Outcome {
	t.Helper()
	outcomes, err := f.Commit(changes)
	if err != nil {
		t.Fatal(err)
	}
	return outcomes
}

func count(t testing.TB, f *File, bucket Bucket) (n int) {
	t.Helper()
	if err := f.Each(t.Context(), bucket, "", func(string, []byte) error { n++; return nil }); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestExpiredValuesAreDeleted checks that expired values are deleted a bounded number at a time, oldest first and never early, and that no
// value that expires is created at the limit.
func TestExpiredValuesAreDeleted(t *testing.T) {
	clock := &clock{t: time.Now()}
	dir := t.TempDir()
	f := openFile(t, dir, clock.now)
	create := func(i int, life time.Duration) Change {
		return Change{Bucket: UsedTokens, Key: fmt.Sprint(i), Value: []byte{1}, Create: true, Expires: clock.now().Add(life)}
	}
	const n = 2*maxExpired + 10
	for i := range n {
		commit(t, f, create(i, time.Hour))
	}
	commit(t, f, create(n, 3*time.Hour), Change{Bucket: Meta, Key: "a", Value: []byte{1}})
	for _, c := range []struct {
		after time.Duration
		want  int
	}{{59 * time.Minute, n + 1}, {2 * time.Minute, n + 1 - maxExpired}, {0, n + 1 - 2*maxExpired}, {0, 1}, {0, 1}, {2 * time.Hour, 0}} {
		clock.add(c.after)
		commit(t, f)
		if got := count(t, f, UsedTokens); got != c.want || f.expires != got {
			t.Errorf("%d values, %d are counted, want %d", got, f.expires, c.want)
		}
	}
	if count(t, f, Meta) != 1 {
		t.Error("a value that never expires is gone")
	}
	f.maxExpiring = 2
	if got := commit(t, f, create(1, time.Hour), create(2, time.Hour), create(3, time.Hour), create(1, time.Hour)); fmt.Sprint(got) != fmt.Sprint([]Outcome{Applied, Applied, Full, Exists}) {
		t.Errorf("outcomes are %v", got)
	}
	f.Close()
	f = openFile(t, dir, clock.now)
	if f.expires != 2 {
		t.Errorf("%d are counted after a restart", f.expires)
	}
}

// TestFileIsNotReplaced checks that an existing file is never replaced by a new one, and that only its owner can read it.
func TestFileIsNotReplaced(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, fileName)
	f := openFile(t, dir, time.Now)
	commit(t, f, Change{Bucket: Meta, Key: "a", Value: []byte{1}})
	f.Close()
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	f = openFile(t, dir, time.Now)
	f.Close()
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != modeFile {
		t.Errorf("others may read it: %v, %v", info.Mode(), err)
	}
	for name, content := range map[string][]byte{"empty": {}, "short": make([]byte, 100), "zero": make([]byte, 1<<16), "text": []byte("not a store, but words")} {
		if err := os.WriteFile(path, content, modeFile); err != nil {
			t.Fatal(err)
		}
		if f, err := OpenFile(dir, time.Now); err == nil {
			f.Close()
			t.Errorf("a file that is %s is taken for a store", name)
		} else if !errors.Is(err, ErrDamaged) && name != "short" && name != "text" {
			t.Errorf("a file that is %s: %v", name, err)
		}
	}
}

// TestDamagedFile checks that a damaged file is refused, or returns values or errors, but never causes a panic, a fault or an endless loop.
func TestDamagedFile(t *testing.T) {
	dir := t.TempDir()
	f := openFile(t, dir, time.Now)
	for i := range 200 {
		commit(t, f,
			Change{Bucket: Sessions, Key: fmt.Sprint("s", i%20), Value: make([]byte, 50*i)},
			Change{Bucket: UsedTokens, Key: fmt.Sprint("u", i), Value: []byte("used"), Create: true, Expires: time.Now().Add(time.Hour)})
	}
	f.Close()
	good, err := os.ReadFile(filepath.Join(dir, fileName))
	if err != nil {
		t.Fatal(err)
	}
	used := len(good)
	for used > 0 && good[used-1] == 0 {
		used--
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	damages := map[string]func([]byte) []byte{
		"cut":  func(b []byte) []byte { return b[:rnd.IntN(used)] },
		"page": func(b []byte) []byte { p := rnd.IntN(used/4096+1) * 4096; clear(b[p : p+4096]); return b },
		"header": func(b []byte) []byte {
			p := rnd.IntN(used/4096+1) * 4096
			b[p+rnd.IntN(64)] ^= byte(1 + rnd.IntN(255))
			return b
		},
		"noise": func(b []byte) []byte {
			p := rnd.IntN(used - 64)
			for i := range 64 {
				b[p+i] = byte(rnd.Int())
			}
			return b
		},
		"one byte": func(b []byte) []byte { b[rnd.IntN(used)] ^= byte(1 + rnd.IntN(255)); return b },
	}
	refused := 0
	for name, damage := range damages {
		for range 40 {
			bad := filepath.Join(t.TempDir(), fileName)
			if err := os.WriteFile(bad, damage(append([]byte{}, good...)), modeFile); err != nil {
				t.Fatal(err)
			}
			f, err := OpenFile(filepath.Dir(bad), time.Now)
			if err != nil {
				refused++
				continue
			}
			for _, b := range Buckets() {
				f.Each(t.Context(), b, "", func(string, []byte) error { return nil })
			}
			f.Commit([]Change{{Bucket: Sessions, Key: "s1", Value: make([]byte, 9000)}, {Bucket: Sessions, Key: "s2"}})
			if err := f.Close(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if refused < 45 { // all that are cut; most other damage meets pages that are free
		t.Errorf("%d of 200 damaged files are refused", refused)
	}
}

// TestFileTruncatedWhileOpen checks that truncating an open file returns an error to the reader, and to all later callers, instead of a
// fault of the process.
func TestFileTruncatedWhileOpen(t *testing.T) {
	dir := t.TempDir()
	f := openFile(t, dir, time.Now)
	commit(t, f, Change{Bucket: Meta, Key: "a", Value: make([]byte, 1<<16)})
	if err := os.Truncate(filepath.Join(dir, fileName), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Get(t.Context(), Meta, "a"); !errors.Is(err, ErrDamaged) {
		t.Errorf("read: %v", err)
	}
	if _, err := f.Commit(nil); !errors.Is(err, ErrDamaged) {
		t.Errorf("committed: %v", err)
	}
	if _, err := f.Commit(nil); !errors.Is(err, ErrDamaged) {
		t.Errorf("committed again: %v", err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if _, err := OpenFile(dir, time.Now); err == nil {
		t.Error("it is taken for a new one")
	}
}

// TestReadsAreBounded checks that reads that a disk blocks hold a bounded number of goroutines, and that a read returns at its deadline.
func TestReadsAreBounded(t *testing.T) {
	f := openFile(t, t.TempDir(), time.Now)
	for range maxReaders {
		f.readers <- struct{}{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error)
	go func() { _, err := f.Get(ctx, Meta, "a"); result <- err }()
	cancel()
	if err := <-result; !errors.Is(err, ErrStalled) {
		t.Errorf("got %v", err)
	}
	<-f.readers
	if _, err := f.Get(t.Context(), Meta, "a"); err != nil {
		t.Error(err)
	}
}
