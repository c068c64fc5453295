package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"alcove/loadtest/client"
	"alcove/loadtest/pace"
)

// A janusGuest has two connections: one that sends, if it does, and one that receives everybody.
//
//	join ──► publish ──► offer ──► answer ──► Connect
//	   └──► publishers ──► subscribe ──► offer of Janus ──► answer ──► Connect
type janusGuest struct {
	hall   *hall
	seat   seat
	wire   *janusWire
	cancel context.CancelFunc
	over   chan struct{} // closed when follow ended

	mu      sync.Mutex
	sending *client.Plain // Guarded by mu, as below.
	hearing *client.Plain
	offerAt time.Duration
	failed  error

	// Owned by follow.
	room    uint64
	private uint64
	handle  uint64 // of what is received
	known   map[uint64]bool
}

func (j *janus) guest(h *hall, s seat) guest {
	return &janusGuest{hall: h, seat: s, room: uint64(s.room + 1), known: map[uint64]bool{}}
}

func (g *janusGuest) enter(ctx context.Context) error {
	var err error
	if g.wire, err = dialJanus(ctx); err != nil {
		return err
	}
	handle, err := g.wire.attach(ctx)
	if err != nil {
		return err
	}
	joined, err := g.wire.tell(ctx, handle, map[string]any{
		"request": "join", "ptype": "publisher", "room": g.room, "display": fmt.Sprint("Person ", g.seat.number),
	}, nil)
	if err != nil {
		return err
	}
	g.private = joined.Plugin.Data.PrivateID
	g.mu.Lock()
	g.offerAt = pace.Now()
	g.mu.Unlock()
	g.over = make(chan struct{})
	var following context.Context
	following, g.cancel = context.WithCancel(context.WithoutCancel(ctx))
	go g.follow(following, joined)
	if !g.seat.sends {
		return nil
	}
	return g.publish(ctx, handle)
}

func (g *janusGuest) publish(ctx context.Context, handle uint64) error {
	audio, video := g.seat.shapes()
	p, err := client.NewPlain(g.hall.lab, g.hall.group, audio, video)
	if err != nil {
		return err
	}
	g.mu.Lock()
	g.sending = p
	g.mu.Unlock()
	answer, err := g.wire.tell(ctx, handle, map[string]any{"request": "publish"}, &jsep{"offer", p.Offer()})
	if err != nil {
		return err
	}
	if answer.JSEP == nil {
		return fmt.Errorf("janus: no answer to the offer")
	}
	return p.Connect(ctx, answer.JSEP.SDP)
}

// follow subscribes to whoever publishes, and answers the offers of Janus, until the wire ends.
func (g *janusGuest) follow(ctx context.Context, m janusMessage) {
	defer close(g.over)
	for {
		err := g.subscribe(ctx, m)
		if err == nil && m.JSEP != nil && m.JSEP.Type == "offer" {
			err = g.accept(ctx, *m.JSEP)
		}
		if err != nil && ctx.Err() == nil {
			g.mu.Lock()
			g.failed = err
			g.mu.Unlock()
			return
		}
		select {
		case m = <-g.wire.events:
		case <-g.wire.done:
			return
		case <-ctx.Done():
			return
		}
	}
}

func (g *janusGuest) subscribe(ctx context.Context, m janusMessage) error {
	var streams []map[string]any
	for _, p := range m.Plugin.Data.Publishers {
		if !g.known[p.ID] {
			g.known[p.ID] = true
			streams = append(streams, map[string]any{"feed": p.ID})
		}
	}
	if len(streams) == 0 {
		return nil
	}
	request := map[string]any{"request": "subscribe", "streams": streams}
	if g.handle == 0 {
		var err error
		if g.handle, err = g.wire.attach(ctx); err != nil {
			return err
		}
		request = map[string]any{"request": "join", "ptype": "subscriber", "room": g.room, "private_id": g.private, "streams": streams}
	}
	answer, err := g.wire.tell(ctx, g.handle, request, nil)
	if err != nil || answer.JSEP == nil {
		return err
	}
	return g.accept(ctx, *answer.JSEP)
}

// accept answers an offer of Janus.
func (g *janusGuest) accept(ctx context.Context, offer jsep) error {
	g.mu.Lock()
	p := g.hearing
	g.mu.Unlock()
	if p == nil {
		var err error
		if p, err = client.NewPlain(g.hall.lab, g.hall.group, nil, nil); err != nil {
			return err
		}
		g.mu.Lock()
		g.hearing = p
		g.mu.Unlock()
	}
	answer, err := p.Answer(offer.SDP)
	if err != nil {
		return err
	}
	if _, err := g.wire.tell(ctx, g.handle, map[string]any{"request": "start"}, &jsep{"answer", answer}); err != nil {
		return err
	}
	return p.Connect(ctx, offer.SDP)
}

func (g *janusGuest) complete(others int) (time.Duration, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.failed != nil {
		return 0, g.failed
	}
	if g.hearing == nil {
		return 0, nil
	}
	return completedSources(g.hearing.Firsts(), others), nil
}

func (g *janusGuest) offered() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.offerAt
}

func (g *janusGuest) leave() {
	if g.cancel != nil {
		g.cancel()
		g.wire.close()
		<-g.over
	} else if g.wire != nil {
		g.wire.close()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, p := range []*client.Plain{g.sending, g.hearing} {
		if p != nil {
			p.Close()
		}
	}
}
