package doctor

import (
	"testing"

	"alcove/cmd/alcove/internal/config"
)

func TestRelayAt(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*config.Config)
		at     string
		files  int // of 2000 connections
	}{
		"by default":            {func(*config.Config) {}, config.RelayShared, 3000},
		"turned off":            {func(c *config.Config) { c.Relay.Enabled = false }, config.RelayOff, 2000},
		"behind a proxy":        {func(c *config.Config) { c.TrustedProxies = []string{"10.20.0.0/24"} }, config.RelayOff, 2000},
		"behind one, by itself": {func(c *config.Config) { c.TrustedProxies, c.Relay.Listen = []string{"10.20.0.0/24"}, ":8444" }, config.RelayOwn, 3000},
		"behind one for TCP": {func(c *config.Config) {
			c.TrustedProxies, c.ProxyProtocol, c.TLS.CertFile = []string{"10.20.0.0/24"}, true, "a"
		}, config.RelayShared, 3000},
		"that ends TLS":          {func(c *config.Config) { c.TrustedProxies, c.ProxyProtocol = []string{"10.20.0.0/24"}, true }, config.RelayOff, 2000},
		"turned off, by itself":  {func(c *config.Config) { c.Relay = config.Relay{Listen: ":8444"} }, config.RelayOff, 2000},
		"by itself, for no need": {func(c *config.Config) { c.Relay.Listen = ":8444" }, config.RelayOwn, 3000},
	} {
		c := config.Default()
		tt.change(&c)
		if got := c.RelayMode(); got != tt.at || sockets(c) != tt.files {
			t.Errorf("%s: %s with %d files, want %s with %d", name, got, sockets(c), tt.at, tt.files)
		}
	}
}
