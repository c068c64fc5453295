package live

import (
	"fmt"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"alcove/auth"
	"alcove/room"
	"alcove/room/live/internal/opening"
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
	summary atomic.Pointer[Summary]

	mu   sync.Mutex
	over bool // nothing is posted any more. Guarded by mu.

	state       room.State                    // Owned by run.
	chairs      map[room.ParticipantID]*chair // Owned by run.
	connections uint64                        // number of the newest. Owned by run.
	media       MediaRoom                     // nil before the first admission. Owned by run.
	plan        room.Plan                     // what media was told last. Owned by run.
	barrier     *planBarrier                  // of plan. Owned by run.
	speakers    []room.ParticipantID          // Owned by run.
	current     *mail                         // what is being done. Owned by run.
	met         bool                          // the first mail was done. Owned by run.
	carrying    *proposal                     // what is being carried out. Owned by run.
	journal     journalWriter                 // Owned by run.
	behind      atomic.Bool                   // something is not written that should be
}

// A chair is the connection of one seat. All of it is owned by running.run.
type chair struct {
	client    Client
	number    uint64 // tells this connection from the ones before
	connected bool
	fresh     bool         // was told the welcome and nothing else
	last      room.View    // what it was told
	knows     bool         // was told that a recording is on
	slots     *SlotsMapped // the newest
	announced bool         // the newest was told
	speakers  []room.ParticipantID
}

func newRunning(reg *Registry, key string, state room.State) *running {
	r := &running{
		key: key, name: state.Name, reg: reg, cfg: &reg.cfg,
		mailbox: make(chan mail, mailboxSize), inbox: newInbox(), stop: make(chan struct{}),
		state:  state,
		chairs: map[room.ParticipantID]*chair{},
	}
	r.journal = journalWriter{journal: reg.cfg.Journal, results: make(chan error, 1)}
	r.recount()
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
	defer r.shutdown()
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
		case err := <-r.journal.results:
			r.written(err)
		case <-timer.C:
			r.expire()
			if r.met && !r.expecting() {
				r.doNow(room.ByDaemon, room.Tick{Now: r.cfg.Now()})
			}
		case <-r.stop:
			if r.journal.journal != nil {
				return // the session goes on when the daemon does
			}
			r.doNow(room.ByDaemon, room.End{Reason: "draining"})
		}
	}
}

// expecting reports whether the first one is on the way in: the room is not empty, although nobody has a seat yet.
func (r *running) expecting() bool {
	return len(r.state.Participants) == 0 && len(r.journal.proposals()) > 0
}

// schedule sets the timer to the next deadline. A room waits for its first mail, whoever sent it.
func (r *running) schedule(timer *time.Timer) {
	timer.Stop()
	next, found := r.journal.due()
	if due, ok := room.NextDeadline(r.state); ok && r.met && !r.expecting() && (!found || due.Before(next)) {
		next, found = due, true
	}
	if found {
		timer.Reset(next.Sub(r.cfg.Now()))
	}
}

// doNow decides and carries out what opens nothing, for the seat by or for the daemon itself.
func (r *running) doNow(by room.ParticipantID, c room.Command) error {
	d, err := room.Decide(r.cfg.Now(), r.state, by, c)
	if err != nil {
		return err
	}
	err = r.enact(&proposal{by: by}, opening.Step{Decision: d})
	r.writeNext()
	return err
}

// enact carries a decision out: the media plane first, so that what closes is closed before anybody is told; but who is
// recorded is told before the first byte is. What fails on the way is found in carrying.
func (r *running) enact(p *proposal, step opening.Step) error {
	d := step.Decision
	before, next := r.state, room.ApplyAll(r.state, d.Events)
	plan := room.PlanOf(next)
	if err := r.openMedia(plan); err != nil {
		return err
	}
	r.carrying = p
	r.state = next
	r.observeWaits(before, d)
	persisted := p.act != nil && p.act.State() == opening.Persisted
	r.journal.happened(r.trace(p.by), before, d, step.Entries, persisted)
	r.obey(r.unbegun(plan))
	if p.onSeated != nil {
		p.onSeated()
	}
	r.tell(d)
	r.obey(r.informed(plan))
	r.recount()
	r.carrying = nil
	return nil
}

// openMedia gives the room a media plane when the first one is admitted.
func (r *running) openMedia(plan room.Plan) error {
	if r.media != nil || len(plan.Entries) == 0 {
		return nil
	}
	media, err := r.cfg.Media.Open(MediaSession{Key: r.key, Policy: r.state.Policy.Name}, r.inbox.hear)
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
	r.barrier = &planBarrier{}
	r.media.Obey(plan, r.barrier.done)
}

