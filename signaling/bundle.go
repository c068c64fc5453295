package signaling

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"alcove/signaling/web"
)

// pageNotBuilt answers / in a daemon that was built without the page.
const pageNotBuilt = "The page was not built into this daemon. Run `make page`, then build the daemon again.\n"

// minCompressed is the size in bytes from which compression saves a packet.
const minCompressed = 1400

// brotliSuffix marks the Brotli form of a file (RFC 7932), which the build writes beside it. The standard library cannot make one.
const brotliSuffix = ".br"

// hashedName matches the names of files whose content never changes, as the bundler writes them: name-HASH.js.
var hashedName = regexp.MustCompile(`-[A-Z0-9]{8}\.[a-z0-9]+(\.map)?$`)

// contentTypes holds types that the table of the operating system may lack.
var contentTypes = map[string]string{
	".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".html": "text/html; charset=utf-8",
	".svg": "image/svg+xml", ".png": "image/png", ".ico": "image/x-icon", ".woff2": "font/woff2", ".json": "application/json",
	".map": "application/json", ".webmanifest": "application/manifest+json", ".wasm": "application/wasm", ".txt": "text/plain; charset=utf-8",
}

// A bundle serves the files of the page and nothing else: no folders and no fallback. Each file is hashed and compressed
// by gzip at its first request; its Brotli form comes from the build.
type bundle struct {
	files fs.FS

	mu     sync.Mutex
	loaded map[string]*bundleFile // Guarded by mu. By name; only files that exist.
}

// A bundleFile is one file with what its answers need.
type bundleFile struct {
	codings      []coding // the preferred one first
	etag         string   // of the content without coding, without quotes (RFC 9110, section 8.8.3)
	contentType  string
	cacheControl string
}

func newBundle(files fs.FS) *bundle {
	return &bundle{files: files, loaded: map[string]*bundleFile{}}
}

// ServeHTTP answers GET and HEAD, conditional and range requests included.
func (b *bundle) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
	if name == "" {
		name = web.Index
		if !web.Built(b.files) {
			w.Header().Set("Cache-Control", "no-store")
			w.Header().Set("Content-Type", contentTypes[".txt"])
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprint(w, pageNotBuilt)
			return
		}
	}
	f := b.load(name)
	if f == nil {
		w.Header().Set("Cache-Control", "no-store")
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	h := w.Header()
	h.Set("Vary", "Accept-Encoding")
	chosen := chooseCoding(r.Header.Values("Accept-Encoding"), f.codings)
	if chosen < 0 {
		h.Set("Cache-Control", "no-store")
		http.Error(w, "no acceptable content coding", http.StatusNotAcceptable)
		return
	}
	c := f.codings[chosen]
	h.Set("Cache-Control", f.cacheControl)
	h.Set("Content-Type", f.contentType)
	etag := f.etag
	if c.name != identity {
		etag += "-" + c.name
		h.Set("Content-Encoding", c.name)
		h.Set("Content-Length", strconv.Itoa(len(c.content))) // ServeContent leaves it out for an encoded file
	}
	h.Set("ETag", `"`+etag+`"`)
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(c.content))
}

// load returns a file of the bundle, nil if there is none.
func (b *bundle) load(name string) *bundleFile {
	b.mu.Lock()
	defer b.mu.Unlock()
	if f := b.loaded[name]; f != nil {
		return f
	}
	content, err := fs.ReadFile(b.files, name)
	if err != nil || strings.HasPrefix(path.Base(name), ".") || path.Ext(name) == brotliSuffix {
		return nil
	}
	brotli, err := fs.ReadFile(b.files, name+brotliSuffix)
	if err != nil {
		brotli = nil
	}
	hash := sha256.Sum256(content)
	f := &bundleFile{codings: codingsOf(content, brotli), etag: hex.EncodeToString(hash[:16]), contentType: contentTypeOf(name), cacheControl: "no-cache"}
	switch {
	case name == web.Index:
		f.cacheControl = "no-store"
	case hashedName.MatchString(name):
		f.cacheControl = "public, max-age=31536000, immutable"
	}
	b.loaded[name] = f
	return f
}

func contentTypeOf(name string) string {
	kind, ok := contentTypes[path.Ext(name)]
	if !ok {
		kind = mime.TypeByExtension(path.Ext(name))
	}
	if kind == "" {
		kind = "application/octet-stream"
	}
	return kind
}
