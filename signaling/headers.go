package signaling

import (
	"net/http"
	"regexp"
	"strings"
)

// hostName matches a host that may be written into a header: a name or an address, with a port or without.
var hostName = regexp.MustCompile(`^[a-z0-9.:\[\]-]{1,255}$`)

// permissionsPolicy allows the page itself what a session needs and disables all else, also for frames inside it (W3C
// Permissions Policy).
const permissionsPolicy = "camera=(self), microphone=(self), display-capture=(self), autoplay=(self), fullscreen=(self), " +
	"speaker-selection=(self), screen-wake-lock=(self), picture-in-picture=(self), " +
	"accelerometer=(), browsing-topics=(), clipboard-read=(), encrypted-media=(), " +
	"gamepad=(), geolocation=(), gyroscope=(), hid=(), identity-credentials-get=(), idle-detection=(), local-fonts=(), " +
	"magnetometer=(), midi=(), otp-credentials=(), payment=(), publickey-credentials-get=(), serial=(), storage-access=(), " +
	"usb=(), window-management=(), xr-spatial-tracking=()"

// securityHeaders sets the headers of every public answer, and recovers from panics of its handler.
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
		defer s.recoverHTTP(w)
		next.ServeHTTP(w, r)
	})
}

// csp allows the page its own bundle, its own media and its own WebSocket, and workers only from files that the page has checked against their
// hashes. Only newer browsers match wss: with 'self' (CSP
// Level 3, section 6.7.2.8), so the address is listed too.
func (s *Server) csp(own string) string {
	connect := "'self'"
	if scheme, host, ok := strings.Cut(own, "://"); ok && hostName.MatchString(host) {
		connect += map[string]string{"http": " ws://", "https": " wss://"}[scheme] + host
	}
	ancestors := "'none'"
	if len(s.cfg.FrameAncestors) > 0 {
		ancestors = strings.Join(s.cfg.FrameAncestors, " ")
	}
	return "default-src 'none'; script-src 'self'; worker-src blob:; style-src 'self'; img-src 'self' data: blob:; " +
		"media-src 'self' blob: mediastream:; font-src 'self'; manifest-src 'self'; connect-src " + connect +
		"; base-uri 'none'; form-action 'none'; frame-ancestors " + ancestors
}

// recoverHTTP, deferred, turns a panic into a 500 with a ref.
func (s *Server) recoverHTTP(w http.ResponseWriter) {
	if p := recover(); p != nil {
		ref := s.faults.Panic("http", p)
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
