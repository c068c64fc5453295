package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestOverlayCompiles: the line to patch is there once, and what is added to sfu fits it.
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
	vet := exec.Command("go", "vet", "-overlay", overlay, "./sfu")
	vet.Dir = root
	if said, err := vet.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, said)
	}
	if _, err := Overlay(t.TempDir(), t.TempDir()); err == nil {
		t.Error("a folder without the source is patched")
	}
}
