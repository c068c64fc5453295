package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// How operators on this host reach the daemon: HTTP on a Unix socket that only its user and root can open. The admin API has tokens of
// its own, but whoever can make one can sign tokens that enter rooms, and that key has no place on this host.

// A controlState is what every wish on the control socket is answered with.
type controlState struct {
	Draining bool `json:"draining"`
	Rooms    int  `json:"rooms"`
	People   int  `json:"people"` // connected, waiting or admitted

	Swept *sweptState `json:"swept,omitempty"` // what /sweep did

	NeedsRestart []string `json:"needsRestart,omitempty"` // keys of the configuration that were read, and are not in force
}

// A sweptState says what a sweep of recordings did: segments, as in record.Swept.
type sweptState struct{ Removed, Held, Unknown int }

// controlHandler serves /state, /drain?stops_in=20m, /undrain, /reload and /sweep. Refused wishes are answered 409 with why.
func controlHandler(d *drainer, r *reloader, sweep func() (*sweptState, error)) http.Handler {
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, swept *sweptState, err error) {
		if err != nil {
			http.Error(w, err.Error(), http.StatusConflict)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(controlState{d.server.Draining(), d.rooms.Counts().Rooms, d.server.People(), swept, r.waiting()})
	}
	wish := func(path string, do func(*http.Request) error) {
		mux.HandleFunc(path, func(w http.ResponseWriter, asked *http.Request) { answer(w, nil, do(asked)) })
	}
	mux.HandleFunc("POST /sweep", func(w http.ResponseWriter, _ *http.Request) {
		swept, err := sweep()
		answer(w, swept, err)
	})
	wish("GET /state", func(*http.Request) error { return nil })
	wish("POST /undrain", func(*http.Request) error { return d.end() })
	wish("POST /reload", func(*http.Request) error { return r.reload() })
	wish("POST /drain", func(asked *http.Request) error {
		text := asked.URL.Query().Get("stops_in")
		if text == "" {
			return d.begin(time.Time{})
		}
		in, err := time.ParseDuration(text)
		if err != nil || in <= 0 || in > maxDrainWait {
			return fmt.Errorf("stops_in: use a time up to %s", maxDrainWait)
		}
		return d.begin(time.Now().Add(in))
	})
	return mux
}

// listenControl listens on a socket that others cannot open. One that a daemon left when it was killed is taken over; one on which
// somebody may answer is not, nor is what is no socket: a wrong path must not cost a key.
func listenControl(name string) (net.Listener, error) {
	if err := os.MkdirAll(filepath.Dir(name), modeFolder); err != nil {
		return nil, fmt.Errorf("control: %w", err)
	}
	l, err := net.Listen("unix", name)
	if errors.Is(err, syscall.EADDRINUSE) {
		if info, statErr := os.Lstat(name); statErr == nil && info.Mode()&os.ModeSocket == 0 {
			return nil, fmt.Errorf("control: %s is there already and is no socket: name a path of its own", name)
		}
		if c, dialErr := net.Dial("unix", name); !errors.Is(dialErr, syscall.ECONNREFUSED) {
			if dialErr == nil {
				c.Close()
			}
			return nil, fmt.Errorf("control: another daemon listens on %s: stop it first, or name another path", name)
		}
		if err := os.Remove(name); err != nil {
			return nil, fmt.Errorf("control: %w", err)
		}
		l, err = net.Listen("unix", name)
	}
	if err != nil {
		return nil, fmt.Errorf("control: %w (a path of at most 107 characters in a folder that the daemon may write)", err)
	}
	if err := os.Chmod(name, modeSecret); err != nil {
		l.Close()
		return nil, fmt.Errorf("control: %w", err)
	}
	return l, nil
}
