package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"alcove/auth"
	"alcove/room/live"
	"alcove/room/store"
	"alcove/signaling"
	"alcove/signaling/api"
	"alcove/signaling/conns"
)

// A daemon is what serve and dev have in common, ready to run.
type daemon struct {
	config   config
	material material
	public   []net.Listener
	admin    net.Listener
	relay    net.Listener // of a relay that has an address of its own; may be nil
	log      *slog.Logger
	level    *slog.LevelVar                   // of log; may be nil
	read     func() (config, material, error) // the configuration as it is now; nil in dev
	media    func(config, *slog.Logger) (live.Media, plane, error)
	dev      map[string]http.Handler // nil in serve
}

// stopSignals end a daemon: when the first context ends it stops gracefully, when the second does at once.
type stopSignals struct{ graceful, forced context.Context }

// run serves until it is told to stop. A disk that hangs ends no wait by itself, and may hang whoever reads, writes or closes a file: the
// second signal ends all of them, and so does the limit of a stop, once everything else has ended. What hangs ends with the process.
func (d daemon) run(stop stopSignals) error {
	over, ending := make(chan error, 1), make(chan struct{})
	go func() { over <- d.serve(stop, ending) }()
	select {
	case err := <-over:
		return err
	case <-ending:
	case <-stop.forced.Done():
	}
	limit := time.NewTimer(stopTimeout)
	defer limit.Stop()
	select {
	case err := <-over:
		return err
	case <-limit.C:
		return exit{exitUnfinished, "stopped before all had ended: a disk does not answer, and may lack the last that was written"}
	case <-stop.forced.Done():
	}
	last := time.NewTimer(forcedTimeout)
	defer last.Stop()
	select {
	case err := <-over:
		return err
	case <-last.C:
		return exit{exitForced, "stopped at once: a second signal came, and a disk does not answer"}
	}
}

// serve is run without its limits. It closes the listeners in every case, and ending when only files are left to be closed.
func (d daemon) serve(stop stopSignals, ending chan<- struct{}) (err error) {
	for _, l := range append(d.own(), d.public...) {
		defer l.Close()
	}
	certs, err := newCertificates(d.config.TLS, d.material.cert)
	if err != nil {
		return err
	}
	media, plane, err := d.media(d.config, d.log)
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Addr != nil {
		return fmt.Errorf("media.port: %w", cannotListen("udp", op.Addr.String(), err))
	} else if err != nil {
		return fmt.Errorf("cannot start the media plane: %w", err)
	}
	defer func() { err = errors.Join(err, plane.Close()) }()
	counts := newStateMetrics()
	state, err := d.openState(counts)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, state.Close()) }()
	if rec := plane.recording(); rec != nil {
		known, err := readTracks(d.config.Audit.Dir, state.Entries())
		if err != nil {
			return fmt.Errorf("cannot read the audit log: %w", err)
		}
		defer inBackground(func(ctx context.Context) { rec.keep(ctx, known, entriesOf(ctx, state)) })()
	}
	socket, err := listenControl(d.config.Control)
	if err != nil {
		return err
	}
	defer socket.Close()
	counts.state = state
	doors := newDoors(d.config)
	metrics, reloads, err := d.register(prometheus.NewRegistry(), plane, doors, certs, counts)
	if err != nil {
		return err
	}
	rooms := live.NewRegistry(live.Config{
		Policies: d.material.policies, Media: media, Journal: state, MaxRooms: d.config.Limits.Rooms, Log: d.log, Observe: metrics,
	})
	d.restore(rooms)
	server, err := d.server(rooms, metrics, state, plane)
	if err != nil {
		return err
	}
	drain := &drainer{rooms: rooms, server: server, log: d.log}
	reload := &reloader{read: d.read, keys: d.material.keys, certs: certs, level: d.level, rooms: rooms, server: server, doors: doors,
		log: d.log, count: reloads, began: d.config, hup: make(chan os.Signal, 1)}
	reload.at.Store(&d.config)
	signal.Notify(reload.hup, syscall.SIGHUP) // before anybody hears that we are ready: without, it would end us
	defer inBackground(reload.follow)()
	if certs != nil && certs.manager != nil {
		go certs.follow(stop.graceful, d.log) // not waited for: an ACME server that hangs must not hold us
	}
	listeners := d.listeners(server, socket, controlHandler(drain, reload, plane.recording().sweeper(state)), doors, certs, plane)
	failed := make(chan error, len(listeners)) // one place for each goroutine, which so never waits
	for _, l := range listeners {
		go func() { failed <- l.server.Serve(l.listener) }()
	}
	d.log.Info("serving", "version", version(), "listen", addresses(d.public), "tls", certs != nil, "relay", d.config.relayAt(), "admin", d.admin.Addr().String())
	notify(d.log, notifyReady)
	select {
	case err = <-failed:
		err = fmt.Errorf("a listener failed: %w", err)
		notify(d.log, notifyStopping)
	case <-stop.graceful.Done():
		wait := reload.drainWait()
		d.log.Info("stopping", "people", server.People(), "wait", wait.String())
		notify(d.log, notifyStopping)
		if drain.finish(stop.forced, wait) != nil {
			d.log.Warn("stopping at once")
		}
	}
	err = errors.Join(err, shutdown(stop.forced, rooms, plane, server, listeners))
	close(ending)
	return err
}

// A listening is a listener with the server that serves it.
type listening struct {
	server   *http.Server
	listener net.Listener
}

