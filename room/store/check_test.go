package store

import (
	"os"
	"path/filepath"
	"testing"
)

// TestCheckIsWhole: the file that says which key a store has is never seen in part: a crash while it is written would shut the store for
// good. Another name of the file shows whether it was written in place.
func TestCheckIsWhole(t *testing.T) {
	dir := t.TempDir()
	before := filepath.Join(dir, "before")
	if err := os.WriteFile(before, []byte("as it was"), modeFile); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(before, filepath.Join(dir, checkFile)); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	s := testKey(t).seal()
	if err := leaveCheck(root, s); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(before); err != nil || string(data) != "as it was" {
		t.Errorf("it is written in place: %q %v", data, err)
	}
	if known, err := checkKey(root, s); !known || err != nil {
		t.Errorf("known %t, %v", known, err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 2 {
		t.Errorf("left %v: %v", left, err)
	}
}
