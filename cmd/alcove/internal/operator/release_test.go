package operator

import (
	"bytes"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/mod/sumdb/note"

	"alcove/cmd/alcove/internal/cli"
	"alcove/cmd/alcove/internal/keyfile"
)

func somePage() fstest.MapFS {
	return fstest.MapFS{
		"index.html": {Data: []byte("<!doctype html>")}, "index.html.br": {Data: []byte("x")}, ".gitkeep": {},
		"assets/page-1.js": {Data: []byte("let a")}, "assets/page-1.js.br": {Data: []byte("y")},
	}
}

// TestManifest checks that the manifest lists the files that a browser loads, in the format of sha256sum, and that verification names each
// changed or missing file.
func TestManifest(t *testing.T) {
	manifest, err := pageManifest(somePage())
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Split(strings.TrimSpace(manifest), "\n"); len(lines) != 3 || !strings.HasPrefix(manifest, manifestTitle) ||
		!strings.HasSuffix(lines[1], "  assets/page-1.js") || !strings.HasSuffix(lines[2], "  index.html") {
		t.Errorf("manifest:\n%s", manifest)
	}
	lines, err := openManifest([]byte(manifest), "")
	if err != nil {
		t.Fatal(err)
	}
	changed, missing := somePage(), somePage()
	changed["assets/page-1.js"] = &fstest.MapFile{Data: []byte("let b")}
	delete(missing, "assets/page-1.js")
	for name, c := range map[string]struct {
		page fs.FS
		says string
	}{"as it is": {somePage(), "fine "}, "changed": {changed, "differs  assets/page-1.js"}, "missing": {missing, "missing  assets/page-1.js"}} {
		var out bytes.Buffer
		err := compareManifest(&out, lines, func(file string) ([]byte, error) { return fs.ReadFile(c.page, file) }, false)
		if !strings.Contains(out.String(), c.says) || (err == nil) != (name == "as it is") {
			t.Errorf("%s: %v, %s", name, err, out.String())
		}
	}
	if _, err := pageManifest(fstest.MapFS{}); err == nil {
		t.Error("a program without a page has a manifest")
	}
}

// TestManifestOfServer compares the manifest with the files that a server delivers.
func TestManifestOfServer(t *testing.T) {
	page := somePage()
	server := httptest.NewServer(http.FileServerFS(page))
	defer server.Close()
	manifest, err := pageManifest(page)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "manifest")
	if err := os.WriteFile(name, []byte(manifest), 0o644); err != nil {
		t.Fatal(err)
	}
	verify := func() (string, int) {
		var out, errs bytes.Buffer
		code := cli.Run(cli.Terminal{Out: &out, Err: &errs}, Commands(), []string{"release", "verify", "--url", server.URL + "/", name})
		return out.String() + errs.String(), code
	}
	if said, code := verify(); code != 0 || !strings.Contains(said, "fine     2 files") || !strings.Contains(said, "signature was not checked") {
		t.Errorf("%d: %s", code, said)
	}
	page["index.html"] = &fstest.MapFile{Data: []byte("<!doctype html><script>leak()</script>")}
	if said, code := verify(); code == 0 || !strings.Contains(said, "differs  index.html") {
		t.Errorf("%d: %s", code, said)
	}
}

// TestManifestSignature checks that a manifest is refused if it is unsigned, signed with another key, or changed after it was signed.
func TestManifestSignature(t *testing.T) {
	folder := t.TempDir()
	run := func(args ...string) (string, int) {
		var out, errs bytes.Buffer
		code := cli.Run(cli.Terminal{Out: &out, Err: &errs}, Commands(), append([]string{"release"}, args...))
		return out.String() + errs.String(), code
	}
	for _, name := range []string{"ours", "other"} {
		if said, code := run("keygen", "--out", filepath.Join(folder, name)); code != 0 {
			t.Fatal(said)
		}
	}
	if info, err := os.Stat(filepath.Join(folder, "ours", releaseKeyFile)); err != nil || info.Mode().Perm() != keyfile.ModeSecret {
		t.Errorf("the private key: %v, %v", info.Mode(), err)
	}
	signer, err := keyfile.ReadSecret(filepath.Join(folder, "ours", releaseKeyFile), parseReleaseKey)
	if err != nil {
		t.Fatal(err)
	}
	text, err := pageManifest(somePage())
	if err != nil {
		t.Fatal(err)
	}
	signed, err := note.Sign(&note.Note{Text: text}, signer)
	if err != nil {
		t.Fatal(err)
	}
	ours, other := filepath.Join(folder, "ours", releasePublicFile), filepath.Join(folder, "other", releasePublicFile)
	if lines, err := openManifest(signed, ours); err != nil || len(lines) != 2 {
		t.Errorf("%v, %v", lines, err)
	}
	if lines, err := openManifest(signed, ""); err != nil || len(lines) != 2 {
		t.Errorf("unchecked: %v, %v", lines, err)
	}
	for name, c := range map[string]struct {
		data []byte
		key  string
	}{
		"another key": {signed, other}, "unsigned": {[]byte(text), ours}, "changed": {bytes.Replace(signed, []byte("index.html"), []byte("index.htmx"), 1), ours},
		"the private key": {signed, filepath.Join(folder, "ours", releaseKeyFile)}, "no manifest": {[]byte("hello\n"), ""},
		"without the page": {[]byte(manifestTitle + fmt.Sprintf("%064d  a.js\n", 0)), ""}, "damaged": {[]byte(manifestTitle + "12  index.html\n"), ""},
		"outside": {[]byte(manifestTitle + fmt.Sprintf("%064d  ../index.html\n", 0)), ""},
	} {
		if lines, err := openManifest(c.data, c.key); err == nil {
			t.Errorf("%s: %v", name, lines)
		}
	}
}
