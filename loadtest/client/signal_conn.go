package client

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"crypto/rand"

	"github.com/gorilla/websocket"
)

// ErrLost is returned for calls on a closed SignalConn.
var ErrLost = errors.New("client: the connection is gone")

// A Refusal is an error that the server answered (PROTOCOL.md, section 8).
type Refusal struct {
	Code         string `json:"code"`
	Message      string `json:"message"`
	Retryable    bool   `json:"retryable"`
	RetryAfterMs int    `json:"retryAfterMs"`
}

func (r *Refusal) Error() string { return "server: " + r.Code + ": " + r.Message }

// Code returns the code of a refusal, or "".
func Code(err error) string {
	if r, ok := errors.AsType[*Refusal](err); ok {
		return r.Code
	}
	return ""
}

// An Event is an event of the server (PROTOCOL.md, section 2).
type Event struct {
	Type string
	Data json.RawMessage
}

// A frame is any message of the server.
type frame struct {
	ID    string          `json:"id"`
	OK    bool            `json:"ok"`
	Type  string          `json:"type"`
	Data  json.RawMessage `json:"data"`
	Error *Refusal        `json:"error"`
}

// A SignalConn is one WebSocket connection. Call may be used from any goroutine; events come on the reader's, which must not Call.
type SignalConn struct {
	ws     *websocket.Conn
	prefix string // makes ids unique in the session
	done   chan struct{}

	writing sync.Mutex
	mu      sync.Mutex
	next    int                   // Guarded by mu, as all below.
	calls   map[string]chan frame // each with room for its answer
	closed  int                   // close code, 0 while open
}

// Dial opens a connection and passes events to handle. It waits as long as a server with a Retry-After asks for.
func Dial(ctx context.Context, server string, tlsConfig *tls.Config, handle func(Event)) (*SignalConn, error) {
	u, err := url.Parse(server)
	if err != nil {
		return nil, fmt.Errorf("the address of the server: %w", err)
	}
	origin := u.Scheme + "://" + u.Host
	u.Scheme, u.Path = strings.Replace(u.Scheme, "http", "ws", 1), "/v1/rtc"
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	dialer := websocket.Dialer{Subprotocols: []string{"alcove.v1"}, TLSClientConfig: tlsConfig}
	for {
		ws, resp, err := dialer.DialContext(ctx, u.String(), http.Header{"Origin": {origin}})
		if err == nil {
			ws.SetReadLimit(maxFrame)
			w := &SignalConn{ws: ws, prefix: rand.Text()[:8], done: make(chan struct{}), calls: map[string]chan frame{}}
			go w.read(handle)
			return w, nil
		}
		pause, again := retryAfter(resp)
		if !again {
			return nil, fmt.Errorf("cannot connect: %w", err)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, fmt.Errorf("cannot connect: %w", err)
		}
	}
}

// retryAfter parses a refusal that names a time to retry (RFC 6585, section 4; RFC 9110, section 10.2.3).
func retryAfter(resp *http.Response) (time.Duration, bool) {
	if resp == nil || (resp.StatusCode != http.StatusTooManyRequests && resp.StatusCode != http.StatusServiceUnavailable) {
		return 0, false
	}
	seconds, err := strconv.Atoi(resp.Header.Get("Retry-After"))
	return time.Duration(max(seconds, 1)) * time.Second, err == nil
}

func (w *SignalConn) read(handle func(Event)) {
	defer close(w.done)
	for {
		var f frame
		if err := w.ws.ReadJSON(&f); err != nil {
			w.lost(err)
			return
		}
		if f.ID == "" {
			handle(Event{f.Type, f.Data})
			continue
		}
		w.mu.Lock()
		c := w.calls[f.ID]
		delete(w.calls, f.ID)
		w.mu.Unlock()
		if c != nil {
			c <- f
		}
	}
}

func (w *SignalConn) lost(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = websocket.CloseAbnormalClosure
	if c, ok := errors.AsType[*websocket.CloseError](err); ok {
		w.closed = c.Code
	}
	_ = w.ws.Close()
	for _, c := range w.calls {
		close(c)
	}
	w.calls = nil
}

// Call asks and waits for the answer, which is read into into unless that is nil.
func (w *SignalConn) Call(ctx context.Context, kind string, data, into any) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	answer := make(chan frame, 1)
	w.mu.Lock()
	if w.calls == nil {
		w.mu.Unlock()
		return ErrLost
	}
	w.next++
	id := w.prefix + "-" + strconv.Itoa(w.next)
	w.calls[id] = answer
	w.mu.Unlock()
	if data == nil {
		data = struct{}{}
	}
	request := struct {
		ID   string `json:"id"`
		Type string `json:"type"`
		Data any    `json:"data"`
	}{id, kind, data}
	w.writing.Lock()
	err := w.ws.WriteJSON(request)
	w.writing.Unlock()
	if err != nil {
		return fmt.Errorf("%w: %s", ErrLost, kind)
	}
	select {
	case f, ok := <-answer:
		switch {
		case !ok:
			return fmt.Errorf("%w: %s", ErrLost, kind)
		case !f.OK && f.Error != nil:
			return f.Error
		case !f.OK:
			return fmt.Errorf("client: %s answered neither ok nor an error", kind)
		case into == nil:
			return nil
		}
		return json.Unmarshal(f.Data, into)
	case <-ctx.Done():
		return fmt.Errorf("%s: no answer: %w", kind, ctx.Err())
	}
}

// Done is closed when the connection ends, on either side.
func (w *SignalConn) Done() <-chan struct{} { return w.done }

// CloseCode is the WebSocket close code that ended the connection, 1006 if it was cut, 0 while it is open.
func (w *SignalConn) CloseCode() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.closed
}

// Disconnect drops the connection without closing it, as a network does.
func (w *SignalConn) Disconnect() {
	_ = w.ws.NetConn().Close()
	<-w.done
}
