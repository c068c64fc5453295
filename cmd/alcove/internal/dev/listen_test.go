package dev

import (
	"net"
	"strings"
	"testing"
)

func TestListenLoopback(t *testing.T) {
	for _, address := range []string{":0", "0.0.0.0:0", "[::]:0", "10.0.0.1:0", "example.org:0", "8080"} {
		if all, err := listenLoopback(address); err == nil || !strings.Contains(err.Error(), "not a loopback address") {
			t.Errorf("%s: got %v, %v", address, all, err)
		}
	}
	for _, address := range []string{"127.0.0.1:0", "localhost:0", "127.0.0.7:0"} {
		all, err := listenLoopback(address)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range all {
			if a := l.Addr().(*net.TCPAddr); !a.IP.IsLoopback() || a.Port != all[0].Addr().(*net.TCPAddr).Port {
				t.Errorf("%s: listens on %s", address, a)
			}
			l.Close()
		}
	}
}
