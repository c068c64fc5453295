package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestOverlayCompiles checks that each line to patch occurs exactly once, and that the added files compile with their packages.
func TestOverlayCompiles(t *testing.T) {
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	root = strings.TrimSuffix(root, "/loadtest/malserver")
	overlay, err := Overlay(root, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	vet := exec.Command("go", "vet", "-overlay", overlay, "./sfu", "./room")
	vet.Dir = root
	if said, err := vet.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, said)
	}
	if _, err := Overlay(t.TempDir(), t.TempDir()); err == nil {
		t.Error("a folder without the source is patched")
	}
}
