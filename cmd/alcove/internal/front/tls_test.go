package front

import (
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"testing"

	"alcove/cmd/alcove/internal/alcovetest"
	"alcove/cmd/alcove/internal/config"
	"alcove/signaling/conns"
)

func TestTLS(t *testing.T) {
	cert, roots := alcovetest.SelfSigned(t)
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	certs, err := NewCertificates(config.TLS{CertFile: "given"}, &cert)
	if err != nil {
		t.Fatal(err)
	}
	l := tls.NewListener(conns.New(10).Listener(inner, conns.ListenerConfig{}), certs.TLSConfig())
	defer l.Close()
	go (&http.Server{ErrorLog: log.New(io.Discard, "", 0)}).Serve(l)
	for _, tt := range []struct {
		name string
		max  uint16
		fine bool
	}{{"TLS 1.3", tls.VersionTLS13, true}, {"TLS 1.2", tls.VersionTLS12, false}} {
		conn, err := tls.Dial("tcp", inner.Addr().String(), &tls.Config{RootCAs: roots, ServerName: "localhost", MaxVersion: tt.max, NextProtos: []string{"h2", "http/1.1"}})
		if (err == nil) != tt.fine {
			t.Errorf("%s: %v", tt.name, err)
		}
		if err == nil {
			if p := conn.ConnectionState().NegotiatedProtocol; p != "http/1.1" {
				t.Errorf("%s: speaks %q", tt.name, p)
			}
			conn.Close()
		}
	}
}
