package signaling

import (
	"fmt"
	"net/http"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"alcove/signaling/api"
)

// AdminHandler serves health, metrics and the API for clinics, for a listener that the public cannot reach:
//
//	/livez     200 while the process serves
//	/readyz    200 when it takes people, else 503 with the reason
//	/metrics   Prometheus
//	/v1/       the API of api/openapi.yaml, for tokens of its own, if Config.API is set
func (s *Server) AdminHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/livez", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("/readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := s.ready(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	mux.Handle("/metrics", promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError}))
	all := http.NewServeMux()
	all.Handle("/", readOnly(mux))
	if s.cfg.API != nil {
		clinics := api.Server{Config: *s.cfg.API, Rooms: s.cfg.Rooms, Faults: s.faults, Refusals: s.refusals, Ready: s.ready, Now: s.now}
		clinics.Register(all)
	}
	return all
}

// ready returns why the daemon takes no people, nil if it does.
func (s *Server) ready() error {
	if s.draining.Load() {
		return errDraining
	}
	if s.cfg.Ready != nil {
		return s.cfg.Ready()
	}
	return nil
}
