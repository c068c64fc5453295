package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"alcove/auth"
	"alcove/cmd/alcove/internal/config"
	"alcove/cmd/alcove/internal/front"
	"alcove/room/live"
	"alcove/signaling"
)

// A reloader reads the configuration and all files it names again, at SIGHUP or when an operator asks. Either all of it is taken or
// none: a mistake changes nothing. Connections, rooms and media are not touched; policies hold for rooms that open from then on.
type reloader struct {
	read     func() (config.Config, config.Secrets, error) // nil: there is nothing to read
	keys     *auth.KeyFile
	certs    *front.Certificates // nil without TLS
	level    *slog.LevelVar
	rooms    *live.Registry
	server   *signaling.Server
	limiters front.ConnLimiters
	log      *slog.Logger
	count    func(result string)
	hup      chan os.Signal // SIGHUP; one pending signal stands for all before it

	started config.Config // configuration at the start of the daemon

	mu      sync.Mutex                    // held while files are read; a stop must not wait for it, because the disk may hang
	current atomic.Pointer[config.Config] // configuration read last; written under mu
}

// reload reads everything again, notifies the service manager, and returns the errors.
func (r *reloader) reload() error {
	if r.read == nil {
		return errors.New("this daemon has no configuration to read")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	notify(r.log, fmt.Sprintf("%s\nMONOTONIC_USEC=%d", notifyReloading, monotonic()))
	err := r.apply()
	notify(r.log, notifyReady)
	if err != nil {
		r.count("failed")
		r.log.Error("the configuration cannot be read: the previous one stays in force", "error", err.Error())
		return err
	}
	r.count("ok")
	return nil
}

// apply applies a new configuration. The caller holds mu.
func (r *reloader) apply() error {
	c, m, err := r.read()
	if err != nil {
		return err
	}
	if change, changed := r.keys.Reload(); changed && change.Err != nil {
		return fmt.Errorf("auth.jwks_file: %w", change.Err)
	}
	if r.certs != nil && m.Certificate != nil && !r.certs.ACME() {
		r.certs.Replace(m.Certificate)
	}
	if !r.started.Recording.Enabled() {
		config.DisableRecording(m.Policies) // there is no recorder before the next start
	}
	r.rooms.Reconfigure(m.Policies, c.Limits.Rooms)
	r.server.Reconfigure(settings(c))
	r.limiters.SetLimit(c.Limits.Connections)
	r.level.Set(config.LogLevels[c.Log.Level])
	r.current.Store(&c)
	r.log.Info("the configuration was read again", "needs_restart", r.needRestart(c))
	return nil
}

// needRestart lists the keys that changed since the start and that only another puts in force.
func (r *reloader) needRestart(c config.Config) []string {
	var all []string
	was, is := reflect.ValueOf(r.started), reflect.ValueOf(c)
	for f := range is.Type().Fields() {
		name := f.Tag.Get("yaml")
		if name == "tls" && r.started.TLS.CertFile != "" && c.TLS.CertFile != "" {
			continue // other files are as good as new ones
		}
		if !slices.Contains(reloadable, name) && !reflect.DeepEqual(was.FieldByIndex(f.Index).Interface(), is.FieldByIndex(f.Index).Interface()) {
			all = append(all, name)
		}
	}
	return all
}

// pendingRestart lists the changes of the newest configuration that need a restart.
func (r *reloader) pendingRestart() []string {
	return r.needRestart(*r.current.Load())
}

// reloadable are the keys that need no restart.
var reloadable = []string{"page", "limits", "policies", "log", "drain_wait"}

func settings(c config.Config) signaling.Settings {
	page := signaling.Page{Clinic: c.Page.Clinic, Phone: c.Page.Phone, Welcome: c.Page.Welcome, Emergency: c.Page.Emergency,
		SuggestFirstName: config.SuggestingPolicies(c)}
	return signaling.Settings{Page: page, Passcodes: config.PasscodeHashes(c)}
}

// drainWait is the one in force.
func (r *reloader) drainWait() time.Duration {
	return time.Duration(r.current.Load().DrainWait)
}

// run reads the JWKS file and the files of the certificate again every few seconds, because they are mostly replaced without a signal, and all
// else at SIGHUP, until ctx ends.
func (r *reloader) run(ctx context.Context) {
	poll := time.NewTicker(keyPoll)
	defer poll.Stop()
	defer signal.Stop(r.hup)
	for {
		select {
		case <-ctx.Done():
			return
		case <-poll.C:
			r.poll()
		case <-r.hup:
			r.reload()
		}
	}
}

// poll rereads files that renew themselves.
func (r *reloader) poll() {
	r.mu.Lock()
	defer r.mu.Unlock()
	change, changed := r.keys.Reload()
	switch {
	case changed && change.Err != nil:
		r.log.Error("the JWKS file cannot be used: the previous keys stay in force", "error", change.Err.Error())
	case changed:
		r.log.Info("the JWKS file was read again", "keys", len(change.Keys))
	}
	if r.certs != nil && !r.certs.ACME() {
		r.certs.ReloadFiles(r.current.Load().TLS, r.log)
	}
}
