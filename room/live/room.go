package live

import (
	"fmt"
	"reflect"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"alcove/auth"
	"alcove/room"
)

// A running is one room: its state, its media plane and the connections of its seats, all owned by one goroutine.
type running struct {
	key  string // first half of a SessionID
	name string
	reg  *Registry
	cfg  *Config

	mailbox chan mail // bounded; when it is full the caller hears "unavailable"
	inbox   *inbox
	stop    chan struct{} // closed once by Registry.Close
	counts  atomic.Pointer[Counts]

	mu   sync.Mutex
	over bool // nothing is posted any more. Guarded by mu.

	state       room.State                    // Owned by run.
	chairs      map[room.ParticipantID]*chair // Owned by run.
	connections uint64                        // number of the newest. Owned by run.
	media       MediaRoom                     // nil before the first admission. Owned by run.
	plan        room.Plan                     // what media was told last. Owned by run.
	force       *force                        // of plan. Owned by run.
	speakers    []room.ParticipantID          // Owned by run.
	current     *mail                         // what is being done. Owned by run.
	met         bool                          // the first mail was done. Owned by run.
	seating     room.ParticipantID            // whose Join or Resume is being done. Owned by run.
}

// A chair is the connection of one seat. All of it is owned by running.run.
type chair struct {
	client    Client
	number    uint64 // tells this connection from the ones before
	connected bool
	fresh     bool         // was told the welcome and nothing else
	last      room.View    // what it was told
	slots     *SlotsMapped // the newest
	announced bool         // the newest was told
}

func newRunning(reg *Registry, name string, policy room.Policy) *running {
	r := &running{
		key: token(), name: name, reg: reg, cfg: &reg.cfg,
		mailbox: make(chan mail, mailboxSize), inbox: newInbox(), stop: make(chan struct{}),
		state:  room.State{Name: name, Policy: policy},
		chairs: map[room.ParticipantID]*chair{},
	}
	r.counts.Store(&Counts{})
	return r
}

// post queues a wish, or fails it at once.
func (r *running) post(m mail) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over {
		m.fail(errOver)
		return
	}
	select {
	case r.mailbox <- m:
	default:
		m.fail(&room.Error{Code: room.Unavailable, Detail: "too much at once in this room"})
	}
}

// run is the room. It ends with the session, or with a panic that costs this room and no other.
func (r *running) run() {
	defer r.finish()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for r.state.EndedFor == "" {
		r.schedule(timer)
		select {
		case m := <-r.mailbox:
			r.current, r.met = &m, true
			m.do()
			r.current = nil
		case <-r.inbox.wake:
			r.hear()
		case <-timer.C:
			if r.met {
				r.act(room.Tick{Now: r.cfg.Now()}, nil)
			}
		case <-r.stop:
			r.act(room.End{Reason: "draining"}, nil)
		}
	}
}

// schedule sets the timer to the next deadline. A room waits for its first mail, whoever sent it.
func (r *running) schedule(timer *time.Timer) {
	timer.Stop()
	if due, ok := room.NextDeadline(r.state); ok && r.met {
		timer.Reset(due.Sub(r.cfg.Now()))
	}
}

// act decides a command and carries it out: the media plane first, so that what closes is closed before anybody is told.
// seated runs between, when connections have to change with the seat.
func (r *running) act(c room.Command, seated func()) (room.Decision, error) {
	d, err := room.Decide(r.cfg.Now(), r.state, c)
	if err != nil {
		return room.Decision{}, err
	}
	next := room.ApplyAll(r.state, d.Events)
	plan := room.PlanOf(next)
	if err := r.openMedia(plan); err != nil {
		return room.Decision{}, err
	}
	r.state = next
	r.obey(plan)
	if seated != nil {
		seated()
	}
	r.tell(d)
	r.recount()
	return d, nil
}

// openMedia gives the room a media plane when the first one is admitted.
func (r *running) openMedia(plan room.Plan) error {
	if r.media != nil || len(plan.Seats) == 0 {
		return nil
	}
	media, err := r.cfg.Media.Open(r.inbox.hear)
	if err != nil {
		r.cfg.Log.Warn("no media for a room", "error", fmt.Sprintf("%T", err))
		return &room.Error{Code: room.Unavailable, Detail: "no media"}
	}
	r.media = media
	return nil
}

// obey hands a new plan to the media plane.
func (r *running) obey(plan room.Plan) {
	if r.media == nil || reflect.DeepEqual(plan, r.plan) {
		return
	}
	r.plan = plan
	r.force = &force{}
	r.media.Obey(plan, r.force.meet)
}

// tell tells each connection what changed for it, passes on words, and closes what is over.
func (r *running) tell(d room.Decision) {
	if len(d.Events) > 0 {
		why := reasonsOf(d)
		for _, p := range r.state.Participants {
			r.tellOne(p.ID, why)
		}
	}
	for _, e := range d.Effects {
		switch e := e.(type) {
		case room.Closing:
			r.close(e)
		case room.Asked:
			r.say(e.To, e)
		case room.UnmuteAsked:
			r.say(e.To, e)
		case room.HelpSignalled:
			r.say(e.To, e)
		case room.Warning:
			r.say(e.To, e)
		case room.Said:
			r.say(e.To, e)
		}
	}
}

