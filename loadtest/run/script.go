package run

import (
	"context"
	"time"

	"alcove/loadtest/client"
	"alcove/loadtest/pace"
)

// play runs the scenario's script in one room until the window ends.
func (p *room) play(ctx context.Context) {
	switch p.r.sc.Script {
	case "therapy":
		p.therapy(ctx)
	case "churn":
		p.churn(ctx)
	default:
		<-ctx.Done()
	}
}

// A waitUntil waits for a share of the window; it reports false when the run was ended before.
func (p *room) waitUntil(ctx context.Context, share float64, begun time.Duration) bool {
	at := begun + time.Duration(share*float64(p.r.sc.Duration))
	return pause(ctx, at-pace.Now())
}

// therapy is a session: people talk in turns, one is sent back and comes in again, one loses the network, the door is locked
// before a late-comer, and the host ends the session with the window.
func (p *room) therapy(ctx context.Context) {
	begun := pace.Now()
	people := p.present()
	if len(people) < 4 {
		p.r.fail("a therapy session needs four who came in", nil)
		return
	}
	host, second, third := people[0], people[1], people[2]
	p.takeTurns(ctx, people, begun)
	if p.waitUntil(ctx, sendBackAt, begun) {
		p.sendBack(ctx, host, second)
	}
	if p.waitUntil(ctx, reconnectAt, begun) {
		p.reconnect(ctx, third)
	}
	if p.waitUntil(ctx, lockAt, begun) {
		p.rejectLateComer(ctx, host)
	}
	<-ctx.Done()
	p.end(context.WithoutCancel(ctx), host)
}

// takeTurns lets one after the other speak; the others mute themselves.
func (p *room) takeTurns(ctx context.Context, people []*person, begun time.Duration) {
	for _, n := range people[1:] {
		p.mute(ctx, n, true)
	}
	for i, n := range people {
		if !p.waitUntil(ctx, turnsUntil*float64(i+1)/float64(len(people)), begun) {
			return
		}
		p.mute(ctx, n, true)
		p.mute(ctx, people[(i+1)%len(people)], false)
	}
	for _, n := range people {
		p.mute(ctx, n, false)
	}
}

func (p *room) mute(ctx context.Context, n *person, muted bool) {
	if !n.audio {
		return
	}
	began := pace.Now()
	if err := n.SetMuted(ctx, false, muted); err != nil {
		p.r.failUnless(ctx, "publication.set", err)
		return
	}
	p.r.recordTime("mute", pace.Now()-began)
}

// sendBack puts one before the door, whom the host's page lets in again at once.
func (p *room) sendBack(ctx context.Context, host, n *person) {
	began := pace.Now()
	err := host.Call(ctx, "mod.sendBack", map[string]string{"participantId": n.View().ID}, nil)
	if err != nil {
		p.r.failUnless(ctx, "mod.sendBack", err)
		return
	}
	p.r.recordTime("sendBack", pace.Now()-began)
	host.Admit(ctx)
	back := func(v client.View) bool { return client.Connected(v) && v.Times.Connected > began }
	if err := n.Await(ctx, "media after being sent back", back); err != nil {
		p.r.failUnless(ctx, "readmit", err)
		return
	}
	if p.waitForMedia(ctx, n) {
		p.recordArrivals(n, "readmit", n.View().Times.Offered)
	}
}

// reconnect lets one lose the network, wire and media, and come back to the seat.
func (p *room) reconnect(ctx context.Context, n *person) {
	n.Vanish()
	if !pause(ctx, outage) {
		return
	}
	began := pace.Now()
	if err := n.Resume(ctx); err != nil {
		p.r.failUnless(ctx, "resume", err)
		p.removed(n)
		return
	}
	p.r.recordTime("resume", pace.Now()-began)
	back := func(v client.View) bool { return client.Connected(v) && v.Times.Connected > began }
	if err := n.Await(ctx, "media after a resume", back); err != nil {
		p.r.failUnless(ctx, "reconnect", err)
		return
	}
	if p.waitForMedia(ctx, n) {
		p.recordArrivals(n, "reconnect", began)
	}
}

// rejectLateComer finds the door locked.
func (p *room) rejectLateComer(ctx context.Context, host *person) {
	if err := host.Call(ctx, "room.lock", nil, nil); err != nil {
		p.r.failUnless(ctx, "room.lock", err)
		return
	}
	n := p.newPerson(p.r.sc.Size - 1)
	switch err := n.Enter(ctx); {
	case err == nil:
		p.r.fail("a locked room let somebody in", nil)
		n.Vanish()
	case client.Code(err) != "room_locked":
		p.r.failUnless(ctx, "a locked door said something else", err)
	}
}

// end ends the session for all, who must hear of it.
func (p *room) end(ctx context.Context, host *person) {
	ctx, cancel := context.WithTimeout(ctx, leaveTimeout)
	defer cancel()
	began := pace.Now()
	if err := host.Call(ctx, "room.end", nil, nil); err != nil {
		p.r.fail("room.end", err)
		return
	}
	for _, n := range p.present() {
		if code := n.WaitClosed(ctx); code != roomEnded {
			p.r.fail("the end of a session did not reach everybody", nil)
		}
		n.Vanish()
		p.removed(n)
	}
	p.r.recordTime("end", pace.Now()-began)
}

// roomEnded is the close code of PROTOCOL.md, section 7.
const roomEnded = 4410

// churn lets one leave and another come, again and again. Every third vanishes without a word.
func (p *room) churn(ctx context.Context) {
	for i := 0; pause(ctx, time.Duration(p.r.sc.Every)); i++ {
		people := p.present()
		if len(people) < 2 {
			return
		}
		seat := 1 + p.random.IntN(len(people)-1)
		n := people[seat]
		if i%3 == 2 {
			n.Vanish()
		} else if err := n.Leave(ctx); err != nil {
			p.r.failUnless(ctx, "leave", err)
		}
		p.removed(n)
		fresh := p.newPerson(seat)
		if p.join(ctx, fresh) && p.waitForMedia(ctx, fresh) {
			p.recordJoin(fresh)
		}
	}
}
