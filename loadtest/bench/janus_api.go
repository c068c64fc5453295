package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"sync"

	"github.com/gorilla/websocket"
)

// A janusMessage is any message of Janus (its "JSON API over WebSockets").
type janusMessage struct {
	Janus       string `json:"janus"`
	Transaction string `json:"transaction"`
	Sender      uint64 `json:"sender"` // the handle it concerns
	Data        struct {
		ID uint64 `json:"id"`
	} `json:"data"`
	Plugin struct {
		Data videoroom `json:"data"`
	} `json:"plugindata"`
	JSEP  *jsep `json:"jsep"`
	Error *struct {
		Code   int    `json:"code"`
		Reason string `json:"reason"`
	} `json:"error"`
}

// A videoroom is what the plugin says, as far as we listen.
type videoroom struct {
	PrivateID  uint64 `json:"private_id"`
	Publishers []struct {
		ID uint64 `json:"id"`
	} `json:"publishers"`
	ErrorCode int    `json:"error_code"`
	Error     string `json:"error"`
}

// A jsep is a description on its way.
type jsep struct {
	Type string `json:"type"`
	SDP  string `json:"sdp"`
}

// failure is the error that a message carries, if any.
func (m janusMessage) failure() error {
	switch {
	case m.Error != nil:
		return fmt.Errorf("janus: %d: %s", m.Error.Code, m.Error.Reason)
	case m.Plugin.Data.ErrorCode != 0:
		return fmt.Errorf("janus: videoroom: %d: %s", m.Plugin.Data.ErrorCode, m.Plugin.Data.Error)
	}
	return nil
}

// A janusConn is one WebSocket with one session.
type janusConn struct {
	ws      *websocket.Conn
	session uint64
	events  chan janusMessage // what nobody asked for
	done    chan struct{}     // closed when the connection ended

	writing sync.Mutex
	mu      sync.Mutex
	next    int                          // Guarded by mu, as below.
	calls   map[string]chan janusMessage // each with room for its answer; nil: over
}

// dialJanus connects and opens a session.
func dialJanus(ctx context.Context) (*janusConn, error) {
	dialer := websocket.Dialer{Subprotocols: []string{"janus-protocol"}}
	ws, _, err := dialer.DialContext(ctx, "ws://"+janusAddress, http.Header{})
	if err != nil {
		return nil, err
	}
	w := &janusConn{ws: ws, events: make(chan janusMessage, janusEvents), done: make(chan struct{}), calls: map[string]chan janusMessage{}}
	go w.read()
	m, err := w.request(ctx, map[string]any{"janus": "create"})
	if err != nil {
		w.close()
		return nil, err
	}
	w.session = m.Data.ID
	return w, nil
}

func (w *janusConn) read() {
	defer close(w.done)
	for {
		var m janusMessage
		if err := w.ws.ReadJSON(&m); err != nil {
			w.mu.Lock()
			w.calls = nil
			w.mu.Unlock()
			return
		}
		if m.Janus == "ack" {
			continue // the answer is an event that follows
		}
		w.mu.Lock()
		answer := w.calls[m.Transaction]
		delete(w.calls, m.Transaction)
		w.mu.Unlock()
		if answer != nil {
			answer <- m
		} else if m.Janus == "event" {
			w.events <- m
		}
	}
}

// request sends a request and waits for its answer.
func (w *janusConn) request(ctx context.Context, request map[string]any) (janusMessage, error) {
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	answer := make(chan janusMessage, 1)
	w.mu.Lock()
	w.next++
	id := strconv.Itoa(w.next)
	if w.calls != nil {
		w.calls[id] = answer
	}
	w.mu.Unlock()
	request = maps.Clone(request)
	request["transaction"] = id
	if w.session != 0 {
		request["session_id"] = w.session
	}
	data, err := json.Marshal(request)
	if err != nil {
		return janusMessage{}, err
	}
	w.writing.Lock()
	err = w.ws.WriteMessage(websocket.TextMessage, data) // not WriteJSON: Janus takes its newline for a second request
	w.writing.Unlock()
	if err != nil {
		return janusMessage{}, err
	}
	select {
	case m := <-answer:
		return m, m.failure()
	case <-w.done:
		return janusMessage{}, fmt.Errorf("janus: %v: the connection is gone", request["janus"])
	case <-ctx.Done():
		return janusMessage{}, fmt.Errorf("janus: %v: no answer: %w", request["janus"], ctx.Err())
	}
}

// attach opens a handle of the plugin.
func (w *janusConn) attach(ctx context.Context) (uint64, error) {
	m, err := w.request(ctx, map[string]any{"janus": "attach", "plugin": "janus.plugin.videoroom"})
	return m.Data.ID, err
}

// message asks the plugin on a handle.
func (w *janusConn) message(ctx context.Context, handle uint64, body map[string]any, description *jsep) (janusMessage, error) {
	request := map[string]any{"janus": "message", "handle_id": handle, "body": body}
	if description != nil {
		request["jsep"] = description
	}
	return w.request(ctx, request)
}

// close ends the connection; Janus ends what hung on it.
func (w *janusConn) close() {
	_ = w.ws.Close()
	for {
		select {
		case <-w.events: // the reader may wait for room
		case <-w.done:
			return
		}
	}
}
