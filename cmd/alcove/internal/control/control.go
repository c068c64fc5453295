package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
)

// A State is the answer to every request on the control socket.
type State struct {
	Draining bool `json:"draining"`
	Rooms    int  `json:"rooms"`
	People   int  `json:"people"` // connected, waiting or admitted

	Swept  *SweepResult `json:"swept,omitempty"`  // result of /sweep
	Erased *EraseResult `json:"erased,omitempty"` // result of /erase

	NeedsRestart []string `json:"needsRestart,omitempty"` // keys of the configuration that were read, and are not in force
}

// A SweepResult counts the segments of a sweep of recordings, as in record.GCResult.
type SweepResult struct{ Removed, Held, Unknown int }

// An EraseResult is what was erased of a person's sessions, as state.Erasure.
type EraseResult struct {
	Files   int
	Receipt string
}

func (s State) String() string {
	what := "taking new rooms"
	if s.Draining {
		what = "draining"
	}
	said := fmt.Sprintf("%s; %d rooms, %d people connected", what, s.Rooms, s.People)
	if len(s.NeedsRestart) > 0 {
		said += "; only a restart puts in force: " + strings.Join(s.NeedsRestart, ", ")
	}
	return said
}

// Request sends one request to a running daemon.
func Request(socket, method, path string) (state State, err error) {
	client := http.Client{Timeout: Timeout, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", socket)
		},
	}}
	req, err := http.NewRequest(method, "http://alcove"+path, nil)
	if err != nil {
		return state, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return state, fmt.Errorf("no daemon answers on %s: %w", socket, errors.Unwrap(err))
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	switch {
	case err != nil:
		return state, err
	case resp.StatusCode != http.StatusOK:
		return state, errors.New(strings.TrimSpace(string(body)))
	}
	return state, json.Unmarshal(body, &state)
}
