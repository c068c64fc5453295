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

// A roomActor runs one room. One goroutine owns its state, its media plane and the connections of its seats.
type roomActor struct {
	key  string // first half of a SessionID
	name string
	reg  *Registry
	cfg  *Config

	mailbox chan request // bounded; requests beyond it are answered "unavailable"
	inbox   *inbox
	stop    chan struct{} // closed once by Registry.Close
	summary atomic.Pointer[Summary]

	mu     sync.Mutex
	closed bool // no request is accepted any more. Guarded by mu.

	state          room.State                         // Owned by run.
	connections    map[room.ParticipantID]*connection // Owned by run.
	lastConnection uint64                             // number of the newest connection. Owned by run.
	media          MediaRoom                          // nil before the first admission. Owned by run.
	plan           room.Plan                          // the plan that media applies. Owned by run.
	barrier        *planBarrier                       // of plan. Owned by run.
	speakers       []room.ParticipantID               // Owned by run.
	lines          []Line                             // that are not good, of anybody. Owned by run.
	current        *request                           // the request being executed. Owned by run.
	hadRequest     bool                               // the first request was executed. Owned by run.
	enacting       *proposal                          // the proposal being carried out. Owned by run.
	journal        journalWriter                      // Owned by run.
	behind         atomic.Bool                        // decisions in force are not written yet
}

// A connection is the connection of one seat. All of it is owned by roomActor.run.
type connection struct {
	client              Client
	number              uint64 // later connections of a seat have higher numbers
	connected           bool
	welcomeOnly         bool         // the client got nothing but the welcome
	lastView            room.View    // the view that all its notices add up to
	notifiedOfRecording bool         // the client was notified that a recording is on
	slots               *SlotsMapped // the newest slot map
	slotsAnnounced      bool         // slots was sent
	speakers            []room.ParticipantID
	paused              []room.PublicationID // not sent to the client for want of bandwidth
	lines               []Line               // that the client was notified of
}

func newRoomActor(reg *Registry, key string, state room.State) *roomActor {
	r := &roomActor{
		key: key, name: state.Name, reg: reg, cfg: &reg.cfg,
		mailbox: make(chan request, mailboxSize), inbox: newInbox(), stop: make(chan struct{}),
		state:       state,
		connections: map[room.ParticipantID]*connection{},
	}
	r.journal = journalWriter{journal: reg.cfg.Journal, results: make(chan error, 1)}
	r.publishSummary()
	return r
}

// post queues a request, or fails it at once if the mailbox is full or closed.
func (r *roomActor) post(m request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		m.fail(errRoomEnded)
		return
	}
	select {
	case r.mailbox <- m:
	default:
		m.fail(&room.Error{Code: room.Unavailable, Detail: "too much at once in this room"})
	}
}

// run is the event loop of the room. It ends with the session, or with a panic, which ends only this room.
func (r *roomActor) run() {
	defer r.shutdown()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for r.state.EndedFor == "" {
		r.schedule(timer)
		select {
		case m := <-r.mailbox:
			r.current, r.hadRequest = &m, true
			m.do()
			r.current = nil
		case <-r.inbox.wake:
			r.handleInbox()
		case err := <-r.journal.results:
			r.written(err)
		case <-timer.C:
			r.expire()
			if r.hadRequest && !r.expecting() {
				r.doNow(room.ByDaemon, room.Tick{Now: r.cfg.Now()})
			}
		case <-r.stop:
			if r.journal.journal != nil {
				return // the session continues after the restart
			}
			r.doNow(room.ByDaemon, room.End{Reason: "draining"})
		}
	}
}

// expecting reports whether the first join waits for the journal. The room does not count as empty then, although it has no seats.
func (r *roomActor) expecting() bool {
	return len(r.state.Participants) == 0 && len(r.journal.proposals()) > 0
}

// schedule sets the timer to the next deadline. A room does not end before its first request.
func (r *roomActor) schedule(timer *time.Timer) {
	timer.Stop()
	next, found := r.journal.due()
	if due, ok := room.NextDeadline(r.state); ok && r.hadRequest && !r.expecting() && (!found || due.Before(next)) {
		next, found = due, true
	}
	if found {
		timer.Reset(next.Sub(r.cfg.Now()))
	}
}

// doNow decides and carries out a command that opens nothing, for the seat by or for the daemon.
func (r *roomActor) doNow(by room.ParticipantID, c room.Command) error {
	d, err := room.Decide(r.cfg.Now(), r.state, by, c)
	if err != nil {
		return err
	}
	err = r.enact(&proposal{by: by}, opening.Step{Decision: d})
	r.writeNext()
	return err
}

