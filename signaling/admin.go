package signaling

import (
	"fmt"
	"net/http"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// AdminHandler serves the health of the daemon, for a listener that the public cannot reach:
//
//	/livez     200 while the process serves
//	/readyz    200 when it takes people, else 503 and why not
//	/metrics   Prometheus
//	/v1/       the admin API of openapi.yaml, for tokens of its own, if Config.Admin is set
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
	if s.cfg.Admin != nil {
		for route, do := range routes {
			all.HandleFunc(route, s.serveAPI(do))
		}
	}
	return all
}

func (s *Server) ready() error {
	if s.draining.Load() {
		return errDraining
	}
	if s.cfg.Ready != nil {
		return s.cfg.Ready()
	}
	return nil
}
