package live

import (
	"context"
	"errors"
	"fmt"

	"alcove/auth"
	"alcove/room"
)

// A Seat is the handle of one connection to its room. It is valid until Client.End; a resume creates another. All methods are safe
// for concurrent use; errors are *room.Error.
type Seat struct {
	id     room.ParticipantID
	room   *roomActor
	number uint64 // of the connection
}

// ID identifies the participant.
func (s *Seat) ID() room.ParticipantID { return s.id }

// Do executes a command of this participant and waits until the media plane has applied it, if it changes the plan. Commands that are
// not a room.Request are refused, because only the daemon may send them.
//
// If ctx ends first the answer is "unavailable", but the command may still take effect.
func (s *Seat) Do(ctx context.Context, c room.Command) (room.Outcome, error) {
	if _, ok := c.(room.Request); !ok {
		return room.Outcome{}, errNotRequest
	}
	return call(ctx, s.room, func(answer reply[room.Outcome]) { s.room.do(s, c, answer) })
}

// do answers when the command is in force: at once if it does not change the plan. Hosts always wait for the plan, because the answer
// to a second mute must mean that the first is applied. A participant who leaves does not wait.
func (r *roomActor) do(s *Seat, c room.Command, answer reply[room.Outcome]) {
	if !r.hasSeat(s) {
		answer.fail(errSeatOver())
		return
	}
	self := room.ViewOf(r.state, s.id).Self
	hosts := self.Access == room.Admitted && self.Role.Hosts()
	_, leaves := c.(room.Leave)
	r.propose(&proposal{
		command: c, by: s.id, mayAct: func() bool { return r.hasSeat(s) },
		done: func(o outcome, err error) {
			r.observeAdmit(c, o.Decision, err)
			switch {
			case err != nil:
				answer.fail(err)
			case leaves || !o.changedPlan && !hosts:
				answer.send(o.Outcome, nil)
			default:
				o.barrier.onApplied(func() { answer.send(o.Outcome, nil) })
			}
		},
	})
}

// Offer negotiates the PeerConnection of this seat. It sets Participant of the offer.
func (s *Seat) Offer(ctx context.Context, o Offer) (Answer, error) {
	o.Participant = s.id
	return call(ctx, s.room, func(answer reply[Answer]) { s.room.offer(s, o, answer) })
}

// offer checks that policy allows the offer, lets the media plane validate it, and publishes its sources once it can be answered, so
// that a refused offer changes nothing. The media plane accepts only publications in the plan.
func (r *roomActor) offer(s *Seat, o Offer, answer reply[Answer]) {
	if !r.hasSeat(s) {
		answer.fail(errSeatOver())
		return
	}
	command := room.Publish{Generation: o.Generation}
	for _, t := range o.Tracks {
		command.Sources = append(command.Sources, room.Publication{ID: room.PublicationID(newID()), Source: t.Source})
	}
	if _, err := room.Decide(r.cfg.Now(), r.state, s.id, command); err != nil {
		answer.fail(err)
		return
	}
	log := r.cfg.Log
	r.media.Answer(o, func() error { return s.publish(command) }, func(a Answer, err error) {
		if refusal := (*room.Error)(nil); err != nil && !errors.As(err, &refusal) {
			log.Warn("the media plane could not answer an offer", "error", fmt.Sprintf("%T", err))
			err = &room.Error{Code: room.Unavailable, Detail: "media"}
		}
		answer.send(a, err)
	})
}

// publish publishes the sources of a valid offer. It waits for the actor, so the actor must not call it.
func (s *Seat) publish(command room.Publish) error {
	r, verdict := s.room, newReply[struct{}]()
	r.post(request{fail: verdict.fail, do: func() {
		if !r.hasSeat(s) {
			verdict.fail(errSeatOver())
			return
		}
		verdict.send(struct{}{}, r.doNow(s.id, command))
	}})
	return (<-verdict).err
}

