package repocheck

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The design as a test. Every Go file of the module is read, whatever its build tags.

const module = "alcove"

// A rule says what the packages below a path may import; the longest path that fits a package counts.
type rule struct {
	path     string
	internal []string // packages of ours, "…/*" for all below; the package's own are always allowed in its tests
	tests    []string // what its tests may import beside
	forbid   []string // path prefixes of packages that are not ours
	std      bool     // the standard library only
	pure     bool     // no network, clock, chance, log, file or goroutine
}

var pion = []string{"github.com/pion/"}

// Imports point one way: cmd → signaling → room → auth, and cmd → sfu → sfu/forward, sfu/udp.
var rules = []rule{
	{path: "auth", internal: []string{"auth/*"}, forbid: pion},
	{path: "auth/strictjson", std: true, pure: true},
	{path: "auth/e2ee", internal: []string{"auth"}, forbid: pion}, // the issuer's: never of the daemon
	{path: "room", internal: []string{"auth"}, forbid: pion, pure: true},
	{path: "room/live", internal: []string{"auth", "room", "room/live/internal/*"}, forbid: pion},
	{path: "room/live/internal/opening", internal: []string{"auth", "room"}, forbid: pion, pure: true},
	{path: "room/live/livetest", internal: []string{"auth", "room", "room/live"}, forbid: pion}, // stands for signaling and media in tests
	{path: "room/audit", internal: []string{"auth", "room"}, forbid: pion},
	{path: "room/store", internal: []string{"auth", "room", "room/audit", "room/live", "room/store/storetest"}, forbid: pion}, // implements live.Journal
	{path: "room/store/storetest", internal: []string{"room/store"}, forbid: pion},                                            // the contract of store.Values
	{path: "room/files", internal: []string{"auth", "room"}, forbid: pion},                                                    // its Index is a store.Store
	{path: "signaling", internal: []string{"auth", "room", "room/*", "signaling/*"}, forbid: pion},
	{path: "signaling/wire", internal: []string{"auth", "auth/strictjson", "room", "room/live"}, forbid: pion, pure: true},
	{path: "signaling/conns", forbid: pion},
	{path: "signaling/files", internal: []string{"auth", "room", "room/files", "signaling/wire", "signaling/internal/*"}, forbid: pion},
	{path: "signaling/session", internal: []string{"auth", "room", "room/files", "room/live", "signaling/wire", "signaling/conns", "signaling/internal/*"}, forbid: pion},
	{path: "signaling/api", internal: []string{"auth", "room", "room/live", "signaling/wire", "signaling/internal/*"}, tests: []string{"signaling/session"}, forbid: pion},
	{path: "signaling/internal", internal: []string{"auth", "room", "room/live", "signaling/wire"}, forbid: pion},
	{path: "sfu", internal: []string{"sfu/*"}},
	{path: "sfu/forward", std: true, pure: true},
	{path: "sfu/bwe", std: true, pure: true, tests: []string{"sfu/bwe/bwetest"}},
	{path: "sfu/bwe/bwetest", internal: []string{"sfu/bwe"}, forbid: pion}, // a simulated line, for tests
	{path: "sfu/udp"},
	{path: "sfu/relay"}, // a TURN server that knows addresses of media ports and nothing else of us
	{path: "sfu/record", internal: []string{"sfu/*"}, forbid: []string{"github.com/pion/webrtc"}},
	{path: "sfu/record/sframe", std: true, pure: true},
	{path: "loadtest", internal: []string{"auth", "loadtest/*", "signaling/*", "sfu/srtp", "sfu/udp"}}, // leaves of the media plane
	// The command. Its packages import down this list only, and main all of them.
	{path: "cmd/alcove", internal: []string{below + "*", "sfu/record"}, tests: []string{"auth", "room"}},
	{path: below + "cli", std: true},
	{path: below + "claims", internal: []string{"auth", "auth/e2ee"}, forbid: pion},
	{path: below + "keyfile", internal: []string{"auth", "auth/e2ee", "room/audit", "room/store"}, forbid: pion},
	{path: below + "config", internal: []string{below + "keyfile", "auth", "room", "room/audit", "room/files", "room/store", "sfu/record"}, forbid: pion, tests: []string{below + "alcovetest"}},
	{path: below + "control", internal: []string{below + "keyfile"}, forbid: pion},
	{path: below + "state", internal: []string{below + "config", "room", "room/audit", "room/files", "room/store", "sfu/record"}, forbid: pion},
	{path: below + "front", internal: []string{below + "config", below + "keyfile", "sfu/relay", "signaling/conns"}, tests: []string{below + "alcovetest"}}, // neither room nor sfu
	{path: below + "doctor", internal: []string{below + "cli", below + "config", below + "control", below + "front", below + "keyfile", "room", "sfu/record", "sfu/udp", "signaling", "signaling/wire"},
		tests: []string{below + "alcovetest", "auth", "room/live", "signaling/conns"}},
	{path: below + "operator", internal: []string{below + "claims", below + "cli", below + "config", below + "control", below + "keyfile", below + "state", "auth", "auth/e2ee", "room", "room/audit", "sfu/record", "signaling/web"}, forbid: pion,
		tests: []string{below + "alcovetest"}},
	{path: below + "dev", internal: []string{below + "claims", below + "cli", below + "config", below + "keyfile", "auth", "auth/e2ee", "room", "room/audit", "room/store", "signaling/web"}, forbid: pion},
	{path: below + "daemon", internal: []string{below + "cli", below + "config", below + "control", below + "front", below + "state", "auth", "room", "room/*", "sfu", "sfu/*", "signaling", "signaling/*"},
		tests: []string{below + "*", "loadtest/*"}},
	{path: below + "alcovetest", internal: []string{below + "keyfile", "signaling/wire"}},
	{path: below + "demotest", internal: []string{below + "alcovetest", below + "cli", below + "dev", below + "keyfile", below + "operator", "room"}},
	{path: below + "repocheck", tests: []string{below + "*"}},
}

