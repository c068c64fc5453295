package e2ee

import (
	"encoding/base64"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"alcove/auth"
)

// TestDocumentedSnippets runs what the document gives to identity providers, in each language whose tools this machine has; only Python may
// be missing.
func TestDocumentedSnippets(t *testing.T) {
	document, err := os.ReadFile("../../deploy/docs/encryption.md")
	if err != nil {
		t.Fatal(err)
	}
	snippet := func(language string) string {
		t.Helper()
		m := regexp.MustCompile("(?s)```" + language + "\n(.*?)```").FindSubmatch(document)
		if m == nil {
			t.Fatalf("the document has no snippet in %s", language)
		}
		return string(m[1])
	}
	for language, c := range map[string]struct {
		tool, file, program string
		args                []string
	}{
		"js": {"node", "k.mjs", snippet("js") + `
const { K, ROOM: room, SESSION: session, ROLE: role, NAME: name, TOKEN: token } = process.env;
console.log(linkSecret(Buffer.from(K, 'base64'), { room, session, role, name, token }));`, nil},
		"python": {"python3", "k.py", snippet("python") + `
import os
e = os.environ
print(link_secret(base64.b64decode(e["K"]), e["ROOM"], e["SESSION"], e["ROLE"], e["NAME"], e["TOKEN"]))`, nil},
		"go": {"go", "k.go", `package main

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
)

func main() {
	key, err := base64.StdEncoding.DecodeString(os.Getenv("K"))
	if err != nil {
		panic(err)
	}
	k, err := linkSecret(key, os.Getenv("ROOM"), os.Getenv("SESSION"), os.Getenv("ROLE"), os.Getenv("NAME"), os.Getenv("TOKEN"))
	if err != nil {
		panic(err)
	}
	fmt.Println(k)
}

` + snippet("go"), []string{"run"}},
	} {
		t.Run(language, func(t *testing.T) {
			if _, err := exec.LookPath(c.tool); err != nil && language == "python" {
				t.Log("not run: there is no python3 here")
				return
			}
			name := filepath.Join(t.TempDir(), c.file)
			if err := os.WriteFile(name, []byte(c.program), 0o600); err != nil {
				t.Fatal(err)
			}
			runSnippet(t, c.tool, append(c.args, name))
		})
	}
}

func runSnippet(t *testing.T, tool string, args []string) {
	key := GenerateClinicKey()
	for _, role := range []auth.Role{auth.Host, auth.Cohost, auth.Participant, auth.Observer} {
		want := key.Link("Gruppe Süd", "2026-03-02/1", role, "Zoë Müller", auth.NewSecret("a.b.c")).Reveal()
		cmd := exec.Command(tool, args...)
		cmd.Env = append(os.Environ(), "K="+base64.StdEncoding.EncodeToString([]byte(key.key.Reveal())),
			"ROOM=Gruppe Süd", "SESSION=2026-03-02/1", "ROLE="+string(role), "NAME=Zoë Müller", "TOKEN=a.b.c")
		got, err := cmd.CombinedOutput()
		if err != nil || strings.TrimSpace(string(got)) != want {
			t.Errorf("%s: %s, %v, want %s", role, got, err, want)
		}
	}
}