// enact carries a decision out. The media plane comes first, so that restrictions apply before anybody is notified of them; but
// participants are notified of a recording before it starts. After a panic, shutdown finds the proposal in enacting.
func (r *roomActor) enact(p *proposal, step opening.Step) error {
	d := step.Decision
	before, next := r.state, room.ApplyAll(r.state, d.Events)
	plan := room.PlanOf(next)
	if err := r.openMedia(plan); err != nil {
		return err
	}
	r.enacting = p
	r.state = next
	r.observeWaits(before, d)
	r.reportLostSeats(before, d)
	persisted := p.act != nil && p.act.State() == opening.Persisted
	r.journal.record(r.entryContext(p.by), before, d, step.Entries, persisted)
	r.applyPlan(r.withoutNewRecordings(plan))
	if p.onSeated != nil {
		p.onSeated()
	}
	r.notifyAll(d)
	r.applyPlan(r.notifiedOnly(plan))
	r.publishSummary()
	r.enacting = nil
	return nil
}

// openMedia opens the media plane when the first participant is admitted.
func (r *roomActor) openMedia(plan room.Plan) error {
	if r.media != nil || len(plan.Entries) == 0 {
		return nil
	}
	media, err := r.cfg.Media.Open(MediaSession{Key: r.key, Policy: r.state.Policy.Name, E2EE: r.state.Policy.E2EE == room.E2EERequired}, r.inbox.addEvent)
	if err != nil {
		r.cfg.Log.Warn("no media for a room", "error", fmt.Sprintf("%T", err))
		return &room.Error{Code: room.Unavailable, Detail: "no media"}
	}
	r.media = media
	return nil
}

// applyPlan hands a new plan to the media plane.
func (r *roomActor) applyPlan(plan room.Plan) {
	if r.media == nil || reflect.DeepEqual(plan, r.plan) {
		return
	}
	r.plan = plan
	r.barrier = &planBarrier{}
	r.media.ApplyPlan(plan, r.barrier.done)
}

// notifyAll notifies each connection of its changes, delivers effects, and ends the connections of ended seats.
func (r *roomActor) notifyAll(d room.Decision) {
	if len(d.Events) > 0 {
		why := reasonsOf(d)
		for _, p := range r.state.Participants {
			r.notify(p.ID, why)
		}
		if why.sideRoomsChanged {
			r.updateSpeakers(r.speakers)
			r.updateLines(r.lines)
		}
	}
	for _, e := range d.Effects {
		switch e := e.(type) {
		case room.Closing:
			r.endConnection(e)
		case room.KeysReleased:
			if recorder, ok := r.media.(KeyRecorder); ok {
				recorder.Release(e)
			}
		case room.AccessReason: // part of AccessChanged
		default:
			r.sendEffect(e)
		}
	}
}

func (r *roomActor) notify(id room.ParticipantID, why changeReasons) {
	c := r.connections[id]
	if c == nil {
		return
	}
	v := room.ViewOf(r.state, id)
	if c.welcomeOnly {
		c.lastView = room.View{Self: v.Self} // part of the welcome
	}
	if v.Room != nil {
		v.Slots = max(v.Slots, c.lastView.Slots) // slots that were offered are never withdrawn
	} else {
		c.slots = nil
	}
	if c.connected {
		for _, n := range diff(c.lastView, v, why) {
			if m, ok := n.(MediaReady); ok {
				m.Session = SessionOf(r.key, id)
				n = m
			}
			c.client.Deliver(n)
		}
	}
	c.noteRecording(v)
	c.lastView = v
	if c.welcomeOnly && v.Room != nil {
		r.announce(id, c)
		r.speakers = r.admittedOnly(r.speakers)
		if c.speakers = r.audibleSpeakers(id); len(c.speakers) > 0 {
			c.client.Deliver(Speakers{IDs: c.speakers})
		}
		if len(c.paused) > 0 {
			c.client.Deliver(SlotsPaused{Publications: c.paused})
		}
		if c.lines = r.knownLines(id); len(c.lines) > 0 {
			c.client.Deliver(Lines{Lines: c.lines})
		}
	}
	c.welcomeOnly = false
}

func (r *roomActor) sendEffect(effect room.Effect) {
	if c := r.connections[effect.Recipient()]; c != nil && c.connected {
		c.client.Deliver(EffectNotice{Effect: effect})
	}
}

// endConnection ends the connection of an ended seat.
func (r *roomActor) endConnection(e room.Closing) {
	c := r.connections[e.To]
	if c == nil {
		return
	}
	delete(r.connections, e.To)
	if c.connected && c.lastView.Room != nil && e.Access == room.Ended {
		c.client.Deliver(RoomEnded{Reason: r.state.EndedFor})
	}
	c.client.End(e)
}

