package operator

import (
	"io"
	"testing"

	"alcove/auth"
	"alcove/cmd/alcove/internal/alcovetest"
)

// TestBearerIgnoresProxy checks that an operator's command sends its bearer token to the daemon only: it ignores HTTP_PROXY and follows no
// redirect.
func TestBearerIgnoresProxy(t *testing.T) {
	daemon := alcovetest.NewLocalDaemon(t)
	if err := askConsents(io.Discard, daemon.Addr, auth.NewSecret("bearer"), "person"); err == nil {
		t.Error("a redirect is taken for an answer")
	}
	if n := daemon.Strayed(); n != 0 {
		t.Errorf("%d requests went to the proxy or followed the redirect", n)
	}
}
