package daemon

import (
	"log/slog"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"alcove/cmd/alcove/internal/cli"
	"alcove/cmd/alcove/internal/dev"
)

// TestMain makes the test's own binary, under the name alcove, the demo's daemon (demotest.NewProcess).
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"alcove": func() {
		commands := []cli.Command{{Name: "dev", Run: func(t cli.Terminal, args []string) error {
			stop, done := WatchSignals()
			defer done()
			return dev.Run(t, args, func(d dev.Demo, log *slog.Logger) error { return ofDemo(d, log).Run(stop) })
		}}}
		os.Exit(cli.Run(cli.Terminal{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}, commands, os.Args[1:]))
	}})
}

// ofDemo gives the daemon of a demo.
func ofDemo(d dev.Demo, log *slog.Logger) Daemon {
	return Daemon{Config: d.Config, Secrets: d.Secrets, Public: d.Public, Admin: d.Admin, DemoLinks: d.Links, OpenMedia: OpenMedia, Log: log}
}
