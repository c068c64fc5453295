package main

import (
	"fmt"
	"log/slog"
	"net"

	"alcove/cmd/alcove/internal/cli"
	"alcove/cmd/alcove/internal/config"
	"alcove/cmd/alcove/internal/daemon"
	"alcove/cmd/alcove/internal/dev"
	"alcove/cmd/alcove/internal/front"
)

func runServe(t cli.Terminal, args []string) error {
	stop, done := daemon.WatchSignals()
	defer done()
	return serve(t, args, stop)
}

// serve runs the daemon of a configuration until a signal stops it.
func serve(t cli.Terminal, args []string, stop daemon.StopSignals) error {
	f := cli.NewFlags(t, "serve", "serve --config FILE\n\nRuns the daemon. `alcove check --config FILE` says what it would start.")
	name := f.String("config", "", "the configuration `file`")
	if err := cli.ParseFlags(f, args, 0); err != nil {
		return err
	}
	c, l, m, err := config.LoadAll(*name)
	if err != nil {
		return err
	}
	public, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return l.At("listen", front.CannotListen("tcp", c.Listen, err))
	}
	admin, err := net.Listen("tcp", c.Admin)
	if err != nil {
		public.Close()
		return l.At("admin", front.CannotListen("tcp", c.Admin, err))
	}
	relay, err := listenRelay(c)
	if err != nil {
		public.Close()
		admin.Close()
		return l.At("relay.listen", front.CannotListen("tcp", c.Relay.Listen, err))
	}
	overUDP, err := listenRelayUDP(c, l)
	if err != nil {
		for _, open := range []net.Listener{public, admin, relay} {
			if open != nil {
				open.Close()
			}
		}
		return err
	}
	level := &slog.LevelVar{}
	level.Set(config.LogLevels[c.Log.Level])
	return daemon.Daemon{
		Config: c, Secrets: m, Public: []net.Listener{public}, Admin: admin, Relay: relay, RelayUDP: overUDP, OpenMedia: daemon.OpenMedia,
		Log: slog.New(slog.NewJSONHandler(t.Err, &slog.HandlerOptions{Level: level})), Level: level,
		Read: func() (config.Config, config.Secrets, error) {
			c, _, m, err := config.LoadAll(*name)
			return c, m, err
		},
	}.Run(stop)
}

// runDev runs the daemon of a demo.
func runDev(t cli.Terminal, args []string) error {
	stop, done := daemon.WatchSignals()
	defer done()
	return dev.Run(t, args, func(d dev.Demo, log *slog.Logger) error {
		return daemon.Daemon{Config: d.Config, Secrets: d.Secrets, Public: d.Public, Admin: d.Admin, DemoLinks: d.Links, OpenMedia: daemon.OpenMedia, Log: log}.Run(stop)
	})
}

// listenRelayUDP opens the addresses of a relay over UDP.
func listenRelayUDP(c config.Config, l *config.SourceMap) (all []*net.UDPConn, err error) {
	if !c.Relay.Enabled {
		return nil, nil
	}
	for i, at := range c.Relay.UDP {
		sock, err := net.ListenPacket("udp", at)
		if err != nil {
			for _, open := range all {
				open.Close()
			}
			return nil, l.At(fmt.Sprintf("relay.udp[%d]", i), front.CannotListen("udp", at, err))
		}
		all = append(all, sock.(*net.UDPConn))
	}
	return all, nil
}

// listenRelay opens the address of a relay that has one of its own.
func listenRelay(c config.Config) (net.Listener, error) {
	if c.RelayMode() != config.RelayOwn {
		return nil, nil
	}
	return net.Listen("tcp", c.Relay.Listen)
}
