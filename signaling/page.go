package signaling

import (
	"encoding/json"
	"net/http"
)

// Page is the configuration of the page: /v1/page.json.
type Page struct {
	Clinic string `json:"clinic"` // the name of the clinic
	Phone  string `json:"phone"`  // shown where the page cannot help
	Dev    bool   `json:"dev"`
	// SuggestFirstName lists the policies under which the field for the name begins with the first name of the token, not empty.
	SuggestFirstName []string `json:"suggestFirstName,omitempty"`
}

func (s *Server) servePageConfig(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", contentTypes[".json"])
	json.NewEncoder(w).Encode(s.settings.Load().Page)
}
