package daemon

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"alcove/cmd/alcove/internal/config"
	"alcove/cmd/alcove/internal/control"
	"alcove/cmd/alcove/internal/state"
)

// controlHandler serves /state, /drain?stops_in=20m, /undrain, /reload, /sweep and
// /erase?person=ID. A refused request is answered 409 with the reason.
func controlHandler(d *drainer, r *reloader, sweep func() (*control.SweepResult, error),
	erase func(ctx context.Context, person string) (state.Erasure, error)) http.Handler {
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, more control.State, err error) {
		if err != nil {
			http.Error(w, err.Error(), http.StatusConflict)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		more.Draining, more.Rooms, more.People, more.NeedsRestart = d.server.Draining(), d.rooms.Counts().Rooms, d.server.People(), r.pendingRestart()
		json.NewEncoder(w).Encode(more)
	}
	handle := func(path string, do func(*http.Request) error) {
		mux.HandleFunc(path, func(w http.ResponseWriter, request *http.Request) { answer(w, control.State{}, do(request)) })
	}
	mux.HandleFunc("POST /sweep", func(w http.ResponseWriter, _ *http.Request) {
		swept, err := sweep()
		answer(w, control.State{Swept: swept}, err)
	})
	mux.HandleFunc("POST /erase", func(w http.ResponseWriter, request *http.Request) {
		erased, err := erase(request.Context(), request.URL.Query().Get("person"))
		answer(w, control.State{Erased: (*control.EraseResult)(&erased)}, err)
	})
	handle("GET /state", func(*http.Request) error { return nil })
	handle("POST /undrain", func(*http.Request) error { return d.end() })
	handle("POST /reload", func(*http.Request) error { return r.reload() })
	handle("POST /drain", func(request *http.Request) error {
		text := request.URL.Query().Get("stops_in")
		if text == "" {
			return d.begin(time.Time{})
		}
		in, err := time.ParseDuration(text)
		if err != nil || in <= 0 || in > config.MaxDrainWait {
			return fmt.Errorf("stops_in: use a time up to %s", config.MaxDrainWait)
		}
		return d.begin(time.Now().Add(in))
	})
	return mux
}
