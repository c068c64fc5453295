package daemon

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"alcove/cmd/alcove/internal/config"
	"alcove/cmd/alcove/internal/control"
)

// controlHandler serves /state, /drain?stops_in=20m, /undrain, /reload and /sweep. A refused request is answered 409 with the reason.
func controlHandler(d *drainer, r *reloader, sweep func() (*control.SweepResult, error)) http.Handler {
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, swept *control.SweepResult, err error) {
		if err != nil {
			http.Error(w, err.Error(), http.StatusConflict)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(control.State{
			Draining: d.server.Draining(), Rooms: d.rooms.Counts().Rooms, People: d.server.People(), Swept: swept, NeedsRestart: r.pendingRestart(),
		})
	}
	handle := func(path string, do func(*http.Request) error) {
		mux.HandleFunc(path, func(w http.ResponseWriter, request *http.Request) { answer(w, nil, do(request)) })
	}
	mux.HandleFunc("POST /sweep", func(w http.ResponseWriter, _ *http.Request) {
		swept, err := sweep()
		answer(w, swept, err)
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
