package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"alcove/loadtest/client"
	"alcove/loadtest/pace"
)

// A janusParticipant has two connections: one that sends, if it does, and one that receives everybody.
//
//	join ──► publish ──► offer ──► answer ──► Connect
//	   └──► publishers ──► subscribe ──► offer of Janus ──► answer ──► Connect
type janusParticipant struct {
	hall     *env
	seat     position
	conn     *janusConn
	cancel   context.CancelFunc
	followed chan struct{} // closed when follow ended

	mu        sync.Mutex
	sending   *client.External // Guarded by mu, as below.
	receiving *client.External
	offerAt   time.Duration
	failed    error

	// Owned by follow.
	room    uint64
	private uint64
	handle  uint64 // of what is received
	known   map[uint64]bool
}

func (j *janus) guest(h *env, s position) participant {
	return &janusParticipant{hall: h, seat: s, room: uint64(s.room + 1), known: map[uint64]bool{}}
}

func (g *janusParticipant) enter(ctx context.Context) error {
	var err error
	if g.conn, err = dialJanus(ctx); err != nil {
		return err
	}
	handle, err := g.conn.attach(ctx)
	if err != nil {
		return err
	}
	joined, err := g.conn.message(ctx, handle, map[string]any{
		"request": "join", "ptype": "publisher", "room": g.room, "display": fmt.Sprint("Person ", g.seat.number),
	}, nil)
	if err != nil {
		return err
	}
	g.private = joined.Plugin.Data.PrivateID
	g.mu.Lock()
	g.offerAt = pace.Now()
	g.mu.Unlock()
	g.followed = make(chan struct{})
	var following context.Context
	following, g.cancel = context.WithCancel(context.WithoutCancel(ctx))
	go g.follow(following, joined)
	if !g.seat.sends {
		return nil
	}
	return g.publish(ctx, handle)
}

func (g *janusParticipant) publish(ctx context.Context, handle uint64) error {
	audio, video := g.seat.shapes()
	p, err := client.NewExternal(g.hall.lab, g.hall.group, audio, video)
	if err != nil {
		return err
	}
	g.mu.Lock()
	g.sending = p
	g.mu.Unlock()
	answer, err := g.conn.message(ctx, handle, map[string]any{"request": "publish"}, &jsep{"offer", p.Offer()})
	if err != nil {
		return err
	}
	if answer.JSEP == nil {
		return fmt.Errorf("janus: no answer to the offer")
	}
	return p.Connect(ctx, answer.JSEP.SDP)
}

// follow subscribes to whoever publishes, and answers the offers of Janus, until the wire ends.
func (g *janusParticipant) follow(ctx context.Context, m janusMessage) {
	defer close(g.followed)
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
		case m = <-g.conn.events:
		case <-g.conn.done:
			return
		case <-ctx.Done():
			return
		}
	}
}

func (g *janusParticipant) subscribe(ctx context.Context, m janusMessage) error {
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
		if g.handle, err = g.conn.attach(ctx); err != nil {
			return err
		}
		request = map[string]any{"request": "join", "ptype": "subscriber", "room": g.room, "private_id": g.private, "streams": streams}
	}
	answer, err := g.conn.message(ctx, g.handle, request, nil)
	if err != nil || answer.JSEP == nil {
		return err
	}
	return g.accept(ctx, *answer.JSEP)
}

// accept answers an offer of Janus.
func (g *janusParticipant) accept(ctx context.Context, offer jsep) error {
	g.mu.Lock()
	p := g.receiving
	g.mu.Unlock()
	if p == nil {
		var err error
		if p, err = client.NewExternal(g.hall.lab, g.hall.group, nil, nil); err != nil {
			return err
		}
		g.mu.Lock()
		g.receiving = p
		g.mu.Unlock()
	}
	answer, err := p.Answer(offer.SDP)
	if err != nil {
		return err
	}
	if _, err := g.conn.message(ctx, g.handle, map[string]any{"request": "start"}, &jsep{"answer", answer}); err != nil {
		return err
	}
	return p.Connect(ctx, offer.SDP)
}

func (g *janusParticipant) complete(others int) (time.Duration, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.failed != nil {
		return 0, g.failed
	}
	if g.receiving == nil {
		return 0, nil
	}
	return allSourcesAt(g.receiving.FirstPackets(), others), nil
}

func (g *janusParticipant) offered() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.offerAt
}

func (g *janusParticipant) leave() {
	if g.cancel != nil {
		g.cancel()
		g.conn.close()
		<-g.followed
	} else if g.conn != nil {
		g.conn.close()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, p := range []*client.External{g.sending, g.receiving} {
		if p != nil {
			p.Close()
		}
	}
}
