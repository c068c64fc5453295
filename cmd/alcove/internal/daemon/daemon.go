package daemon

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
	"alcove/cmd/alcove/internal/cli"
	"alcove/cmd/alcove/internal/config"
	"alcove/cmd/alcove/internal/control"
	"alcove/cmd/alcove/internal/front"
	"alcove/cmd/alcove/internal/state"
	"alcove/room/files"
	"alcove/room/live"
	"alcove/room/store"
	"alcove/signaling"
	"alcove/signaling/api"
	"alcove/signaling/conns"
	"alcove/signaling/session"
)

// A Daemon is a daemon that is ready to run: its configuration, secrets and listeners.
type Daemon struct {
	Config    config.Config
	Secrets   config.Secrets
	Public    []net.Listener
	Admin     net.Listener
	Relay     net.Listener // of a relay with an address of its own; may be nil
	RelayUDP  []*net.UDPConn
	Log       *slog.Logger
	Level     *slog.LevelVar                                // of log; may be nil
	Read      func() (config.Config, config.Secrets, error) // the configuration as it is now; nil in dev
	OpenMedia func(config.Config, *slog.Logger) (live.Media, Plane, error)
	DemoLinks map[string]http.Handler // nil in serve
}

// Run serves until stop. A disk that hangs ends no wait by itself, and blocks every goroutine that reads, writes or closes a file: the
// second signal ends all of them, and so does the limit of a stop, once everything else has ended. What hangs ends with the process.
func (d Daemon) Run(stop StopSignals) error {
	over, ending := make(chan error, 1), make(chan struct{})
	go func() { over <- d.serve(stop, ending) }()
	select {
	case err := <-over:
		return err
	case <-ending:
	case <-stop.Forced.Done():
	}
	limit := time.NewTimer(StopTimeout)
	defer limit.Stop()
	select {
	case err := <-over:
		return err
	case <-limit.C:
		return cli.Exit{Code: cli.ExitUnfinished, Text: "stopped before everything had ended: a disk does not answer, and may lack the last writes"}
	case <-stop.Forced.Done():
	}
	last := time.NewTimer(forcedTimeout)
	defer last.Stop()
	select {
	case err := <-over:
		return err
	case <-last.C:
		return cli.Exit{Code: cli.ExitForced, Text: "stopped at once: a second signal came, and a disk does not answer"}
	}
}

// serve is Run without the limits of a stop. It closes the listeners in every case, and ending when only files are left to be closed.
func (d Daemon) serve(stop StopSignals, ending chan<- struct{}) (err error) {
	defer d.closeListeners()
	certs, err := front.NewCertificates(d.Config.TLS, d.Secrets.Certificate)
	if err != nil {
		return err
	}
	media, plane, err := d.openPlane()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, plane.Close()) }()
	counts := newStateMetrics()
	journal, err := d.openState(&counts)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, journal.Close()) }()
	rec := plane.recorder()
	kept, err := d.openFiles(journal, rec)
	if err != nil {
		return err
	}
	erase := newEraser(journal, kept, rec)
	endRecorder, err := d.runRecorder(rec, journal, erase)
	if err != nil {
		return err
	}
	defer endRecorder()
	socket, err := control.Listen(d.Config.Control)
	if err != nil {
		return err
	}
	defer socket.Close()
	limiters := front.NewConnLimiters(d.Config)
	metrics, reloads, err := d.register(prometheus.NewRegistry(), plane, limiters, certs, counts)
	if err != nil {
		return err
	}
	rooms := d.openRooms(media, journal, metrics, kept)
	if kept != nil {
		defer background(kept.Run)()
	}
	server, err := d.server(rooms, metrics, journal, plane, kept)
	if err != nil {
		return err
	}
	drain := &drainer{rooms: rooms, server: server, log: d.Log}
	reload := d.newReloader(&reloader{certs: certs, rooms: rooms, server: server, limiters: limiters, count: reloads})
	defer background(reload.run)()
	if certs != nil && certs.ACME() {
		go certs.KeepObtained(stop.Graceful, d.Log) // not waited for: an ACME server that hangs must not hold us
	}
	listeners := d.listeners(server, socket, controlHandler(drain, reload, rec.sweeper(erase), erase.Erase), limiters, certs, plane)
	d.serveRelayUDP(plane)
	d.Log.Info("serving", "version", cli.Version(), "listen", addresses(d.Public), "tls", certs != nil, "relay", d.Config.RelayMode(), "admin", d.Admin.Addr().String())
	err = errors.Join(d.serveUntil(stop, listeners, drain, reload), shutdown(stop.Forced, rooms, plane, server, listeners))
	close(ending)
	return err
}

