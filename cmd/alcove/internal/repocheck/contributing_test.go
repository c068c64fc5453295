package repocheck

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// repositoryRoot is the folder of go.mod.
func repositoryRoot(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("there is no go.mod above this test")
		}
		dir = parent
	}
}

var (
	codeSpan = regexp.MustCompile("`([^`\n]+)`")
	fileName = regexp.MustCompile(`^[\w.-]+(/[\w.*-]+)+/?$|^[\w-]+\.(md|go)$`)
	mapRow   = regexp.MustCompile("^\\| (Where .*\\?) \\| `([^`]+)` \\| `(\\w+)` \\|$")
	mdLink   = regexp.MustCompile(`\]\(([^)#:]+)\)`)
)

// TestContributing checks that every file that CONTRIBUTING.md names exists, and that each file of its map declares what the map says to look for.
func TestContributing(t *testing.T) {
	root := repositoryRoot(t)
	page, err := os.ReadFile(filepath.Join(root, "CONTRIBUTING.md"))
	if err != nil {
		t.Fatal(err)
	}
	named := 0
	for _, m := range codeSpan.FindAllStringSubmatch(string(page), -1) {
		name := m[1]
		if !fileName.MatchString(name) || strings.Contains(name, "NAME") || name == "params.go" || strings.HasPrefix(name, "testing/") {
			continue
		}
		named++
		if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(name))); err != nil {
			t.Errorf("CONTRIBUTING.md names %s, which does not exist", name)
		}
	}
	if named < 40 {
		t.Errorf("CONTRIBUTING.md names %d files: this test does not read it right", named)
	}
	rows := 0
	for line := range strings.Lines(string(page)) {
		m := mapRow.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			continue
		}
		rows++
		text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(m[2])))
		if err != nil {
			t.Error(err)
			continue
		}
		if !regexp.MustCompile(`(?m)^(func (\([^)]*\) )?|type |var |const |\t)` + m[3] + `\b`).Match(text) {
			t.Errorf("%s: %s declares no %s", m[1], m[2], m[3])
		}
	}
	if rows != 10 {
		t.Errorf("the map of CONTRIBUTING.md answers %d questions, want 10", rows)
	}
}

// TestTopLevelLinks checks the links between documents of the top level.
func TestTopLevelLinks(t *testing.T) {
	root := repositoryRoot(t)
	links := 0
	for _, name := range []string{"CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"} {
		page, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range mdLink.FindAllStringSubmatch(string(page), -1) {
			links++
			if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(m[1]))); err != nil {
				t.Errorf("%s links to %s, which does not exist", name, m[1])
			}
		}
	}
	if links < 7 {
		t.Errorf("found %d links: this test does not read the documents right", links)
	}
}
