package operator

import (
	"io"
	"testing"

	"alcove/auth"
	"alcove/cmd/alcove/internal/alcovetest"
)

// TestBearerTakesNoProxy: the bearer token of an operator's command reaches the daemon alone, whatever HTTP_PROXY says and wherever a
// redirect points.
func TestBearerTakesNoProxy(t *testing.T) {
	daemon := alcovetest.NewLocalDaemon(t)
	if err := askConsents(io.Discard, daemon.Addr, auth.NewSecret("bearer"), "person"); err == nil {
		t.Error("a redirect is taken for an answer")
	}
	if n := daemon.Strayed(); n != 0 {
		t.Errorf("%d requests went to the proxy or followed the redirect", n)
	}
}
