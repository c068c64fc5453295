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

	// Texts of the clinic by language (BCP 47): on the first screen, and where somebody may be in need.
	Welcome   map[string]string `json:"welcome,omitempty"`
	Emergency map[string]string `json:"emergency,omitempty"`
}

func (s *Server) servePageConfig(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", contentTypes[".json"])
	json.NewEncoder(w).Encode(s.settings.Load().Page)
}
