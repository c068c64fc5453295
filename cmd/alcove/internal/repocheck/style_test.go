package repocheck

import (
	"encoding/json"
	"go/ast"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"alcove/cmd/alcove/internal/alcovetest"
)

// The house style as a test, as far as a test can see it.

// A function fits a screen; a switch or a run loop may be longer. Files have no limit: a file holds one subject, and a limit only cut
// subjects apart.
const maxFunctionLines = 60

func TestHouseStyle(t *testing.T) {
	all := sources(t)
	t.Run("functions fit a screen", func(t *testing.T) {
		for _, s := range all {
			checkFunctionSizes(t, s)
		}
	})
	t.Run("tests neither skip nor sleep", func(t *testing.T) {
		simulated := map[string]bool{}
		for _, s := range all {
			if s.test && slices.Contains(s.imports(), "testing/synctest") {
				simulated[s.dir] = true
			}
		}
		for _, s := range all {
			if s.test {
				checkNoSkipNoSleep(t, s, simulated[s.dir])
			}
		}
	})
	t.Run("no path of one machine", func(t *testing.T) {
		walkTree(t, func(name string) { checkNoMachinePath(t, name) })
	})
	t.Run("every fuzz target has seeds", func(t *testing.T) { checkSeeds(t, all) })
	t.Run("every dependency has its line in the README", checkDependencies)
}

// checkFunctionSizes leaves out tests: a table of cases may be long.
func checkFunctionSizes(t *testing.T, s source) {
	if s.test {
		return
	}
	for _, d := range s.file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Body == nil || slices.ContainsFunc(f.Body.List, mayBeLong) {
			continue
		}
		if lines := s.fset.Position(f.End()).Line - s.fset.Position(f.Pos()).Line + 1; lines > maxFunctionLines {
			t.Errorf("%s: %s has %d lines, at most %d", s.at(f), f.Name.Name, lines, maxFunctionLines)
		}
	}
}

// mayBeLong: a switch, or a loop around a select or a switch.
func mayBeLong(n ast.Stmt) bool {
	var body *ast.BlockStmt
	switch n := n.(type) {
	case *ast.SwitchStmt, *ast.TypeSwitchStmt, *ast.SelectStmt:
		return true
	case *ast.ForStmt:
		body = n.Body
	case *ast.RangeStmt:
		body = n.Body
	default:
		return false
	}
	return slices.ContainsFunc(body.List, func(n ast.Stmt) bool {
		switch n.(type) {
		case *ast.SwitchStmt, *ast.TypeSwitchStmt, *ast.SelectStmt:
			return true
		}
		return false
	})
}

// checkNoSkipNoSleep allows sleeping in packages whose tests simulate time.
func checkNoSkipNoSleep(t *testing.T, s source, simulated bool) {
	ast.Inspect(s.file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		sel, ok := call.Fun.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		x, ok := sel.X.(*ast.Ident)
		if !ok {
			return true
		}
		switch {
		case slices.Contains([]string{"t", "b", "f", "tb"}, x.Name) && slices.Contains([]string{"Skip", "Skipf", "SkipNow"}, sel.Sel.Name):
			t.Errorf("%s skips", s.at(n))
		case x.Name == "time" && sel.Sel.Name == "Sleep" && !simulated:
			t.Errorf("%s sleeps: wait for a condition, or simulate time", s.at(n))
		}
		return true
	})
}

var machinePath = regexp.MustCompile(`(^|[^\w.])/(work|root|home)/\w`)

func checkNoMachinePath(t *testing.T, name string) {
	switch path.Ext(name) {
	case ".go", ".ts", ".tsx", ".mjs", ".css", ".html", ".sh", ".md", ".yaml", ".yml", ".json", ".txt", ".txtar", ".mod", "":
		for i, line := range strings.Split(string(alcovetest.ReadFile(t, name)), "\n") {
			if machinePath.MatchString(line) {
				t.Errorf("%s:%d names a path of one machine", name, i+1)
			}
		}
	}
}

// checkSeeds: the target adds seeds itself, or hands f to a function that does, or has a folder of them.
func checkSeeds(t *testing.T, all []source) {
	adds := map[string]bool{} // dir/function
	for _, s := range all {
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && s.test && callsAdd(f) {
				adds[s.dir+"/"+f.Name.Name] = true
			}
		}
	}
	found := 0
	for _, s := range all {
		for _, d := range s.file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || !s.test || f.Recv != nil || !strings.HasPrefix(f.Name.Name, "Fuzz") {
				continue
			}
			found++
			corpus, _ := os.ReadDir(filepath.Join("../../../..", filepath.FromSlash(s.dir), "testdata/fuzz", f.Name.Name))
			if len(corpus) == 0 && !adds[s.dir+"/"+f.Name.Name] && !callsAny(f, s.dir, adds) {
				t.Errorf("%s: %s has no seeds", s.at(f), f.Name.Name)
			}
		}
	}
	if found == 0 {
		t.Error("found no fuzz target")
	}
}

func callsAdd(f *ast.FuncDecl) bool {
	takesF := false
	for _, p := range f.Type.Params.List {
		star, ok := p.Type.(*ast.StarExpr)
		if !ok {
			continue
		}
		sel, ok := star.X.(*ast.SelectorExpr)
		takesF = takesF || ok && sel.Sel.Name == "F"
	}
	adds := false
	ast.Inspect(f, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		adds = adds || ok && sel.Sel.Name == "Add"
		return true
	})
	return takesF && adds
}

func callsAny(f *ast.FuncDecl, dir string, adds map[string]bool) bool {
	calls := false
	ast.Inspect(f, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		id, ok := call.Fun.(*ast.Ident)
		calls = calls || ok && adds[dir+"/"+id.Name]
		return true
	})
	return calls
}

// checkDependencies: a dependency earns its place by a line in the table of why.
func checkDependencies(t *testing.T) {
	var names []string
	for line := range strings.Lines(string(alcovetest.ReadFile(t, "go.mod"))) {
		fields := strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "require "))
		if len(fields) == 2 && strings.HasPrefix(fields[1], "v") {
			names = append(names, fields[0])
		}
	}
	for _, file := range []string{"signaling/web/package.json", "deploy/node/package.json"} {
		var manifest struct{ Dependencies, DevDependencies, OptionalDependencies map[string]string }
		if err := json.Unmarshal(alcovetest.ReadFile(t, file), &manifest); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, m := range []map[string]string{manifest.Dependencies, manifest.DevDependencies, manifest.OptionalDependencies} {
			for name := range m {
				names = append(names, name)
			}
		}
	}
	readme := string(alcovetest.ReadFile(t, "README.md"))
	for _, name := range names {
		row := regexp.MustCompile("(?m)^\\|.*`" + regexp.QuoteMeta(name) + "`.*\\|")
		if !row.MatchString(readme) {
			t.Errorf("README.md does not say why we depend on %s", name)
		}
	}
}
