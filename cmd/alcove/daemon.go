package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"alcove/auth"
	"alcove/room/live"
	"alcove/room/store"
	"alcove/signaling"
)

// A daemon is what serve and dev have in common, ready to run.
type daemon struct {
	config   config
	material material
	public   []net.Listener
	admin    net.Listener
	log      *slog.Logger
	media    func(mediaConfig, *slog.Logger) (live.Media, io.Closer, error)
	dev      map[string]http.Handler // nil in serve
}

// stopSignals end a daemon: when the first context ends it stops gracefully, when the second does at once.
type stopSignals struct{ graceful, forced context.Context }

// run serves until it is told to stop. It closes the listeners in every case.
func (d daemon) run(stop stopSignals) (err error) {
	defer d.admin.Close()
	for _, l := range d.public {
		defer l.Close()
	}
	media, closer, err := d.media(d.config.Media, d.log)
	if err != nil {
		return fmt.Errorf("cannot start the media plane: %w", err)
	}
	defer func() { err = errors.Join(err, closer.Close()) }()
	state, err := d.openState()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, state.Close()) }()
	defer d.followKeys()()
	door := &gate{limit: int64(d.config.Limits.Connections)}
	metrics, err := d.metrics(closer, door, stateMetrics{state})
	if err != nil {
		return err
	}
	rooms := live.NewRegistry(live.Config{
		Policies: d.material.policies, Media: media, Journal: state, MaxRooms: d.config.Limits.Rooms, Log: d.log, Observe: metrics,
	})
	d.restore(rooms)
	server, err := d.server(rooms, metrics, state)
	if err != nil {
		return err
	}
	public := server.HTTPServer(server.Handler())
	admin := &http.Server{Handler: server.AdminHandler(), ReadHeaderTimeout: headerTimeout, ReadTimeout: headerTimeout,
		WriteTimeout: adminTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader, ErrorLog: public.ErrorLog}
	failed := make(chan error, len(d.public)+1) // one place for each goroutine, which so never waits
	for _, l := range d.public {
		go func() { failed <- public.Serve(d.wrap(door.listener(l))) }()
	}
	go func() { failed <- admin.Serve(d.admin) }()
	d.log.Info("serving", "version", version(), "listen", addresses(d.public), "tls", d.material.cert != nil, "admin", d.admin.Addr().String())
	notify(d.log, notifyReady)
	select {
	case err = <-failed:
		err = fmt.Errorf("a listener failed: %w", err)
	case <-stop.graceful.Done():
		d.log.Info("stopping", "within", stopTimeout.String())
	}
	notify(d.log, notifyStopping)
	return errors.Join(err, shutdown(stop.forced, rooms, server, public, admin))
}

// shutdown ends all in the order of who depends on whom: nobody new, the rooms, their connections, the listeners.
func shutdown(forced context.Context, rooms *live.Registry, server *signaling.Server, public, admin *http.Server) error {
	ctx, cancel := context.WithTimeout(forced, stopTimeout)
	defer cancel()
	server.Drain()
	rooms.Drain()
	errs := []error{rooms.Close(ctx), server.Close(ctx), public.Shutdown(ctx), admin.Shutdown(ctx)}
	public.Close()
	admin.Close()
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("stopped before all had ended: %w", err)
	}
	return nil
}

func (d daemon) metrics(media io.Closer, door *gate, state prometheus.Collector) (*signaling.Metrics, error) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector()) // goroutines and memory
	m := signaling.NewMetrics(registry, version())
	refused := prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "alcove_connections_refused_total", Help: "TCP connections closed at once because of limits.connections.",
	}, func() float64 { return float64(door.refused.Load()) })
	if err := errors.Join(registry.Register(refused), registry.Register(state)); err != nil {
		return nil, err
	}
	if c, ok := media.(prometheus.Collector); ok {
		if err := registry.Register(c); err != nil {
			return nil, fmt.Errorf("cannot count the media plane: %w", err)
		}
	}
	return m, nil
}

func (d daemon) server(rooms *live.Registry, metrics *signaling.Metrics, state *store.Store) (*signaling.Server, error) {
	tokens, err := auth.NewVerifier(auth.VerifierConfig{
		Issuer: d.config.Auth.Issuer, Audience: d.config.Auth.Audience, Keys: d.material.keys, PersonKey: d.material.person,
		Spent: state, Revoked: state,
	})
	if err != nil {
		return nil, err
	}
	admins, err := auth.NewAdminVerifier(d.config.Auth.Issuer, d.material.keys)
	if err != nil {
		return nil, err
	}
	return signaling.NewServer(signaling.Config{
		Tokens: tokens, Rooms: rooms, Metrics: metrics,
		Admin: &signaling.Admin{
			Tokens: admins, Room: d.material.person.Room, Person: d.material.person.Person, Issuer: d.config.Auth.Issuer,
			Revoke: state.Revoke, Consents: state.Consents,
		},
		Origins: d.config.Origins, FrameAncestors: d.config.FrameAncestors, TrustedProxies: proxies(d.config.TrustedProxies),
		Page:  signaling.Page{Clinic: d.config.Page.Clinic, Phone: d.config.Page.Phone},
		Ready: rooms.Err, Passcodes: passcodes(d.config), Acknowledged: state.Acknowledged,
		Dev: d.dev != nil, Extra: d.dev, Log: d.log,
	})
}

// wrap puts TLS around a listener where there is a certificate. WebSockets need HTTP/1.1 (RFC 6455, section 4.1), so it is all
// that is offered.
func (d daemon) wrap(l net.Listener) net.Listener {
	if d.material.cert == nil {
		return l
	}
	return tls.NewListener(l, &tls.Config{
		Certificates: []tls.Certificate{*d.material.cert}, MinVersion: tls.VersionTLS13, NextProtos: []string{"http/1.1"},
	})
}

func addresses(listeners []net.Listener) []string {
	var all []string
	for _, l := range listeners {
		all = append(all, l.Addr().String())
	}
	return all
}
