package store

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"alcove/room"
)

func loadedFiles(t *testing.T, s *Store) (all []string) {
	t.Helper()
	err := s.LoadFiles(t.Context(), func(value []byte) error { all = append(all, string(value)); return nil })
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return all
}

func TestFilesOutliveTheDaemon(t *testing.T) {
	p := newPlace(t)
	s := p.open()
	entry := []room.Entry{{At: time.Now(), Act: room.ActFileSent, Detail: "a"}}
	if err := s.SaveFiles(t.Context(), map[string][]byte{"a": []byte("first"), "b": []byte("second")}, nil, entry); err != nil {
		t.Fatal(err)
	}
	if err := s.SaveFiles(t.Context(), map[string][]byte{"c": []byte("third")}, []string{"a", "never there"}, nil); err != nil {
		t.Fatal(err)
	}
	p.close(s)
	s = p.open()
	if got := loadedFiles(t, s); !slices.Equal(got, []string{"second", "third"}) {
		t.Errorf("kept %q", got)
	}
	if s.Entries() != 1 {
		t.Errorf("%d entries", s.Entries())
	}
	p.close(s)
}

// TestOlderStoreGetsFilesBucket checks that opening a store from a version without files creates the bucket Files.
func TestOlderStoreGetsFilesBucket(t *testing.T) {
	dir := t.TempDir()
	f := openFile(t, dir, time.Now)
	commit(t, f, Change{Bucket: Meta, Key: "a", Value: []byte("old")})
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := bbolt.Open(filepath.Join(dir, fileName), modeFile, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Update(func(tx *bbolt.Tx) error { return tx.DeleteBucket([]byte(Files)) }); err != nil {
		t.Fatal(err)
	}
	db.Close()
	f = openFile(t, dir, time.Now)
	commit(t, f, Change{Bucket: Files, Key: "a", Value: []byte("new")})
	for _, b := range []Bucket{Files, Meta} {
		if value, err := f.Get(t.Context(), b, "a"); err != nil || value == nil {
			t.Errorf("%s: %q, %v", b, value, err)
		}
	}
}
