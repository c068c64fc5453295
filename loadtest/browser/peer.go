package browser

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"sync"

	"alcove/loadtest/client"
)

//go:embed page.js
var script string

// A Peer is one tab: a client.Transport whose media Chromium holds.
type Peer struct {
	c       *Chromium
	target  string
	session string
	closed  chan struct{}
	once    sync.Once
}

// NewPeer opens a tab.
func (c *Chromium) NewPeer(ctx context.Context) (*Peer, error) {
	p := &Peer{c: c, closed: make(chan struct{})}
	var isolated struct{ BrowserContextID string }
	if err := c.call(ctx, "", "Target.createBrowserContext", nil, &isolated); err != nil {
		return nil, err
	}
	var tab struct{ TargetID string }
	if err := c.call(ctx, "", "Target.createTarget", map[string]any{"url": c.url, "browserContextId": isolated.BrowserContextID}, &tab); err != nil {
		return nil, err
	}
	var attached struct{ SessionID string }
	if err := c.call(ctx, "", "Target.attachToTarget", map[string]any{"targetId": tab.TargetID, "flatten": true}, &attached); err != nil {
		return nil, err
	}
	p.target, p.session = tab.TargetID, attached.SessionID
	if err := p.waitLoaded(ctx); err != nil {
		return nil, err
	}
	return p, c.evaluate(ctx, p.session, script, nil)
}

// waitLoaded waits for the page. A new tab begins with an empty document, and whoever asks that one is told, when the page comes,
// that it is gone: then the page itself is asked.
func (p *Peer) waitLoaded(ctx context.Context) error {
	const ready = `new Promise((ok) => document.readyState === "complete" && location.protocol === "http:" ? ok(true) : addEventListener("load", () => ok(true)))`
	for {
		err := p.c.evaluate(ctx, p.session, ready, nil)
		if err == nil || !strings.Contains(err.Error(), "context was destroyed") || ctx.Err() != nil {
			return err
		}
	}
}

// Offer describes the connection.
func (p *Peer) Offer(s client.Slots) (string, []client.Track, error) {
	var o struct {
		SDP    string         `json:"sdp"`
		Tracks []client.Track `json:"tracks"`
	}
	err := p.c.evaluate(context.Background(), p.session, fmt.Sprintf("peer.offer(%d, %d)", s.Pairs, s.Screens), &o)
	return o.SDP, o.Tracks, err
}

// An Owner says whose packets carry a CSRC, and of which source.
type Owner struct {
	CSRC   uint32 `json:"csrc"`
	Leaf   int    `json:"leaf"`
	Stream int    `json:"stream"`
}

// Streams of a source, as the key id of a sealed frame names them.
const (
	StreamMicrophone = 0
	StreamCamera     = 1
	StreamScreen     = 4
)

// Seal has frames sealed and opened by the worker of Chromium.ServeWorker. leaf tells the tabs apart. Call it before the first Offer.
func (p *Peer) Seal(ctx context.Context, leaf int) error {
	return p.c.evaluate(ctx, p.session, fmt.Sprintf("peer.seal(%d)", leaf), nil)
}

// SetOwners replaces what Seal knows of the others.
func (p *Peer) SetOwners(ctx context.Context, owners []Owner) error {
	list, err := json.Marshal(owners)
	if err != nil {
		return err
	}
	return p.c.evaluate(ctx, p.session, "peer.setOwners("+string(list)+")", nil)
}

// Restart makes the next offer an ICE restart.
func (p *Peer) Restart(ctx context.Context) error {
	return p.c.evaluate(ctx, p.session, "peer.restart()", nil)
}

// Answered takes the server's description and waits until the connection stands.
func (p *Peer) Answered(ctx context.Context, sdp string, via func(netip.AddrPort) netip.AddrPort) error {
	if via != nil {
		sdp = client.Redirect(sdp, via)
	}
	quoted, err := json.Marshal(sdp)
	if err != nil {
		return err
	}
	return p.c.evaluate(ctx, p.session, "peer.answered("+string(quoted)+")", nil)
}

// Start does nothing: Chromium sends by itself.
func (p *Peer) Start(*rand.Rand) {}

// Closed ends with the tab.
func (p *Peer) Closed() <-chan struct{} { return p.closed }

// Close ends the connection and the tab.
func (p *Peer) Close(bool) {
	p.once.Do(func() {
		close(p.closed)
		_ = p.c.evaluate(context.Background(), p.session, "peer.close()", nil)
		_ = p.c.call(context.Background(), "", "Target.closeTarget", map[string]any{"targetId": p.target}, nil)
	})
}

// A Stats is what a tab received so far.
type Stats struct {
	At            float64            // ms
	FramesByTrack map[string]float64 // frames so far, by track: one for each person who was seen
	Frames        float64
	Freezes       float64
	Frozen        float64 // s
	Samples       float64
	Concealed     float64
	Lost          float64
	Received      float64
	RTT           float64 // s
	Width         float64
	Bytes         float64
	BufferDelay   float64 // s, of all video
	BufferCount   float64
	FirstFrame    float64 // ms since the offer
}

// Stats asks the tab.
func (p *Peer) Stats(ctx context.Context) (Stats, error) {
	var l Stats
	err := p.c.evaluate(ctx, p.session, "peer.stats()", &l)
	return l, err
}