// openPlane opens the media plane. Its errors name the key of the configuration.
func (d Daemon) openPlane() (live.Media, Plane, error) {
	media, plane, err := d.OpenMedia(d.Config, d.Log)
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Addr != nil {
		return nil, nil, fmt.Errorf("media.port: %w", front.CannotListen("udp", op.Addr.String(), err))
	} else if err != nil {
		return nil, nil, fmt.Errorf("cannot start the media plane: %w", err)
	}
	return media, plane, nil
}

// runRecorder runs the recorder, if there is one, until it is ended.
func (d Daemon) runRecorder(rec *recorder, journal *store.Store, erase state.Eraser) (end func(), err error) {
	if rec == nil {
		return func() {}, nil
	}
	known, err := state.ReadTracks(d.Config.Audit.Dir, journal.Entries())
	if err != nil {
		return nil, fmt.Errorf("cannot read the audit log: %w", err)
	}
	return background(func(ctx context.Context) { rec.run(ctx, known, newAuditEntries(ctx, erase)) }), nil
}

// newReloader completes a reloader with what the daemon was started with, and has it receive SIGHUP.
func (d Daemon) newReloader(r *reloader) *reloader {
	r.read, r.keys, r.level, r.log, r.started, r.hup = d.Read, d.Secrets.Keys, d.Level, d.Log, d.Config, make(chan os.Signal, 1)
	r.current.Store(&d.Config)
	signal.Notify(r.hup, syscall.SIGHUP) // before READY=1: without a handler the signal would end the process
	return r
}

// serveUntil serves until a listener fails or the daemon is stopped and drained.
func (d Daemon) serveUntil(stop StopSignals, listeners []servedListener, drain *drainer, reload *reloader) error {
	failed := make(chan error, len(listeners)) // buffered, so that no goroutine waits
	for _, l := range listeners {
		go func() { failed <- l.server.Serve(l.listener) }()
	}
	notify(d.Log, notifyReady)
	select {
	case err := <-failed:
		notify(d.Log, notifyStopping)
		return fmt.Errorf("a listener failed: %w", err)
	case <-stop.Graceful.Done():
		wait := reload.drainWait()
		d.Log.Info("stopping", "people", drain.server.People(), "wait", wait.String())
		notify(d.Log, notifyStopping)
		if drain.finish(stop.Forced, wait) != nil {
			d.Log.Warn("stopping at once")
		}
		return nil
	}
}

// serveRelayUDP serves the relay over UDP until its sockets are closed.
func (d Daemon) serveRelayUDP(plane Plane) {
	for _, sock := range d.RelayUDP {
		go plane.relayServer().ServeUDP(sock)
	}
}

// A servedListener is a listener with the server that serves it.
type servedListener struct {
	server   *http.Server
	listener net.Listener
}

// closeListeners closes all that was opened before Run.
func (d Daemon) closeListeners() {
	for _, l := range append(d.privateListeners(), d.Public...) {
		l.Close()
	}
	for _, sock := range d.RelayUDP {
		sock.Close()
	}
}

// privateListeners are the listeners that are not for the page.
func (d Daemon) privateListeners() []net.Listener {
	if d.Relay == nil {
		return []net.Listener{d.Admin}
	}
	return []net.Listener{d.Admin, d.Relay}
}

// listeners are the public ones, those of the admin and of the relay, and the operator's socket.
func (d Daemon) listeners(server *signaling.Server, socket net.Listener, operator http.Handler, limiters front.ConnLimiters, certs *front.Certificates, plane Plane) []servedListener {
	public := server.HTTPServer(server.Handler())
	admin := server.HTTPServer(server.AdminHandler())
	onSocket := &http.Server{Handler: operator, ReadHeaderTimeout: front.HeaderTimeout, ReadTimeout: front.HeaderTimeout,
		WriteTimeout: control.Timeout, ErrorLog: public.ErrorLog}
	all := []servedListener{{admin, d.Admin}, {onSocket, socket}}
	var tlsConfig *tls.Config
	if certs != nil {
		tlsConfig = certs.TLSConfig()
	}
	bounded := func(l net.Listener, proxied bool) net.Listener {
		return limiters.All.Listener(l, conns.ListenerConfig{ProxyProtocol: proxied, HeaderTimeout: front.HeaderTimeout, OnMissingHeader: server.ReportMissingProxyHeader})
	}
	demuxed := func(l net.Listener) net.Listener {
		return front.NewDemux(l, limiters.Relay, tlsConfig, plane.relayServer(), func() { public.ErrorLog.Print("TLS handshake") })
	}
	for _, l := range d.Public {
		l = bounded(l, d.Config.ProxyProtocol)
		switch {
		case plane.relayServer() != nil && d.Config.RelayMode() == config.RelayShared:
			l = demuxed(l)
		case certs != nil:
			l = tls.NewListener(l, tlsConfig)
		}
		all = append(all, servedListener{public, l})
	}
	if d.Relay != nil {
		all = append(all, servedListener{server.HTTPServer(http.NotFoundHandler()), demuxed(bounded(d.Relay, d.Config.Relay.ProxyProtocol))})
	}
	return all
}

