package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"
)

var logLevels = map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}

func runServe(t terminal, args []string) error {
	f := newFlags(t, "serve", "serve --config FILE\n\nRuns the daemon. `alcove check --config FILE` says what it would start.")
	name := f.String("config", "", "the configuration `file`")
	if err := parseFlags(f, args, 0); err != nil {
		return err
	}
	c, l, m, err := loadAll(*name)
	if err != nil {
		return err
	}
	stop, done := watchSignals()
	defer done()
	public, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return l.at("listen", cannotListen("tcp", c.Listen, err))
	}
	admin, err := net.Listen("tcp", c.Admin)
	if err != nil {
		public.Close()
		return l.at("admin", cannotListen("tcp", c.Admin, err))
	}
	relay, err := listenRelay(c)
	if err != nil {
		public.Close()
		admin.Close()
		return l.at("relay.listen", cannotListen("tcp", c.Relay.Listen, err))
	}
	level := &slog.LevelVar{}
	level.Set(logLevels[c.Log.Level])
	return daemon{
		config: c, material: m, public: []net.Listener{public}, admin: admin, relay: relay, media: newMedia,
		log: slog.New(slog.NewJSONHandler(t.err, &slog.HandlerOptions{Level: level})), level: level,
		read: func() (config, material, error) {
			c, _, m, err := loadAll(*name)
			return c, m, err
		},
	}.run(stop)
}

// listenRelay opens the address of a relay that has one of its own.
func listenRelay(c config) (net.Listener, error) {
	if c.relayAt() != relayOwn {
		return nil, nil
	}
	return net.Listen("tcp", c.Relay.Listen)
}

// cannotListen says what doctor would, and how to mend it.
func cannotListen(network, address string, err error) error {
	f := diagnosePort(network, address, err, false)
	return fmt.Errorf("%s (fix: %s)", f.text, f.fix)
}

// loadAll reads the configuration and the files it names.
func loadAll(name string) (config, *layout, material, error) {
	c, l, err := loadConfig(name)
	if err != nil {
		return c, l, material{}, err
	}
	m, err := loadMaterial(c, l)
	return c, l, m, err
}

// watchSignals turns SIGINT and SIGTERM into contexts: the first signal ends graceful, the second forced.
func watchSignals() (stop stopSignals, done func()) {
	signals := make(chan os.Signal, 2) // the two that mean something
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	stop, release := countSignals(signals)
	return stop, func() { signal.Stop(signals); release() }
}

func countSignals(signals <-chan os.Signal) (stop stopSignals, done func()) {
	graceful, first := context.WithCancel(context.Background())
	forced, second := context.WithCancel(context.Background())
	over := make(chan struct{})
	go func() {
		for _, cancel := range []func(){first, second} {
			select {
			case <-signals:
				cancel()
			case <-over:
				return
			}
		}
	}()
	return stopSignals{graceful, forced}, func() { close(over); first(); second() }
}