// handleInbox handles the events in the inbox.
func (r *roomActor) handleInbox() {
	n := r.inbox.take()
	if n.mediaFailed {
		r.doNow(room.ByDaemon, room.End{Reason: "internal"})
		return
	}
	for _, p := range r.state.Participants {
		if at, ok := n.disconnects[p.ID]; ok && r.connections[p.ID] != nil && r.connections[p.ID].number == at {
			r.connections[p.ID].connected = false
			r.doNow(p.ID, room.Disconnect{})
		}
	}
	for id, e := range n.slots {
		if c := r.connections[id]; c != nil && c.lastView.Room != nil {
			c.slots, c.slotsAnnounced = &e, false
			r.announce(id, c)
		}
	}
	if n.recorderBegan {
		r.doNow(room.ByDaemon, room.ConfirmRecording{})
	}
	if n.recorderFault != "" {
		r.doNow(room.ByDaemon, room.FailRecording{Fault: n.recorderFault})
	}
	for x, withheld := range n.exceeded {
		r.doNow(room.ByDaemon, room.RateExceeded{Target: x.participant, Publication: x.publication, Withheld: withheld})
	}
	for s, e := range n.wanted {
		if c := r.connections[s.participant]; c != nil && c.connected && c.lastView.Room != nil {
			c.client.Deliver(EncodingsWanted{Source: s.source, RIDs: e.RIDs})
		}
	}
	for id, e := range n.paused {
		if c := r.connections[id]; c != nil {
			c.paused = e.Publications
			if c.connected && c.lastView.Room != nil {
				c.client.Deliver(SlotsPaused{Publications: e.Publications})
			}
		}
	}
	for id, m := range n.connections {
		if m.Failure == "" {
			r.doNow(room.ByDaemon, room.MediaConnected{Target: id, AES128: m.AES128})
			continue
		}
		r.doNow(room.ByDaemon, room.MediaFailed{Target: id, Code: m.Failure})
		r.notifyHandshakeFailed(id, m.Failure)
	}
	if n.speakers != nil {
		r.updateSpeakers(n.speakers.IDs)
	}
	if n.lines != nil {
		r.updateLines(n.lines.Lines)
	}
}

// notifyHandshakeFailed notifies the participant whose DTLS handshake failed, and the hosts.
func (r *roomActor) notifyHandshakeFailed(id room.ParticipantID, code string) {
	if c := r.connections[id]; c == nil || c.lastView.Room == nil {
		return // left meanwhile
	}
	for _, p := range r.state.Participants {
		if c := r.connections[p.ID]; c != nil && c.connected && c.lastView.Room != nil && (p.ID == id || p.Role.Hosts()) {
			c.client.Deliver(HandshakeFailed{Participant: id, Code: code})
		}
	}
}

// announce sends the newest slot map and confirms it to the media plane. A disconnected client gets it on resume; until then no
// media is sent on changed slots.
func (r *roomActor) announce(id room.ParticipantID, c *connection) {
	if c.slots == nil || !c.connected {
		return
	}
	c.client.Deliver(SlotMap{Slots: c.slots.Slots})
	if !c.slotsAnnounced {
		c.slotsAnnounced = true
		r.media.Announced(id, c.slots.Version)
	}
}

// updateSpeakers sends each participant the active speakers that they can hear. Speakers in a side room are not sent to the group.
func (r *roomActor) updateSpeakers(ids []room.ParticipantID) {
	r.speakers = r.admittedOnly(ids)
	for _, p := range r.state.Participants {
		c := r.connections[p.ID]
		if c == nil || !c.connected || c.lastView.Room == nil {
			continue
		}
		if heard := r.audibleSpeakers(p.ID); !slices.Equal(heard, c.speakers) {
			c.speakers = heard
			c.client.Deliver(Speakers{IDs: heard})
		}
	}
}

// audibleSpeakers lists the active speakers that a participant can hear, including the participant.
func (r *roomActor) audibleSpeakers(by room.ParticipantID) []room.ParticipantID {
	return slices.DeleteFunc(slices.Clone(r.speakers), func(id room.ParticipantID) bool {
		return !room.CanHear(r.state, by, id)
	})
}

// updateLines notifies each participant of the lines that are not good, of those whom they can hear, and of their own.
func (r *roomActor) updateLines(lines []Line) {
	r.lines = slices.DeleteFunc(slices.Clone(lines), func(l Line) bool { return len(r.admittedOnly([]room.ParticipantID{l.Participant})) == 0 })
	for _, p := range r.state.Participants {
		c := r.connections[p.ID]
		if c == nil || !c.connected || c.lastView.Room == nil {
			continue
		}
		if known := r.knownLines(p.ID); !slices.Equal(known, c.lines) {
			c.lines = known
			c.client.Deliver(Lines{Lines: known})
		}
	}
}

// knownLines lists the lines that a participant is notified of.
func (r *roomActor) knownLines(by room.ParticipantID) []Line {
	return slices.DeleteFunc(slices.Clone(r.lines), func(l Line) bool {
		return l.Participant != by && !room.CanHear(r.state, by, l.Participant)
	})
}

// admittedOnly filters for participants whose client was notified of the admission.
func (r *roomActor) admittedOnly(ids []room.ParticipantID) []room.ParticipantID {
	return slices.DeleteFunc(slices.Clone(ids), func(id room.ParticipantID) bool {
		c := r.connections[id]
		return c == nil || c.lastView.Room == nil
	})
}

// publishSummary publishes the summary that Registry.Rooms returns.
func (r *roomActor) publishSummary() {
	n := &Summary{
		Name: r.name, Encrypted: r.state.Policy.E2EE == room.E2EERequired, Locked: r.state.Locked, Recording: room.RecordingOf(r.state), StartedAt: r.state.StartedAt,
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
