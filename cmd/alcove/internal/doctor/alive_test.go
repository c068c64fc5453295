package doctor

import (
	"testing"

	"alcove/cmd/alcove/internal/alcovetest"
)

// TestAliveTakesNoProxy: the request that asks whether a daemon is alive reaches that daemon alone, whatever HTTP_PROXY says and
// wherever a redirect points.
func TestAliveTakesNoProxy(t *testing.T) {
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
