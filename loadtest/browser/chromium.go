package browser

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// Times and sizes.
const (
	startTimeout = 30 * time.Second // of Chromium, on a machine that is busy
	callTimeout  = 30 * time.Second // of one evaluation; connecting is the longest
	stopTimeout  = 5 * time.Second
	maxMessage   = 16 << 20 // an offer of many slots, twice encoded, in bytes
)

// flags of a Chromium without a window, with a camera and a microphone that need no one's permission, and tabs that are not put
// to sleep.
var flags = []string{
	"--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
	"--disable-component-update", "--disable-sync", "--mute-audio", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
	"--allow-loopback-in-peer-connection", "--disable-background-timer-throttling", "--disable-renderer-backgrounding",
	"--disable-backgrounding-occluded-windows", "--autoplay-policy=no-user-gesture-required", "--remote-debugging-port=0",
}

// A Chromium is one running browser, spoken to by the DevTools protocol.
type Chromium struct {
	cmd    *exec.Cmd
	exited chan struct{}
	folder string // its profile, removed at the end
	page   *http.Server
	url    string // of an empty page: media needs a secure context, and loopback is one
	ws     *websocket.Conn
	worker []byte // set by ServeWorker before the first tab

	writing sync.Mutex
	mu      sync.Mutex
	next    int                  // Guarded by mu, as all below.
	calls   map[int]chan message // nil: the browser is gone
}

// A message is any of the DevTools protocol.
type message struct {
	ID        int             `json:"id,omitempty"`
	Method    string          `json:"method,omitempty"`
	Params    any             `json:"params,omitempty"`
	SessionID string          `json:"sessionId,omitempty"`
	Result    json.RawMessage `json:"result,omitempty"`
	Error     *struct {
		Message string `json:"message"`
	} `json:"error,omitempty"`
}

// Start runs Chromium; path is its executable, "" for the one in PATH.
func Start(ctx context.Context, path string) (*Chromium, error) {
	if path == "" {
		var err error
		if path, err = exec.LookPath("chromium"); err != nil {
			return nil, errors.New("browsers need chromium: apt-get install chromium")
		}
	}
	folder, err := os.MkdirTemp("", "loadtest-chromium-")
	if err != nil {
		return nil, err
	}
	c := &Chromium{folder: folder, exited: make(chan struct{}), calls: map[int]chan message{}}
	if err := c.start(ctx, path); err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	return c, nil
}

func (c *Chromium) start(ctx context.Context, path string) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	c.url = "http://" + listener.Addr().String()
	c.page = &http.Server{ReadHeaderTimeout: callTimeout, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/frames.js" {
			w.Header().Set("Content-Type", "text/javascript")
			_, _ = w.Write(c.worker)
			return
		}
		_, _ = io.WriteString(w, "<!doctype html><title>participant</title><body>")
	})}
	go func() { _ = c.page.Serve(listener) }()
	c.cmd = exec.Command(path, append(flags, "--user-data-dir="+c.folder, "about:blank")...)
	out, err := c.cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := c.cmd.Start(); err != nil {
		return err
	}
	go func() { _ = c.cmd.Wait(); close(c.exited) }()
	address := make(chan string, 1)
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if _, at, ok := strings.Cut(lines.Text(), "DevTools listening on "); ok {
				address <- at
			}
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	select {
	case at := <-address:
		if c.ws, _, err = websocket.DefaultDialer.DialContext(ctx, at, nil); err != nil {
			c.stop()
			return err
		}
	case <-c.exited:
		return errors.New("chromium ended at once")
	case <-ctx.Done():
		c.stop()
		return fmt.Errorf("chromium does not start: %w", ctx.Err())
	}
	c.ws.SetReadLimit(maxMessage)
	go c.read()
	return nil
}

func (c *Chromium) read() {
	for {
		var m message
		err := c.ws.ReadJSON(&m)
		c.mu.Lock()
		if err != nil {
			for _, call := range c.calls {
				close(call)
			}
			c.calls = nil
			c.mu.Unlock()
			return
		}
		call := c.calls[m.ID]
		delete(c.calls, m.ID)
		c.mu.Unlock()
		if call != nil {
			call <- m
		}
	}
}

var errGone = errors.New("browser: chromium is gone")

// call sends one command and waits for its result.
func (c *Chromium) call(ctx context.Context, session, method string, params, into any) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	result := make(chan message, 1)
	c.mu.Lock()
	if c.calls == nil {
		c.mu.Unlock()
		return errGone
	}
	c.next++
	id := c.next
	c.calls[id] = result
	c.mu.Unlock()
	c.writing.Lock()
	err := c.ws.WriteJSON(message{ID: id, Method: method, Params: params, SessionID: session})
	c.writing.Unlock()
	if err != nil {
		return errGone
	}
	select {
	case m, ok := <-result:
		switch {
		case !ok:
			return errGone
		case m.Error != nil:
			return fmt.Errorf("browser: %s: %s", method, m.Error.Message)
		case into == nil:
			return nil
		}
		return json.Unmarshal(m.Result, into)
	case <-ctx.Done():
		return fmt.Errorf("browser: %s: %w", method, ctx.Err())
	}
}

// evaluate runs an expression in a tab and reads what it promises.
func (c *Chromium) evaluate(ctx context.Context, session, expression string, into any) error {
	var r struct {
		Result    struct{ Value json.RawMessage }
		Exception *struct {
			Exception struct{ Description string }
		} `json:"exceptionDetails"`
	}
	params := map[string]any{"expression": expression, "awaitPromise": true, "returnByValue": true}
	if err := c.call(ctx, session, "Runtime.evaluate", params, &r); err != nil {
		return err
	}
	if r.Exception != nil {
		return fmt.Errorf("browser: %s", r.Exception.Exception.Description)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(r.Result.Value, into)
}

// ServeWorker gives tabs the frames worker of Alcove's page. Call it before the first NewPeer.
func (c *Chromium) ServeWorker(script []byte) { c.worker = script }

// Close ends the browser and removes its profile.
func (c *Chromium) Close() {
	_ = c.call(context.Background(), "", "Browser.close", nil, nil)
	_ = c.ws.Close()
	c.stop()
	_ = os.RemoveAll(c.folder)
}

func (c *Chromium) stop() {
	_ = c.page.Close()
	timeout := time.After(stopTimeout)
	select {
	case <-c.exited:
	case <-timeout:
		_ = c.cmd.Process.Kill()
		<-c.exited
	}
}