// own are the listeners that are not for the page.
func (d daemon) own() []net.Listener {
	if d.relay == nil {
		return []net.Listener{d.admin}
	}
	return []net.Listener{d.admin, d.relay}
}

// listeners are the public ones, those of the admin and of the relay, and the operator's socket.
func (d daemon) listeners(server *signaling.Server, socket net.Listener, control http.Handler, doors doors, certs *certificates, plane plane) []listening {
	public := server.HTTPServer(server.Handler())
	admin := server.HTTPServer(server.AdminHandler())
	operator := &http.Server{Handler: control, ReadHeaderTimeout: headerTimeout, ReadTimeout: headerTimeout,
		WriteTimeout: controlTimeout, ErrorLog: public.ErrorLog}
	all := []listening{{admin, d.admin}, {operator, socket}}
	var config *tls.Config
	if certs != nil {
		config = certs.config()
	}
	bounded := func(l net.Listener, proxied bool) net.Listener {
		return doors.all.Listener(l, conns.ListenerConfig{ProxyProtocol: proxied, HeaderTimeout: headerTimeout, OnMissingHeader: server.ReportMissingProxyHeader})
	}
	split := func(l net.Listener) net.Listener {
		return newSplitter(l, doors.relayed, config, plane.relaying(), func() { public.ErrorLog.Print("TLS handshake") })
	}
	for _, l := range d.public {
		l = bounded(l, d.config.ProxyProtocol)
		switch {
		case plane.relaying() != nil && d.config.relayAt() == relayShared:
			l = split(l)
		case certs != nil:
			l = tls.NewListener(l, config)
		}
		all = append(all, listening{public, l})
	}
	if d.relay != nil {
		all = append(all, listening{server.HTTPServer(http.NotFoundHandler()), split(bounded(d.relay, d.config.Relay.ProxyProtocol))})
	}
	return all
}

// inBackground starts what ends with its context, and gives the function that ends it and waits.
func inBackground(run func(context.Context)) (end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan struct{})
	go func() {
		defer close(over)
		run(ctx)
	}()
	return func() { cancel(); <-over }
}

// shutdown ends all in the order of who depends on whom: the rooms, what they recorded, their connections, the listeners.
func shutdown(forced context.Context, rooms *live.Registry, media plane, server *signaling.Server, listeners []listening) error {
	ctx, cancel := context.WithTimeout(forced, stopTimeout)
	defer cancel()
	errs := []error{rooms.Close(ctx)}
	errs = append(errs, media.Finish(ctx))
	errs = append(errs, server.Close(ctx))
	for _, l := range listeners {
		errs = append(errs, l.server.Shutdown(ctx))
		l.server.Close()
	}
	err := errors.Join(errs...)
	switch {
	case forced.Err() != nil:
		return exit{exitForced, "stopped at once: a second signal came"}
	case err == nil:
		return nil
	}
	return exit{exitUnfinished, fmt.Sprintf("stopped before all had ended: %v", err)}
}

// register registers all metrics; reloads counts what became of a reload.
func (d daemon) register(registry *prometheus.Registry, media plane, doors doors, certs *certificates, state prometheus.Collector) (_ *signaling.Metrics, reloads func(result string), err error) {
	// Goroutines and memory; open files, time of processors, the start.
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m := signaling.NewMetrics(registry, version())
	doors.register(registry)
	reloaded := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "alcove_reloads_total", Help: "Times the configuration was read again: ok, or failed and all stayed as it was.",
	}, []string{"result"})
	for _, result := range []string{"ok", "failed"} { // at 0: of a series that appears with its first count no increase is seen
		reloaded.WithLabelValues(result)
	}
	errs := []error{registry.Register(state), registry.Register(reloaded)}
	if certs != nil {
		errs = append(errs, registry.Register(certs.expiry()))
	}
	errs = append(errs, registry.Register(media))
	return m, func(result string) { reloaded.WithLabelValues(result).Inc() }, errors.Join(errs...)
}

func (d daemon) server(rooms *live.Registry, metrics *signaling.Metrics, state *store.Store, plane plane) (*signaling.Server, error) {
	tokens, err := auth.NewVerifier(auth.VerifierConfig{
		Issuer: d.config.Auth.Issuer, Audience: d.config.Auth.Audience, Keys: d.material.keys, PersonKey: d.material.person,
		UsedTokens: state, Revoked: state,
	})
	if err != nil {
		return nil, err
	}
	admins, err := auth.NewAdminVerifier(d.config.Auth.Issuer, d.material.keys)
	if err != nil {
		return nil, err
	}
	return signaling.NewServer(signaling.Config{
		Tokens: tokens, Rooms: rooms, Metrics: metrics, ICEServers: iceServers(plane.relaying(), d.config, d.relay),
		API: &api.Config{
			Tokens: admins, Room: d.material.person.Room, Person: d.material.person.Person, Issuer: d.config.Auth.Issuer,
			Revoke: state.Revoke, Restore: state.Restore, Revocations: state.Revocations, Consents: state.Consents,
		},
		Origins: d.config.Origins, FrameAncestors: d.config.FrameAncestors, TrustedProxies: proxies(d.config.TrustedProxies),
		Page: settings(d.config).Page, Passcodes: settings(d.config).Passcodes,
		Refused: state.Note,
		Ready:   rooms.Err, Acknowledged: state.Acknowledged,
		Dev: d.dev != nil, Extra: d.dev, Log: d.log,
	})
}

func addresses(listeners []net.Listener) []string {
	var all []string
	for _, l := range listeners {
		all = append(all, l.Addr().String())
	}
	return all
}