// background runs a function on a goroutine. The returned function ends its context and waits.
func background(run func(context.Context)) (end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan struct{})
	go func() {
		defer close(over)
		run(ctx)
	}()
	return func() { cancel(); <-over }
}

// shutdown closes in the order of dependence: rooms, recordings, connections, listeners.
func shutdown(forced context.Context, rooms *live.Registry, media Plane, server *signaling.Server, listeners []servedListener) error {
	ctx, cancel := context.WithTimeout(forced, StopTimeout)
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
		return cli.Exit{Code: cli.ExitForced, Text: "stopped at once: a second signal came"}
	case err == nil:
		return nil
	}
	return cli.Exit{Code: cli.ExitUnfinished, Text: fmt.Sprintf("stopped before everything had ended: %v", err)}
}

// register registers all metrics; reloads counts the results of reloads.
func (d Daemon) register(registry *prometheus.Registry, media Plane, limiters front.ConnLimiters, certs *front.Certificates, state prometheus.Collector) (_ *signaling.Metrics, reloads func(result string), err error) {
	// Goroutines and memory; open files, time of processors, the start.
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m := signaling.NewMetrics(registry, cli.Version())
	limiters.Register(registry)
	reloaded := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "alcove_reloads_total", Help: "Times the configuration was read again: ok, or failed and all stayed as it was.",
	}, []string{"result"})
	for _, result := range []string{"ok", "failed"} { // at 0: of a series that appears with its first count no increase is seen
		reloaded.WithLabelValues(result)
	}
	errs := []error{registry.Register(state), registry.Register(reloaded)}
	if certs != nil {
		errs = append(errs, registry.Register(certs.ExpiryMetric()))
	}
	errs = append(errs, registry.Register(media))
	return m, func(result string) { reloaded.WithLabelValues(result).Inc() }, errors.Join(errs...)
}

func (d Daemon) server(rooms *live.Registry, metrics *signaling.Metrics, state *store.Store, plane Plane, kept *files.Service) (*signaling.Server, error) {
	tokens, err := auth.NewVerifier(auth.VerifierConfig{
		Issuer: d.Config.Auth.Issuer, Audience: d.Config.Auth.Audience, Keys: d.Secrets.Keys, PersonKey: d.Secrets.PersonKey,
		UsedTokens: state, Revoked: state,
	})
	if err != nil {
		return nil, err
	}
	admins, err := auth.NewAdminVerifier(d.Config.Auth.Issuer, d.Secrets.Keys)
	if err != nil {
		return nil, err
	}
	var checker session.Checker
	if k := newChecks(d.Config, d, plane); k != nil {
		checker = k
	}
	return signaling.NewServer(signaling.Config{
		Checks: checker,
		Tokens: tokens, Rooms: rooms, Metrics: metrics, ICEServers: iceServers(plane.relayServer(), d.Config, d.Relay, d.RelayUDP),
		API: &api.Config{
			Tokens: admins, Room: d.Secrets.PersonKey.Room, Person: d.Secrets.PersonKey.Person, Issuer: d.Config.Auth.Issuer,
			Revoke: state.Revoke, Restore: state.Restore, Revocations: state.Revocations, Consents: state.Consents,
		},
		Origins: d.Config.Origins, FrameAncestors: d.Config.FrameAncestors, TrustedProxies: config.ParseProxies(d.Config.TrustedProxies),
		Page: settings(d.Config).Page, Passcodes: settings(d.Config).Passcodes,
		Refused: state.Note, Files: kept,
		Ready: rooms.Err, Acknowledged: state.Acknowledged,
		Dev: d.DemoLinks != nil, Extra: d.DemoLinks, Log: d.Log,
	})
}

func addresses(listeners []net.Listener) []string {
	var all []string
	for _, l := range listeners {
		all = append(all, l.Addr().String())
	}
	return all
}
