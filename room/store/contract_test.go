package store_test

import (
	"path/filepath"
	"testing"
	"time"

	"alcove/room/store"
	"alcove/room/store/storetest"
)

func TestFileContract(t *testing.T) {
	dir := t.TempDir()
	storetest.Run(t, func(t *testing.T, name string) store.Values {
		f, err := store.OpenFile(filepath.Join(dir, name), time.Now)
		if err != nil {
			t.Fatal(err)
		}
		return f
	})
}