func (r *running) tellOne(id room.ParticipantID, why reasons) {
	c := r.chairs[id]
	if c == nil {
		return
	}
	v := room.ViewOf(r.state, id)
	if c.fresh {
		c.last = room.View{Self: v.Self} // the welcome says so
	}
	if v.Room != nil {
		v.Slots = max(v.Slots, c.last.Slots) // what was offered is not taken back
	} else {
		c.slots = nil
	}
	if c.connected {
		for _, n := range diff(c.last, v, why) {
			c.client.Deliver(n)
		}
	}
	c.last = v
	if c.fresh && v.Room != nil {
		r.announce(id, c)
		if now := r.inGroup(r.speakers); len(now) > 0 {
			c.client.Deliver(Speakers{IDs: now})
		}
	}
	c.fresh = false
}

func (r *running) say(to room.ParticipantID, words room.Effect) {
	if c := r.chairs[to]; c != nil && c.connected {
		c.client.Deliver(Words{Effect: words})
	}
}

// close ends the connection of a seat that is over.
func (r *running) close(e room.Closing) {
	c := r.chairs[e.To]
	if c == nil {
		return
	}
	delete(r.chairs, e.To)
	if c.connected && c.last.Room != nil && e.Access == room.Ended {
		c.client.Deliver(RoomEnded{Reason: r.state.EndedFor})
	}
	c.client.End(e)
}

// hear takes in what the inbox holds.
func (r *running) hear() {
	n := r.inbox.take()
	if n.failed {
		r.act(room.End{Reason: "internal"}, nil)
		return
	}
	for _, p := range r.state.Participants {
		if at, ok := n.drops[p.ID]; ok && r.chairs[p.ID] != nil && r.chairs[p.ID].number == at {
			r.chairs[p.ID].connected = false
			r.act(room.Disconnect{By: p.ID}, nil)
		}
	}
	for id, e := range n.slots {
		if c := r.chairs[id]; c != nil && c.last.Room != nil {
			c.slots, c.announced = &e, false
			r.announce(id, c)
		}
	}
	for s, e := range n.wanted {
		if c := r.chairs[s.participant]; c != nil && c.connected && c.last.Room != nil {
			c.client.Deliver(EncodingsWanted{Source: s.source, RIDs: e.RIDs})
		}
	}
	if n.speakers != nil {
		r.speak(n.speakers.IDs)
	}
}

// announce tells the newest slot map, and the media plane that it was told. One who is away is told on resume; until then the
// media of changed slots waits.
func (r *running) announce(id room.ParticipantID, c *chair) {
	if c.slots == nil || !c.connected {
		return
	}
	c.client.Deliver(SlotMap{Slots: c.slots.Slots})
	if !c.announced {
		c.announced = true
		r.media.Announced(id, c.slots.Version)
	}
}

// speak tells the group who of it speaks.
func (r *running) speak(ids []room.ParticipantID) {
	in := r.inGroup(ids)
	if slices.Equal(in, r.speakers) {
		return
	}
	r.speakers = in
	for _, p := range r.state.Participants {
		if c := r.chairs[p.ID]; c != nil && c.connected && c.last.Room != nil {
			c.client.Deliver(Speakers{IDs: in})
		}
	}
}

// inGroup leaves those who are admitted and were told so.
func (r *running) inGroup(ids []room.ParticipantID) []room.ParticipantID {
	return slices.DeleteFunc(slices.Clone(ids), func(id room.ParticipantID) bool {
		c := r.chairs[id]
		return c == nil || c.last.Room == nil
	})
}

// recount publishes the size of the room.
func (r *running) recount() {
	n := &Counts{Rooms: 1, Admitted: map[auth.Role]int{}}
	for _, p := range r.state.Participants {
		if p.Access == room.Admitted {
			n.Admitted[p.Role]++
		} else {
			n.Waiting++
		}
	}
	r.counts.Store(n)
}

// finish lets go of everything, after the session or after a panic.
func (r *running) finish() {
	panicked := recover()
	if panicked != nil {
		// The value may hold anything, so only its type is logged; the stack holds no values but addresses.
		r.cfg.Log.Error("a room panicked", "panic", fmt.Sprintf("%T", panicked), "stack", string(debug.Stack()))
		r.cfg.Observe.Panicked()
	}
	ours := panicked != nil || r.state.EndedFor == "internal" // then the group may meet again with the tokens it has
	r.reg.forget(r, !ours && len(r.state.Known) > 0)
	r.inbox.close()
	r.mu.Lock()
	r.over = true
	r.mu.Unlock()
	if r.current != nil {
		r.current.fail(&room.Error{Code: room.Internal, Detail: "the room failed"})
	}
	for len(r.mailbox) > 0 {
		(<-r.mailbox).fail(errOver)
	}
	delete(r.chairs, r.seating) // hears the failure, not End
	for id, c := range r.chairs {
		delete(r.chairs, id)
		r.guard(func() { c.client.End(room.Closing{To: id, Access: room.Ended, Reason: "internal"}) })
	}
	if r.media != nil {
		r.guard(r.media.Close)
	}
	r.reg.wg.Done()
}

// guard keeps what failed once from failing the rest of the way out.
func (r *running) guard(f func()) {
	defer func() {
		if v := recover(); v != nil {
			r.cfg.Log.Error("a room panicked on its way out", "panic", fmt.Sprintf("%T", v))
		}
	}()
	f()
}
