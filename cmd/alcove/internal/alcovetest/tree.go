package alcovetest

import (
	"os"
	"path/filepath"
	"testing"
)

func ReadFile(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("../../../..", filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return data
}
