package main

import (
	"crypto/tls"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"alcove/cmd/alcove/internal/alcovetest"
	"alcove/cmd/alcove/internal/keyfile"
)

// TestServeRelay checks the relay over TLS, both on the port of the page and on a port of its own.
func TestServeRelay(t *testing.T) {
	t.Parallel()
	for name, own := range map[string]string{"the port of the page": "", "its own": "relay: {listen: 127.0.0.1:0, host: localhost}\ntrusted_proxies: [10.20.0.0/24]\n"} {
		t.Run(name, func(t *testing.T) {
			folder, roots := alcovetest.Folder(t)
			file := filepath.Join(folder, "alcove.yaml")
			before, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, append(before, own...), keyfile.ModeSecret); err != nil {
				t.Fatal(err)
			}
			s := startServe(t, folder, roots)
			conn, _ := s.join(s.token("--role", "host", "--room", "r", "--sub", "s", "--name", "n"))
			servers := alcovetest.ICEServers(t, conn, "")
			if len(servers) != 1 {
				t.Fatalf("told of %+v", servers)
			}
			m := regexp.MustCompile(`^turns:(localhost|127\.0\.0\.1):(\d+)\?transport=tcp$`).FindStringSubmatch(servers[0].URLs[0])
			if m == nil || (own == "") != (s.Listen[0] == m[1]+":"+m[2]) {
				t.Fatalf("told of %+v, the page is at %v", servers, s.Listen)
			}
			config := &tls.Config{RootCAs: roots, ServerName: "localhost"}
			if _, err := alcovetest.AllocateRelay(t, "127.0.0.1:"+m[2], servers[0], config); err != nil {
				t.Error(err)
			}
			if own != "" { // nothing else is there
				c, err := tls.Dial("tcp", "127.0.0.1:"+m[2], config)
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				io.WriteString(c, "GET / HTTP/1.0\r\n\r\n")
				if said, _ := io.ReadAll(c); !strings.HasPrefix(string(said), "HTTP/1.0 404 ") {
					t.Errorf("the page is there too: %.40q", said)
				}
			}
			s.stop()
		})
	}
}
