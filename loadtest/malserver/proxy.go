package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/gorilla/websocket"
)

// A Proxy stands between browsers and a daemon.
type Proxy struct {
	daemon *url.URL
	pages  *httputil.ReverseProxy

	mu      sync.Mutex
	rules   *Rules
	clients map[*client]bool
}

// NewProxy takes the daemon's address, such as http://127.0.0.1:8081.
func NewProxy(daemon *url.URL) *Proxy {
	pages := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(daemon)
		r.Out.Host = r.In.Host // the daemon compares it with the page's origin
	}}
	return &Proxy{daemon: daemon, pages: pages, rules: newRules(), clients: map[*client]bool{}}
}

func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/v1/rtc" {
		p.pages.ServeHTTP(w, r)
		return
	}
	header := http.Header{"Origin": r.Header["Origin"], "Host": {r.Host}}
	dialer := websocket.Dialer{Subprotocols: websocket.Subprotocols(r)}
	server, _, err := dialer.DialContext(r.Context(), "ws://"+p.daemon.Host+"/v1/rtc", header)
	if err != nil {
		http.Error(w, "the daemon refuses", http.StatusBadGateway)
		return
	}
	defer server.Close()
	upgrader := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }, Subprotocols: websocket.Subprotocols(r)}
	browser, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer browser.Close()
	var writing sync.Mutex
	ask := func(kind int, data []byte) error {
		writing.Lock()
		defer writing.Unlock()
		return server.WriteMessage(kind, data)
	}
	c := &client{
		deliver: func(data []byte) { browser.WriteMessage(websocket.TextMessage, data) },
		ask:     func(data []byte) { ask(websocket.TextMessage, data) },
	}
	go func() {
		defer server.Close()
		for {
			kind, data, err := browser.ReadMessage()
			if err != nil || !p.answers(c, data) && ask(kind, data) != nil {
				return
			}
		}
	}()
	p.deliver(c, server, browser)
}

// answers reports whether the proxy answered a request itself.
func (p *Proxy) answers(c *client, data []byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	var m message
	return json.Unmarshal(data, &m) == nil && p.rules.fromBrowser(c, m, slices.Collect(maps.Keys(p.clients)))
}

// deliver passes on what the server says, altered, until one of the two ends.
func (p *Proxy) deliver(c *client, server, browser *websocket.Conn) {
	p.mu.Lock()
	p.clients[c] = true
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		delete(p.clients, c)
		p.mu.Unlock()
	}()
	for {
		_, data, err := server.ReadMessage()
		if e, ok := err.(*websocket.CloseError); ok {
			p.mu.Lock()
			browser.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(e.Code, e.Text))
			p.mu.Unlock()
		}
		var m message
		if err != nil || json.Unmarshal(data, &m) != nil {
			return
		}
		p.mu.Lock()
		for _, out := range p.rules.fromServer(c, m) {
			c.deliver(encode(out))
		}
		p.mu.Unlock()
	}
}

// Control answers /mode?name=MODE&victim=ID&ghost=ID with how many messages were altered since the last mode.
func (p *Proxy) Control(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	q := r.URL.Query()
	if r.Method == http.MethodPost {
		p.rules.mode, p.rules.victim, p.rules.changed = q.Get("name"), q.Get("victim"), 0
		p.rules.startFork(strings.Split(p.rules.victim, ","))
		for c := range p.clients {
			for _, m := range p.rules.onMode(c, q.Get("ghost")) {
				c.deliver(encode(m))
			}
			if m := p.rules.requestOnMode(c, q.Get("ghost")); m != nil {
				c.ask(encode(m))
			}
		}
	}
	fmt.Fprintln(w, p.rules.changed)
}