// tell tells each connection what changed for it, passes on words, and closes what is over.
func (r *running) tell(d room.Decision) {
	if len(d.Events) > 0 {
		why := reasonsOf(d)
		for _, p := range r.state.Participants {
			r.tellOne(p.ID, why)
		}
		if why.apart {
			r.speak(r.speakers)
		}
	}
	for _, e := range d.Effects {
		switch e := e.(type) {
		case room.Closing:
			r.close(e)
		case room.ScreenRequested:
			r.say(e.To, e)
		case room.UnmuteAsked:
			r.say(e.To, e)
		case room.HelpRequested:
			r.say(e.To, e)
		case room.AgreementShown:
			r.say(e.To, e)
		case room.Warning:
			r.say(e.To, e)
		case room.RecorderFailed:
			r.say(e.To, e)
		case room.QualityWarned:
			r.say(e.To, e)
		case room.MessageSent:
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
			if m, ok := n.(MediaReady); ok {
				m.Session = SessionOf(r.key, id)
				n = m
			}
			c.client.Deliver(n)
		}
	}
	c.hear(v)
	c.last = v
	if c.fresh && v.Room != nil {
		r.announce(id, c)
		r.speakers = r.inGroup(r.speakers)
		if c.speakers = r.heard(id); len(c.speakers) > 0 {
			c.client.Deliver(Speakers{IDs: c.speakers})
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
		r.doNow(room.ByDaemon, room.End{Reason: "internal"})
		return
	}
	for _, p := range r.state.Participants {
		if at, ok := n.drops[p.ID]; ok && r.chairs[p.ID] != nil && r.chairs[p.ID].number == at {
			r.chairs[p.ID].connected = false
			r.doNow(p.ID, room.Disconnect{})
		}
	}
	for id, e := range n.slots {
		if c := r.chairs[id]; c != nil && c.last.Room != nil {
			c.slots, c.announced = &e, false
			r.announce(id, c)
		}
	}
	if n.begun {
		r.doNow(room.ByDaemon, room.ConfirmRecording{})
	}
	if n.fault != "" {
		r.doNow(room.ByDaemon, room.FailRecording{Fault: n.fault})
	}
	for x, withheld := range n.exceeded {
		r.doNow(room.ByDaemon, room.RateExceeded{Target: x.participant, Publication: x.publication, Withheld: withheld})
	}
	for s, e := range n.wanted {
		if c := r.chairs[s.participant]; c != nil && c.connected && c.last.Room != nil {
			c.client.Deliver(EncodingsWanted{Source: s.source, RIDs: e.RIDs})
		}
	}
	for id, code := range n.unkeyed {
		r.tellFailed(id, code)
	}
	if n.speakers != nil {
		r.speak(n.speakers.IDs)
	}
}

// tellFailed tells the person whose connection got no keys, and the hosts.
func (r *running) tellFailed(id room.ParticipantID, code string) {
	if c := r.chairs[id]; c == nil || c.last.Room == nil {
		return // left meanwhile
	}
	for _, p := range r.state.Participants {
		if c := r.chairs[p.ID]; c != nil && c.connected && c.last.Room != nil && (p.ID == id || p.Role.Hosts()) {
			c.client.Deliver(HandshakeFailed{Participant: id, Code: code})
		}
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

// speak tells everyone who speaks of those they hear: who is in a side room is not heard of.
func (r *running) speak(ids []room.ParticipantID) {
	r.speakers = r.inGroup(ids)
	for _, p := range r.state.Participants {
		c := r.chairs[p.ID]
		if c == nil || !c.connected || c.last.Room == nil {
			continue
		}
		if heard := r.heard(p.ID); !slices.Equal(heard, c.speakers) {
			c.speakers = heard
			c.client.Deliver(Speakers{IDs: heard})
		}
	}
}

// heard lists the speakers that one hears, oneself included.
func (r *running) heard(by room.ParticipantID) []room.ParticipantID {
	return slices.DeleteFunc(slices.Clone(r.speakers), func(id room.ParticipantID) bool {
		return !room.CanHear(r.state, by, id)
	})
}

// inGroup leaves those who are admitted and were told so.
func (r *running) inGroup(ids []room.ParticipantID) []room.ParticipantID {
	return slices.DeleteFunc(slices.Clone(ids), func(id room.ParticipantID) bool {
		c := r.chairs[id]
		return c == nil || c.last.Room == nil
	})
}

// recount publishes what the registry tells of the room.
func (r *running) recount() {
	n := &Summary{
		Name: r.name, Locked: r.state.Locked, Recording: room.RecordingOf(r.state), StartedAt: r.state.StartedAt,
		Admitted: map[auth.Role]int{},
	}
	for _, p := range r.state.Participants {
		if p.Access == room.Admitted {
			n.Admitted[p.Role]++
		} else {
			n.Waiting++
		}
	}
	r.summary.Store(n)
}
