package run

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"alcove/auth"
	"alcove/loadtest/client"
)

// A room is one room with its people.
type room struct {
	r    *runner
	name string

	mu     sync.Mutex
	people []*person // Guarded by mu; the host is first.
	next   int       // number of the next newcomer
	random *rand.Rand
	ended  bool
}

// A person is a member and what is expected of them.
type person struct {
	*client.Member
	audio, video bool // publishes
	measured     bool
	present      bool
}

func newRoom(r *runner, i int) *room {
	return &room{
		r: r, name: fmt.Sprintf("load-%x-%d", r.o.Seed&0xffffff, i),
		random: rand.New(rand.NewPCG(r.o.Seed, uint64(i))),
	}
}

// mediaProfile is what a publication of the scenario sends.
func mediaProfile(sizes []int, interval time.Duration) *client.MediaProfile {
	return &client.MediaProfile{Interval: interval, Sizes: sizes}
}

// newPerson makes the next person. seat is their place in the room, by which the scenario says who publishes.
func (p *room) newPerson(seat int) *person {
	p.mu.Lock()
	number := p.next
	p.next++
	p.mu.Unlock()
	sc := &p.r.sc
	who := client.Persona{Room: p.name, Subject: "load-" + strconv.Itoa(number), Name: "Guest " + strconv.Itoa(number), Role: auth.Participant, Light: sc.Light}
	if seat == 0 {
		who.Role, who.AdmitAll = auth.Host, true
	}
	n := &person{measured: seat < sc.Size-sc.Stalled-sc.Hostile}
	if n.audio = sc.Audio.Senders < 0 || seat < sc.Audio.Senders; n.audio {
		who.Audio = mediaProfile(sc.Audio.Sizes, time.Duration(sc.Audio.Interval))
	}
	if n.video = sc.Video.Senders < 0 || seat < sc.Video.Senders; n.video {
		who.Video = mediaProfile(sc.Video.Sizes, time.Duration(sc.Video.Interval))
	}
	group := p.r.measured
	if !n.measured {
		group = p.r.faulty
		who.Light = true
	}
	n.Member = client.NewMember(p.r.env, group, who, nil)
	return n
}

// open brings everybody in and waits until all see and hear all.
func (p *room) open(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout+time.Duration(p.r.sc.Arrive)*time.Duration(p.r.sc.Size))
	defer cancel()
	host := p.newPerson(0)
	if !p.join(ctx, host) {
		return
	}
	var all sync.WaitGroup
	for seat := 1; seat < p.r.sc.Size; seat++ {
		if a := time.Duration(p.r.sc.Arrive); a > 0 && !pause(ctx, a) {
			break
		}
		n := p.newPerson(seat)
		all.Go(func() { p.join(ctx, n) })
	}
	all.Wait()
	for _, n := range p.present() {
		if p.waitForMedia(ctx, n) {
			p.recordJoin(n)
		}
	}
	p.addFaultyClients()
}

// join lets one person enter, and waits until media may flow.
func (p *room) join(ctx context.Context, n *person) bool {
	select {
	case p.r.entering <- struct{}{}:
	case <-ctx.Done():
		return false
	}
	err := n.Enter(ctx)
	<-p.r.entering
	if err != nil {
		p.r.failUnless(ctx, "enter", err)
		return false
	}
	if err := n.Await(ctx, "media", client.Connected); err != nil {
		p.r.failUnless(ctx, "connect", err)
		n.Vanish()
		return false
	}
	t := n.View().Times
	p.r.recordTime("enter", t.Welcomed-t.Dialed)
	p.r.recordTime("admit", t.Admitted-t.Welcomed)
	p.r.recordTime("connect", t.Connected-t.Offered)
	p.mu.Lock()
	n.present = true
	if p.people = append(p.people, n); n.Host() { // the host may be the last to be done, but is the first of the room
		p.people[0], p.people[len(p.people)-1] = n, p.people[0]
	}
	p.mu.Unlock()
	p.r.addPeople(1)
	return true
}

// failUnless counts a failure that the end of the run did not bring about.
func (r *runner) failUnless(ctx context.Context, what string, err error) {
	if ctx.Err() == nil || ctx.Err() == context.DeadlineExceeded {
		r.fail(what, err)
	}
}

// present are those who are in.
func (p *room) present() []*person {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []*person
	for _, n := range p.people {
		if n.present {
			all = append(all, n)
		}
	}
	return all
}

// removed takes one off the list.
func (p *room) removed(n *person) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n.present {
		n.present = false
		p.r.addPeople(-1)
	}
}

// waitForMedia waits until one sees and hears all others that publish.
func (p *room) waitForMedia(ctx context.Context, n *person) bool {
	ticker := time.NewTicker(settlePoll)
	defer ticker.Stop()
	for {
		missing := p.missingFor(n)
		if missing == (missingMedia{}) {
			return true
		}
		if err := n.View().Err; err != nil {
			p.r.failUnless(ctx, "media", err)
			return false
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			p.r.failUnless(ctx, missing.String(), nil)
			return false
		}
	}
}

// missingMedia count the others whom one does not see or hear.
type missingMedia struct{ audio, video, unmapped int }

func (g missingMedia) String() string {
	return fmt.Sprintf("never came: audio of %d, video of %d; %d of them are in no slot", g.audio, g.video, g.unmapped)
}

func (p *room) missingFor(n *person) (g missingMedia) {
	seen := n.FirstPackets()
	mapped := n.InSlots()
	for _, o := range p.present() {
		if o == n {
			continue
		}
		id := o.View().ID
		audio := o.audio && o.HasSent(false) && seen[id].Packet == 0
		video := o.video && o.HasSent(true) && seen[id].KeyFrame == 0
		if audio {
			g.audio++
		}
		if video {
			g.video++
		}
		if (audio || video) && !mapped[id] {
			g.unmapped++
		}
	}
	return g
}

// recordJoin records how long it took one to see and hear those who were there before.
func (p *room) recordJoin(n *person) { p.recordArrivals(n, "join", n.View().Times.Offered) }

// recordArrivals records times since an instant: until the first person is seen and heard, and until all are who published then.
func (p *room) recordArrivals(n *person, name string, since time.Duration) {
	seen := n.FirstPackets()
	var first, all time.Duration
	for _, o := range p.present() {
		_, debuts := o.PacketsSent()
		if o == n || len(debuts) == 0 {
			continue
		}
		f := seen[o.View().ID]
		here := max(f.Packet, f.KeyFrame)
		earlier := true
		for _, d := range debuts {
			earlier = earlier && d.At < since
		}
		if !earlier || (o.audio && f.Packet == 0) || (o.video && f.KeyFrame == 0) {
			continue
		}
		if first == 0 || here < first {
			first = here
		}
		all = max(all, here)
	}
	if first != 0 {
		p.r.recordTime(name, first-since)
		p.r.recordTime(name+"All", all-since)
	}
}

// addFaultyClients lets the last people of the room misbehave, if the scenario says so.
func (p *room) addFaultyClients() {
	people := p.present()
	for i := range people {
		n := people[len(people)-1-i]
		switch {
		case i < p.r.sc.Stalled:
			n.Stall()
		case i < p.r.sc.Stalled+p.r.sc.Hostile:
			n.AskRepeatedly(hostileInterval)
		}
	}
}

// leave ends the room for all.
func (p *room) leave(ctx context.Context) {
	var all sync.WaitGroup
	for _, n := range p.present() {
		all.Go(func() {
			_ = n.Leave(ctx)
			p.removed(n)
		})
	}
	all.Wait()
}