// View reports to the media plane what this participant displays. It is refused while they wait.
func (s *Seat) View(ctx context.Context, v View) error {
	_, err := call(ctx, s.room, func(answer reply[struct{}]) {
		r := s.room
		switch c := r.connections[s.id]; {
		case !r.hasSeat(s):
			answer.fail(errSeatOver())
		case c.lastView.Room == nil:
			answer.fail(&room.Error{Code: room.NotAdmitted, Detail: "you wait"})
		default:
			r.media.View(s.id, v)
			answer.send(struct{}{}, nil)
		}
	})
	return err
}

// Disconnect reports that the connection was lost; the seat can be resumed during the policy's ResumeWindow. It is a no-op if a newer
// connection resumed the seat. Client.End is still called, once, when the seat ends or is resumed.
func (s *Seat) Disconnect() { s.room.inbox.addDisconnect(s.id, s.number) }

// Confirm reports that the client received the newest secret, which invalidates the previous one. In an overloaded room the previous
// one stays valid until the next resume.
func (s *Seat) Confirm() {
	r := s.room
	r.post(request{do: func() {
		if r.hasSeat(s) {
			r.doNow(s.id, room.Confirm{})
		}
	}, fail: func(error) {}})
}

// hasSeat reports whether the seat still belongs to this connection.
func (r *roomActor) hasSeat(s *Seat) bool {
	c := r.connections[s.id]
	return c != nil && c.number == s.number
}

// errNotRequest refuses a command that only the daemon may send.
var errNotRequest = &room.Error{Code: room.BadRequest, Detail: "no request of a participant"}

func errSeatOver() error { return &room.Error{Code: room.InvalidState, Detail: "this seat is over"} }

// takeSeat gives a client its seat: a new one for a Join, the existing one for a Resume. A resume is written before it is carried out,
// so that a used secret is refused after a restart too; if the journal fails it is carried out without its record.
func (r *roomActor) takeSeat(c room.Command, id room.ParticipantID, secret auth.Secret, client Client, answer reply[seatResult]) {
	r.lastConnection++
	seat := &Seat{id: id, room: r, number: r.lastConnection}
	_, resumes := c.(room.Resume)
	var welcome Welcome
	r.propose(&proposal{
		command: c, by: id, seat: id, must: resumes,
		onSeated: func() {
			now := &connection{client: client, number: seat.number, connected: true, welcomeOnly: true}
			if old := r.connections[id]; old != nil {
				now.slots, now.slotsAnnounced = old.slots, old.slotsAnnounced
				old.client.End(room.Closing{To: id, Access: room.Left, Reason: "replaced"})
			}
			r.connections[id] = now
			welcome = Welcome{
				Room: r.name, Session: SessionOf(r.key, id), Secret: secret,
				Self: room.ViewOf(r.state, id).Self, Policy: r.state.Policy,
			}
		},
		done: func(_ outcome, err error) { answer.send(seatResult{seat, welcome}, err) },
	})
}

// observeAdmit counts the result of an Admit for each participant.
func (r *roomActor) observeAdmit(c room.Command, d room.Decision, err error) {
	if _, ok := c.(room.Admit); !ok {
		return
	}
	for range d.Outcome.Admitted {
		r.cfg.Observe.Admitted("ok")
	}
	for _, refusal := range d.Outcome.Refused {
		r.cfg.Observe.Admitted(string(refusal.Code))
	}
	if err != nil {
		r.cfg.Observe.Admitted(codeOf(err))
	}
}

// observeWaits measures how long the admitted participants waited.
func (r *roomActor) observeWaits(before room.State, d room.Decision) {
	for _, e := range d.Events {
		admitted, ok := e.(room.SeatAdmitted)
		if !ok {
			continue
		}
		for _, p := range before.Participants {
			if p.ID == admitted.ID {
				r.cfg.Observe.Waited(r.cfg.Now().Sub(p.Since))
			}
		}
	}
}
