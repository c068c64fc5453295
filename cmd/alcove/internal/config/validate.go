package config

import (
	"maps"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"alcove/auth"
)

// validate refuses values that cannot work or would expose more than intended.
func (l *SourceMap) validate(c *Config) {
	l.validateListeners(c)
	l.validateOrigins("origins", c.Origins)
	l.validateOrigins("frame_ancestors", c.FrameAncestors)
	l.validatePage(c.Page)
	l.required("auth.issuer", c.Auth.Issuer, "write the iss of the tokens")
	l.required("auth.audience", c.Auth.Audience, "write what the tokens have in aud")
	if c.Auth.Audience == auth.AdminAudience {
		l.fail("auth.audience", "%q is for tokens of the admin API: choose another", c.Auth.Audience)
	}
	l.required("auth.jwks_file", c.Auth.JWKSFile, "name the file with the public keys of the issuer; `alcove keygen` makes one")
	l.required("auth.person_key_file", c.Auth.PersonKeyFile, "name a file with 32 secret bytes in base64; `alcove keygen` makes one")
	l.validateState(c)
	l.required("control", c.Control, "name the socket by which `alcove drain` reaches the daemon")
	if d := time.Duration(c.DrainWait); d < 0 || d > MaxDrainWait {
		l.fail("drain_wait", "%s is out of range: use 0s to %s", d, MaxDrainWait)
	}
	l.validateRecorder(c)
	l.validateFiles(c)
	l.validateMedia(&c.Media)
	l.validateRelay(c)
	l.intRange("limits.rooms", c.Limits.Rooms, 1, maxRooms)
	l.intRange("limits.connections", c.Limits.Connections, 1, maxConnections)
	for _, name := range slices.Sorted(maps.Keys(c.Policies)) {
		l.validatePolicy(c, "policies."+name, name, c.Policies[name])
	}
	if _, ok := LogLevels[c.Log.Level]; !ok {
		l.fail("log.level", "%q is no level: use debug, info, warn or error", c.Log.Level)
	}
}

func (l *SourceMap) validateListeners(c *Config) {
	l.address("listen", c.Listen)
	l.address("admin", c.Admin)
	if _, port, err := net.SplitHostPort(c.Admin); err == nil && port != "0" && c.Admin == c.Listen {
		l.fail("admin", "%q is what listen has: choose another port", c.Admin)
	}
	switch open := !Loopback(c.Admin); {
	case open && !c.AdminPlain:
		l.fail("admin", "%q is not a loopback address, and the admin API has no TLS: its bearer tokens could be read on the way. Use 127.0.0.1, "+
			"or an address that only a trusted network reaches, and say so again with admin_without_tls: true", c.Admin)
	case !open && c.AdminPlain:
		l.fail("admin_without_tls", "is for an admin address off loopback, and %q is not one: remove it", c.Admin)
	}
	if (c.TLS.CertFile == "") != (c.TLS.KeyFile == "") {
		l.fail("tls", "set both cert_file and key_file, or neither")
	}
	for i, p := range c.TrustedProxies {
		if _, err := parseProxy(p); err != nil {
			l.fail(indexed("trusted_proxies", i), "%q is no network: write it like 10.0.0.0/8 or 10.0.0.7", p)
		}
	}
	if c.ProxyProtocol && len(c.TrustedProxies) == 0 {
		l.fail("proxy_protocol", "is read from trusted_proxies only: name them there")
	}
	if !c.TLS.Enabled() && len(c.TrustedProxies) == 0 && !Loopback(c.Listen) {
		l.fail("listen", "%q is not a loopback address: set tls.cert_file and tls.key_file, or trusted_proxies if a proxy in front does TLS", c.Listen)
	}
	if len(c.TLS.ACME.Hosts) > 0 {
		l.validateACME(c.TLS)
	}
}

func (l *SourceMap) validateACME(t TLS) {
	if t.CertFile != "" {
		l.fail("tls", "set cert_file and key_file, or acme.hosts, not both")
	}
	for i, h := range t.ACME.Hosts {
		if !hostPattern.MatchString(h) {
			l.fail(indexed("tls.acme.hosts", i), "%q is no name in DNS: write it like video.example.org", h)
		}
	}
	if u, err := url.Parse(t.ACME.Directory); err != nil || u.Scheme != "https" || u.Host == "" {
		l.fail("tls.acme.directory", "%q is no https address of an ACME directory", t.ACME.Directory)
	}
	if e := t.ACME.Email; e != "" {
		if a, err := mail.ParseAddress(e); err != nil || a.Address != e {
			l.fail("tls.acme.email", "is no plain email address")
		}
	}
	l.required("tls.acme.cache_dir", t.ACME.CacheDir, "name a folder for certificates and their keys")
}

