package config

import (
	"strings"
	"testing"
)

// TestRelayURL checks that a relay URL contains nothing but a host name and a port, because the host comes from the client's request.
func TestRelayURL(t *testing.T) {
	for host, want := range map[string]string{
		"video.example.org":        "turn:video.example.org:80?transport=tcp",
		"video.example.org:8443":   "turn:video.example.org:8443?transport=tcp",
		"LOCALHOST:8080":           "turn:LOCALHOST:8080?transport=tcp",
		"203.0.113.7":              "turn:203.0.113.7:80?transport=tcp",
		"[2001:db8::7]:443":        "turn:[2001:db8::7]:443?transport=tcp",
		"[::1]":                    "turn:[::1]:80?transport=tcp",
		"":                         "",
		":443":                     "",
		"2001:db8::7":              "",
		"[::1%25lo]:443":           "",
		"[203.0.113.7]":            "",
		"[...]":                    "",
		"a b":                      "",
		"a:0":                      "",
		"a:080":                    "",
		"a:65536":                  "",
		"a:443?transport=udp":      "",
		"a/b":                      "",
		"a@b":                      "",
		"a\n":                      "",
		"bücher.example":           "",
		strings.Repeat("a", 254):   "",
		"evil.example:443\r\nX: y": "",
	} {
		if got := RelayURL(host, 80, false); got != want {
			t.Errorf("%q: %q, want %q", host, got, want)
		}
	}
	if got := RelayURL("a", 443, true); got != "turns:a:443?transport=tcp" {
		t.Error(got)
	}
	for host, want := range map[string]string{
		"a": "turn:a:3478?transport=udp", "a:8443": "turn:a:3478?transport=udp", "[::1]:8443": "turn:[::1]:3478?transport=udp", "": "", "a/b": "",
	} {
		if got := RelayURLOverUDP(host, 3478); got != want {
			t.Errorf("%q over UDP: %q, want %q", host, got, want)
		}
	}
}
