package signaling

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"regexp"
	"strings"

	"alcove/signaling/web"
)

// Page is what the page is told about where it runs: /v1/page.json.
type Page struct {
	Clinic string `json:"clinic"` // name of the clinic
	Phone  string `json:"phone"`  // number to call where a way ends
	Dev    bool   `json:"dev"`
}

// notBuilt is what / says when the daemon was built without the page.
const pageNotBuilt = "The page was not built into this daemon. Run `make page`, then build the daemon again.\n"

// hashed is how the bundler names what never changes: name-HASH.js.
var hashedName = regexp.MustCompile(`-[A-Z0-9]{8}\.[a-z0-9]+(\.map)?$`)

// hostName is a host as it may stand in a header of ours: names, addresses, brackets, a port.
var hostName = regexp.MustCompile(`^[a-z0-9.:\[\]-]{1,255}$`)

// Types that the table of the operating system may lack.
var contentTypes = map[string]string{
	".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".html": "text/html; charset=utf-8",
	".svg": "image/svg+xml", ".png": "image/png", ".ico": "image/x-icon", ".woff2": "font/woff2", ".json": "application/json",
	".map": "application/json", ".webmanifest": "application/manifest+json", ".wasm": "application/wasm", ".txt": "text/plain; charset=utf-8",
}

// permissions lets the page itself use what a session needs; all else is off, also for frames inside it (W3C Permissions Policy).
const permissionsPolicy = "camera=(self), microphone=(self), display-capture=(self), autoplay=(self), fullscreen=(self), " +
	"speaker-selection=(self), screen-wake-lock=(self), picture-in-picture=(self), " +
	"accelerometer=(), browsing-topics=(), clipboard-read=(), encrypted-media=(), " +
	"gamepad=(), geolocation=(), gyroscope=(), hid=(), identity-credentials-get=(), idle-detection=(), local-fonts=(), " +
	"magnetometer=(), midi=(), otp-credentials=(), payment=(), publickey-credentials-get=(), serial=(), storage-access=(), " +
	"usb=(), window-management=(), xr-spatial-tracking=()"

// harden sets the headers that every public answer carries.
func (s *Server) securityHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		own := s.ownOrigin(r)
		h := w.Header()
		h.Set("Content-Security-Policy", s.csp(own))
		h.Set("Permissions-Policy", permissionsPolicy)
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		if strings.HasPrefix(own, "https:") {
			h.Set("Strict-Transport-Security", "max-age=63072000")
		}
		defer s.guardHTTP(w)
		next.ServeHTTP(w, r)
	})
}

// csp allows the page its own bundle, its own media and its own WebSocket. 'self' covers wss: only in newer browsers (CSP Level 3,
// section 6.7.2.8), so the address is named too.
func (s *Server) csp(own string) string {
	connect := "'self'"
	if scheme, host, ok := strings.Cut(own, "://"); ok && hostName.MatchString(host) {
		connect += map[string]string{"http": " ws://", "https": " wss://"}[scheme] + host
	}
	ancestors := "'none'"
	if len(s.cfg.FrameAncestors) > 0 {
		ancestors = strings.Join(s.cfg.FrameAncestors, " ")
	}
	return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; " +
		"media-src 'self' blob: mediastream:; font-src 'self'; manifest-src 'self'; connect-src " + connect +
		"; base-uri 'none'; form-action 'none'; frame-ancestors " + ancestors
}

// guardHTTP, deferred, turns a panic into a 500 with a ref.
func (s *Server) guardHTTP(w http.ResponseWriter) {
	if p := recover(); p != nil {
		ref := s.reportPanic("http", p)
		http.Error(w, "Our fault. Reference: "+ref, http.StatusInternalServerError)
	}
}

// readOnly refuses all but GET and HEAD.
func readOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "GET or HEAD", http.StatusMethodNotAllowed)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (s *Server) serveConfig(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", contentTypes[".json"])
	json.NewEncoder(w).Encode(s.settings.Load().Page)
}

// servePage serves the files of the bundle and nothing else: no folders, no guesses.
func (s *Server) servePage(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
	if name == "" {
		name = web.Index
		if !web.Built(s.cfg.Bundle) {
			w.Header().Set("Cache-Control", "no-store")
			w.Header().Set("Content-Type", contentTypes[".txt"])
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprint(w, pageNotBuilt)
			return
		}
	}
	body, err := fs.ReadFile(s.cfg.Bundle, name)
	if err != nil || strings.HasPrefix(path.Base(name), ".") {
		w.Header().Set("Cache-Control", "no-store")
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	kind, ok := contentTypes[path.Ext(name)]
	if !ok {
		kind = mime.TypeByExtension(path.Ext(name))
	}
	if kind == "" {
		kind = "application/octet-stream"
	}
	caching := "no-cache"
	switch {
	case name == web.Index:
		caching = "no-store"
	case hashedName.MatchString(name):
		caching = "public, max-age=31536000, immutable"
	}
	w.Header().Set("Cache-Control", caching)
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	w.Write(body)
}
