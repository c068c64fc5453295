package daemon

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// StopSignals end a daemon: when the first context ends it stops gracefully, when the second does at once.
type StopSignals struct{ Graceful, Forced context.Context }

// WatchSignals turns SIGINT and SIGTERM into contexts: the first signal ends graceful, the second forced.
func WatchSignals() (stop StopSignals, done func()) {
	signals := make(chan os.Signal, 2) // the two that mean something
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	stop, release := signalContexts(signals)
	return stop, func() { signal.Stop(signals); release() }
}

func signalContexts(signals <-chan os.Signal) (stop StopSignals, done func()) {
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
	return StopSignals{graceful, forced}, func() { close(over); first(); second() }
}
