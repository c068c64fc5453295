package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"alcove/cmd/alcove/internal/keyfile"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"alcove": main})
}

// TestScripts runs the commands as an operator types them.
func TestScripts(t *testing.T) {
	scripts, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil || len(scripts) < 4 {
		t.Fatalf("found %d scripts: %v", len(scripts), err)
	}
	example, err := filepath.Abs("../../deploy/alcove.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			data, err := os.ReadFile(example)
			if err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(e.WorkDir, "example.yaml"), data, keyfile.ModePublic)
		},
	})
}