// below is where the packages of the command are.
const below = "cmd/alcove/internal/"

// What a pure package would need to be impure. net/netip holds addresses, no sockets.
var impure = []string{"net", "os", "log", "syscall", "math/rand", "crypto/rand", "io/fs", "io/ioutil", "sync"}

// Ways to read the clock.
var clock = []string{"Now", "Since", "Until", "After", "AfterFunc", "Sleep", "Tick", "NewTimer", "NewTicker"}

// A source is one Go file.
type source struct {
	name string // slash-separated, from the root of the module
	dir  string
	test bool
	file *ast.File
	fset *token.FileSet
}

func (s source) at(n ast.Node) string {
	return s.name + ":" + strconv.Itoa(s.fset.Position(n.Pos()).Line)
}

func (s source) imports() []string {
	var paths []string
	for _, spec := range s.file.Imports {
		p, _ := strconv.Unquote(spec.Path.Value)
		paths = append(paths, p)
	}
	return paths
}

// walkTree calls visit for every file that is ours: nothing generated, nothing of third parties.
func walkTree(t *testing.T, visit func(name string)) {
	t.Helper()
	err := fs.WalkDir(os.DirFS("../../../.."), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		ignored := name == "bin" || name == ".git" || d.Name() == "node_modules" || d.Name() == "dist" || name == "signaling/web/e2e/out"
		if d.IsDir() && ignored {
			return fs.SkipDir
		}
		if d.Type().IsRegular() {
			visit(name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// sources parses all Go files.
func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	fset := token.NewFileSet()
	walkTree(t, func(name string) {
		if path.Ext(name) != ".go" {
			return
		}
		f, err := parser.ParseFile(fset, filepath.Join("../../../..", filepath.FromSlash(name)), nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, source{name, path.Dir(name), strings.HasSuffix(name, "_test.go"), f, fset})
	})
	if len(all) < 20 {
		t.Fatalf("found %d Go files: this test looks at the wrong folder", len(all))
	}
	return all
}

func TestArchitecture(t *testing.T) {
	all := sources(t)
	t.Run("imports", func(t *testing.T) {
		for _, s := range all {
			r := ruleOf(s.dir)
			if r == nil {
				t.Errorf("%s: no rule says what %s may import", s.name, s.dir)
				continue
			}
			for _, p := range s.imports() {
				if why := r.refuses(s, p); why != "" {
					t.Errorf("%s imports %s: %s", s.name, p, why)
				}
			}
		}
	})
	t.Run("pure packages", func(t *testing.T) {
		for _, s := range all {
			if r := ruleOf(s.dir); r != nil && r.pure && r.path == s.dir && !s.test {
				checkPure(t, s)
			}
		}
	})
	t.Run("media.go alone sees room and sfu", func(t *testing.T) {
		for _, s := range all {
			if strings.HasPrefix(s.dir, "cmd/alcove") && !s.test && s.name != below+"daemon/media.go" && sees(s, "room") && sees(s, "sfu") {
				t.Errorf("%s imports both room and sfu", s.name)
			}
		}
	})
	t.Run("one package doc per folder", func(t *testing.T) { checkDocs(t, all) })
	t.Run("top level", checkTopLevel)
}

func ruleOf(dir string) *rule {
	var best *rule
	for i, r := range rules {
		if (dir == r.path || strings.HasPrefix(dir, r.path+"/")) && (best == nil || len(r.path) > len(best.path)) {
			best = &rules[i]
		}
	}
	return best
}

// refuses says why the file must not import the package, "" if it may.
func (r *rule) refuses(s source, imported string) string {
	first, _, _ := strings.Cut(imported, "/")
	switch {
	case first == module:
		p := strings.TrimPrefix(imported, module+"/")
		allowed := r.internal
		if s.test {
			allowed = append(slices.Clone(allowed), append(r.tests, s.dir)...)
		}
		if slices.ContainsFunc(allowed, func(ok string) bool { return covers(ok, p) }) {
			return ""
		}
		return "imports point the other way"
	case strings.Contains(first, "."):
		if r.std && !s.test {
			return "the standard library only"
		}
		if slices.ContainsFunc(r.forbid, func(no string) bool { return strings.HasPrefix(imported, no) }) {
			return "forbidden here"
		}
	}
	return ""
}

func covers(pattern, p string) bool {
	if below, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(p, below)
	}
	return pattern == p
}

func sees(s source, tree string) bool {
	return slices.ContainsFunc(s.imports(), func(p string) bool {
		return p == module+"/"+tree || strings.HasPrefix(p, module+"/"+tree+"/")
	})
}

func checkPure(t *testing.T, s source) {
	for _, p := range s.imports() {
		for _, no := range impure {
			if p != "net/netip" && (p == no || strings.HasPrefix(p, no+"/")) {
				t.Errorf("%s imports %s, but %s is pure", s.name, p, s.dir)
			}
		}
	}
	ast.Inspect(s.file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			t.Errorf("%s starts a goroutine, but %s is pure", s.at(n), s.dir)
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains(clock, n.Sel.Name) {
				t.Errorf("%s reads the clock, but in %s time is an input", s.at(n), s.dir)
			}
		}
		return true
	})
}

func checkDocs(t *testing.T, all []source) {
	docs := map[string][]string{}
	for _, s := range all {
		if s.test {
			continue
		}
		docs[s.dir] = append(docs[s.dir], "")
		if s.file.Doc != nil {
			docs[s.dir] = append(docs[s.dir], s.name)
		}
	}
	for dir, names := range docs {
		names = slices.DeleteFunc(names, func(n string) bool { return n == "" })
		if len(names) != 1 {
			t.Errorf("%s has %d package docs, want one: %v", dir, len(names), names)
		}
	}
}

func checkTopLevel(t *testing.T) {
	want := []string{"cmd", "sfu", "signaling", "room", "auth", "deploy", "loadtest", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile", "README.md", "SECURITY.md", "go.mod", "go.sum"}
	entries, err := os.ReadDir("../../../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		built := e.Name() == "bin" // ignored by git
		if !built && !strings.HasPrefix(e.Name(), ".") && !slices.Contains(want, e.Name()) {
			t.Errorf("%s has no place at the top level", e.Name())
		}
	}
}
