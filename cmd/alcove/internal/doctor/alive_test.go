package doctor

import (
	"testing"

	"alcove/cmd/alcove/internal/alcovetest"
)

// TestAliveIgnoresProxy checks that the liveness request goes to the daemon directly: it ignores HTTP_PROXY and follows no redirect.
func TestAliveIgnoresProxy(t *testing.T) {
	daemon := alcovetest.NewLocalDaemon(t)
	if isAlive(t.Context(), daemon.Addr) {
		t.Error("a redirect is taken for a daemon that is alive")
	}
	daemon.Close()
	if isAlive(t.Context(), daemon.Addr) {
		t.Error("a daemon that does not run is called alive")
	}
	if n := daemon.Strayed(); n != 0 {
		t.Errorf("%d requests went to the proxy or followed the redirect", n)
	}
}
