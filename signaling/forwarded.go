package signaling

import (
	"net/netip"
	"strings"
)

// The forms in which proxies write addresses. Anything else gives an invalid address.

// A forwardedHop is one element of Forwarded (RFC 7239, section 4).
type forwardedHop struct {
	client      netip.Addr // invalid: unknown, or an obfuscated identifier (section 6.3)
	host, proto string
}

// plainHops reads X-Forwarded-For, whose entries are
//
//	203.0.113.9             most
//	203.0.113.9:41234       load balancers of clouds that keep the port
//	2001:db8::9             most
//	[2001:db8::9]:41234     RFC 3986, with a port or without
func plainHops(values []string) []netip.Addr {
	if len(values) == 0 {
		return nil
	}
	var hops []netip.Addr
	for one := range strings.SplitSeq(strings.Join(values, ","), ",") {
		hops = append(hops, hopAddr(strings.Trim(strings.TrimSpace(one), `"`)))
	}
	return hops
}

// hopAddr reads an address with a port or without.
func hopAddr(s string) netip.Addr {
	a, err := netip.ParseAddr(s)
	if err != nil {
		bare, port, cut := strings.Cut(s, "]")
		inner, bracket := strings.CutPrefix(bare, "[")
		switch {
		case bracket && cut && (port == "" || validPort(port)):
			a, err = netip.ParseAddr(inner)
			if err == nil && !a.Is6() {
				return netip.Addr{}
			}
		case !bracket:
			host, port, _ := strings.Cut(s, ":")
			if !validPort(":" + port) {
				return netip.Addr{}
			}
			a, err = netip.ParseAddr(host)
		}
		if err != nil {
			return netip.Addr{}
		}
	}
	return a.Unmap().WithZone("")
}

// validPort accepts a number or an obfuscated port (RFC 7239, section 6.2).
func validPort(s string) bool {
	s, ok := strings.CutPrefix(s, ":")
	if obfuscated, is := strings.CutPrefix(s, "_"); is {
		return ok && obfuscated != "" && strings.Trim(strings.ToLower(obfuscated), "abcdefghijklmnopqrstuvwxyz0123456789._-") == ""
	}
	return ok && s != "" && len(s) <= 5 && strings.Trim(s, "0123456789") == ""
}

func hopAddrs(hops []forwardedHop) []netip.Addr {
	var all []netip.Addr
	for _, h := range hops {
		all = append(all, h.client)
	}
	return all
}

// forwardedHops reads Forwarded (RFC 7239, section 4). A syntax error makes the whole header one invalid hop.
func forwardedHops(values []string) []forwardedHop {
	var hops []forwardedHop
	rest := strings.Join(values, ",")
	for rest != "" {
		var hop forwardedHop
		var ok bool
		hop, rest, ok = nextHop(rest)
		if !ok {
			return []forwardedHop{{}}
		}
		hops = append(hops, hop)
	}
	return hops
}

// nextHop reads one element and the comma behind it.
func nextHop(s string) (hop forwardedHop, rest string, ok bool) {
	for {
		name, value, after, ok := nextPair(s)
		if !ok {
			return hop, "", false
		}
		switch name {
		case "for":
			hop.client = hopAddr(value)
		case "host":
			hop.host = value
		case "proto":
			hop.proto = strings.ToLower(value)
		}
		switch {
		case after == "":
			return hop, "", true
		case after[0] == ',':
			return hop, strings.TrimSpace(after[1:]), true
		}
		s = strings.TrimSpace(after[1:]) // a semicolon
	}
}

// nextPair reads name=token or name="quoted", up to a comma, a semicolon or the end. An empty pair has no name.
func nextPair(s string) (name, value, after string, ok bool) {
	s = strings.TrimLeft(s, " \t")
	if s == "" || s[0] == ',' || s[0] == ';' {
		return "", "", s, true
	}
	name, s, ok = strings.Cut(s, "=")
	if !ok || name == "" || strings.ContainsAny(name, " \t,;\"") {
		return "", "", "", false
	}
	if strings.HasPrefix(s, `"`) {
		var b strings.Builder
		for i := 1; i < len(s); i++ {
			switch {
			case s[i] == '\\' && i+1 < len(s):
				i++
				b.WriteByte(s[i])
			case s[i] == '"':
				after = strings.TrimLeft(s[i+1:], " \t")
				return strings.ToLower(name), b.String(), after, after == "" || after[0] == ',' || after[0] == ';'
			default:
				b.WriteByte(s[i])
			}
		}
		return "", "", "", false // the quote is not closed
	}
	end := strings.IndexAny(s, ",;")
	if end < 0 {
		end = len(s)
	}
	return strings.ToLower(name), strings.TrimSpace(s[:end]), s[end:], true
}