// hostPattern matches a name with at least two labels, in lower case (RFC 1123, section 2.1); no wildcard, no address.
var hostPattern = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$`)

func (l *SourceMap) validateState(c *Config) {
	l.required("store.dir", c.Store.Dir, "name a folder for what has to outlive the daemon")
	l.required("store.key_file", c.Store.KeyFile, "name the file with the key that encrypts the store; `alcove keygen` makes one")
	l.required("audit.dir", c.Audit.Dir, "name a folder for the audit log")
	l.required("audit.key_file", c.Audit.KeyFile, "name the file with the key that signs the audit log; `alcove keygen` makes one")
	if c.Store.Dir != "" && filepath.Clean(c.Store.Dir) == filepath.Clean(c.Audit.Dir) {
		l.fail("audit.dir", "%q is the folder of the store: give each its own", c.Audit.Dir)
	}
}

func (l *SourceMap) validateMedia(m *Media) {
	families := l.validateMediaListen(m)
	l.intRange("media.workers", m.Workers, 1, maxWorkers)
	l.intRange("media.port", m.Port, 1, MaxPort)
	if last := m.Port + m.Workers - 1; m.Port <= MaxPort && m.Workers <= maxWorkers && last > MaxPort {
		l.fail("media.port", "%d workers need the ports %d to %d, but the last port is %d: choose a lower port", m.Workers, m.Port, last, MaxPort)
	}
	for i, a := range m.Advertise {
		ip, err := netip.ParseAddr(a)
		if err != nil || ip.IsUnspecified() || ip.IsMulticast() || ip.Zone() != "" {
			l.fail(indexed("media.advertise", i), "%q is no address that a client could reach: write the public IP address of this host", a)
		} else if len(families) > 0 && !families[ip.Is4()] {
			l.fail(indexed("media.advertise", i), "%q is of another family than media.listen, %s: nothing would come there", a, strings.Join(m.Listen, ", "))
		}
	}
}

// validateMediaListen returns the families that media listens in, by whether they are IPv4.
func (l *SourceMap) validateMediaListen(m *Media) map[bool]bool {
	families := map[bool]bool{}
	if len(m.Listen) == 0 || len(m.Listen) > 2 {
		l.fail("media.listen", "%d addresses: name one, or one of IPv4 and one of IPv6", len(m.Listen))
	}
	for i, a := range m.Listen {
		key := indexed("media.listen", i)
		if len(m.Listen) == 1 {
			key = "media.listen"
		}
		ip, err := netip.ParseAddr(a)
		switch {
		case err != nil:
			l.fail(key, "%q is no IP address: use 0.0.0.0 or an address of this host", a)
			continue
		case ip == netip.IPv6Unspecified() && len(m.Listen) == 1:
			l.fail(key, `%q would let nobody in over IPv4: use 0.0.0.0, ["0.0.0.0", "::"], or one IPv6 address of this host`, a)
		case families[ip.Is4()]:
			l.fail(key, "%q is of the same family as the other: name one of IPv4 and one of IPv6", a)
		}
		families[ip.Is4()] = true
	}
	return families
}

func (l *SourceMap) validateRelay(c *Config) {
	if c.Relay.Listen != "" {
		l.address("relay.listen", c.Relay.Listen)
		if _, port, err := net.SplitHostPort(c.Relay.Listen); err == nil && port != "0" && (c.Relay.Listen == c.Listen || c.Relay.Listen == c.Admin) {
			l.fail("relay.listen", "%q is taken by listen or admin: choose another port, or leave it out to share that of listen", c.Relay.Listen)
		}
	}
	l.validateRelayUDP(c)
	switch {
	case !c.Relay.ProxyProtocol:
	case c.Relay.Listen == "":
		l.fail("relay.proxy_protocol", "is for relay.listen: a relay that shares the port of the page has what proxy_protocol says")
	case len(c.TrustedProxies) == 0:
		l.fail("relay.proxy_protocol", "is read from trusted_proxies only: name them there")
	}
	switch {
	case c.Relay.Host == "":
	case c.Relay.Listen == "" && len(c.Relay.UDP) == 0:
		l.fail("relay.host", "is for relay.listen and relay.udp: a relay that shares the port of the page is found where the page is")
	case RelayURL(c.Relay.Host, 1, false) == "":
		l.fail("relay.host", "%q is no name that clients could reach: write it like turn.example.org or turn.example.org:443", c.Relay.Host)
	}
}

// validateRelayUDP: browsers refuse other ports of a TURN server below 1024.
func (l *SourceMap) validateRelayUDP(c *Config) {
	if len(c.Relay.UDP) > maxRelayUDP {
		l.fail("relay.udp", "%d addresses, at most %d: clients try all of them", len(c.Relay.UDP), maxRelayUDP)
	}
	seen := map[string]bool{}
	for i, at := range c.Relay.UDP {
		key := indexed("relay.udp", i)
		l.address(key, at)
		_, p, err := net.SplitHostPort(at)
		port, _ := strconv.Atoi(p)
		switch {
		case err != nil:
		case seen[at]:
			l.fail(key, "%q is there already", at)
		case port >= c.Media.Port && port < c.Media.Port+c.Media.Workers:
			l.fail(key, "port %d is one of media: choose another, such as 3478", port)
		case port != 0 && port < 1024 && port != 53 && port != 80 && port != 443:
			l.fail(key, "browsers refuse port %d: use 443, 3478, 53, 80 or one above 1023", port)
		}
		seen[at] = true
	}
}

func (l *SourceMap) required(key, value, remedy string) {
	if value == "" {
		l.fail(key, "is missing: %s", remedy)
	}
}

func (l *SourceMap) intRange(key string, n, low, high int) {
	if n < low || n > high {
		l.fail(key, "%d is out of range: use %d to %d", n, low, high)
	}
}

func (l *SourceMap) oneLine(key, s string, limit int) {
	if utf8.RuneCountInString(s) > limit || strings.ContainsFunc(s, unicode.IsControl) {
		l.fail(key, "must be one line of at most %d characters", limit)
	}
}

func (l *SourceMap) address(key, s string) {
	host, port, err := net.SplitHostPort(s)
	n, numErr := strconv.Atoi(port)
	if err != nil || numErr != nil || n < 0 || n > MaxPort {
		l.fail(key, "%q is no address to listen on: write it like 127.0.0.1:8443 or :8443", s)
		return
	}
	if host != "" && host != "localhost" {
		if _, err := netip.ParseAddr(host); err != nil {
			l.fail(key, "%q is no IP address: names are not looked up here", host)
		}
	}
}

// validateOrigins accepts exact origins only (RFC 6454, section 6.2): a wildcard would allow every subdomain, whoever runs it.
func (l *SourceMap) validateOrigins(key string, origins []string) {
	for i, o := range origins {
		u, err := url.Parse(o)
		ok := err == nil && u.Host != "" && o == u.Scheme+"://"+u.Host && !strings.ContainsAny(o, "*,;'\" \t") && o == strings.ToLower(o)
		switch {
		case !ok:
			l.fail(indexed(key, i), "%q is no origin: write it like https://portal.example.org, in lower case and without path or wildcard", o)
		case u.Scheme != "https" && !(u.Scheme == "http" && LoopbackHost(u.Hostname())):
			l.fail(indexed(key, i), "%q must be https: over http anybody on the way could change that page", o)
		}
	}
}

func indexed(key string, i int) string { return key + "[" + strconv.Itoa(i) + "]" }

// parseProxy parses a network; a single address is a network of its own.
func parseProxy(s string) (netip.Prefix, error) {
	if p, err := netip.ParsePrefix(s); err == nil {
		return p.Masked(), nil
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, err
	}
	return a.Prefix(a.BitLen())
}

// ParseProxies parses the networks of trusted_proxies and skips those that validate refuses.
func ParseProxies(list []string) []netip.Prefix {
	var all []netip.Prefix
	for _, s := range list {
		if p, err := parseProxy(s); err == nil { // validate refused the others
			all = append(all, p)
		}
	}
	return slices.Clip(all)
}

// Loopback reports whether an address to listen on can be reached from this host only.
func Loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	return err == nil && LoopbackHost(host)
}

// LoopbackHost reports whether a host name or address is a loopback one.
func LoopbackHost(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}
