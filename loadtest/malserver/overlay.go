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

//go:embed consent.go.txt
var consentSource []byte

// A patch changes one line of a file of the daemon, and adds the file malserver.go to its package.
type patch struct {
	file            string
	honest, changed string
	added           []byte
}

var patches = []patch{
	{ // from there every subscriber gets the payload of a packet
		file: "sfu/receive.go", added: mediaSource,
		honest:  "\t\te.store(w.now, ext, h, temporal, payload)\n",
		changed: "\t\tpayload = malserverPayload(e, payload)\n\t\te.store(w.now, ext, h, temporal, payload)\n",
	},
	{ // whose media the recorder gets
		file: "room/consent.go", added: consentSource,
		honest:  "\treturn hasConsent(s, p.Person, scope) && (s.Policy.E2EE != E2EERequired || slices.Contains(p.Released, scope))\n",
		changed: "\treturn malserverConsents(p, scope, hasConsent(s, p.Person, scope) && (s.Policy.E2EE != E2EERequired || slices.Contains(p.Released, scope)))\n",
	},
}

// Overlay writes what `go build -overlay` needs into a folder and returns its file. It fails if a line is not found exactly once.
func Overlay(root, folder string) (string, error) {
	replace := map[string]string{}
	write := func(name string, content []byte) error {
		at := filepath.Join(folder, strings.ReplaceAll(name, "/", "_"))
		replace[filepath.Join(root, name)] = at
		return os.WriteFile(at, content, 0o600)
	}
	for _, p := range patches {
		source, err := os.ReadFile(filepath.Join(root, p.file))
		if err != nil {
			return "", err
		}
		if n := strings.Count(string(source), p.honest); n != 1 {
			return "", fmt.Errorf("%s has the line to patch %d times, not once", p.file, n)
		}
		if err := write(p.file, []byte(strings.Replace(string(source), p.honest, p.changed, 1))); err != nil {
			return "", err
		}
		if err := write(filepath.Dir(p.file)+"/malserver.go", p.added); err != nil {
			return "", err
		}
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
