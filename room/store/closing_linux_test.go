package store

import (
	"context"
	"errors"
	"syscall"
	"testing"
	"time"

	"alcove/auth"
	"alcove/room"
	"alcove/room/live"
)

// A plane is a media plane that applies plans at once; its client discards notices.
type plane struct{}

func (plane) Open(live.MediaSession, func(live.MediaEvent)) (live.MediaRoom, error) {
	return plane{}, nil
}

func (plane) Answer(_ live.Offer, accept func() error, done func(live.Answer, error)) {
	go func() { done(live.Answer{}, accept()) }()
}
func (plane) ApplyPlan(_ room.Plan, done func())   { go done() }
func (plane) Announced(room.ParticipantID, uint64) {}
func (plane) View(room.ParticipantID, live.View)   {}
func (plane) Close()                               {}
func (plane) Deliver(live.Notice)                  {}
func (plane) End(room.Closing)                     {}

// A clinic is a registry of rooms whose journal is a store.
type clinic struct {
	t     *testing.T
	rooms *live.Registry
}

func openClinic(t *testing.T, s *Store) clinic {
	t.Helper()
	rooms := live.NewRegistry(live.Config{
		Policies: map[string]room.Policy{"default": {MaxParticipants: 9, MaxWaiting: 9, ResumeWindow: time.Hour}},
		Media:    plane{}, Journal: s,
	})
	if err := rooms.Restore(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := rooms.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return clinic{t, rooms}
}

// A guest is a person with a seat.
type guest struct {
	*live.Seat
	welcome live.Welcome
}

func (c clinic) join(name, person string, role auth.Role) (guest, error) {
	g := auth.Grant{Room: name, Person: person, Role: role, Name: person, IssuedAt: time.Now()}
	seat, welcome, err := c.rooms.Join(c.t.Context(), live.JoinRequest{Grant: g}, plane{})
	return guest{seat, welcome}, err
}

func (c clinic) enter(name, person string, role auth.Role) guest {
	c.t.Helper()
	g, err := c.join(name, person, role)
	if err != nil {
		c.t.Fatal(err)
	}
	return g
}

func (c clinic) resume(g guest) error {
	_, _, err := c.rooms.Resume(c.t.Context(), live.ResumeRequest{Session: g.welcome.Session, Secret: g.welcome.Secret}, plane{})
	return err
}

func (c clinic) do(g guest, command room.Command) {
	c.t.Helper()
	if _, err := g.Do(c.t.Context(), command); err != nil {
		c.t.Errorf("%T: %v", command, err)
	}
}

func (c clinic) refused(what string, err error, want room.Code) {
	c.t.Helper()
	var got *room.Error
	if !errors.As(err, &got) || got.Code != want {
		c.t.Errorf("%s hears %v, want %s", what, err, want)
	}
}

// TestRestrictionsSurviveFullDisk checks that acts that restrict access while the disk is full apply at once, and are written once the disk
// has room: after a crash, nobody who was removed is back, and nothing that was closed is open.
func TestRestrictionsSurviveFullDisk(t *testing.T) {
	for name, trouble := range map[string]func(*place, *faulty) (heal func()){
		"of the audit log": func(_ *place, f *faulty) func() {
			f.set(syscall.ENOSPC, nil)
			return func() { f.set(nil, nil) }
		},
		"of the sessions": func(p *place, _ *faulty) func() {
			p.fill()
			p.values.fail(1<<30, false) // also if the store opens the file again before all is refused
			return func() { p.values.fail(0, false) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, f, _ := troubled(t)
			p.now = time.Now
			s := p.open()
			t.Cleanup(func() { p.close(s) })
			c := openClinic(t, s)
			host, other := c.enter("g", "host", auth.Host), c.enter("h", "host", auth.Host)
			ann, ben, mira := c.enter("g", "ann", auth.Participant), c.enter("g", "ben", auth.Participant), c.enter("g", "person-1", auth.Participant)
			c.do(host, room.Admit{All: true})

			heal := trouble(p, f)
			c.do(host, room.Remove{Target: ann.ID()})
			c.do(host, room.Lock{})
			c.do(other, room.End{})
			if err := revokePerson1(t, s); err == nil {
				t.Error("a revocation is on a disk that takes nothing")
			}
			if err := c.rooms.Revoke(t.Context(), "person-1"); err != nil {
				t.Error(err)
			}
			_, err := c.join("i", "host", auth.Host)
			c.refused("who opens a room", err, room.Unavailable)
			heal()
			until(t, "all is written", func() bool {
				kept, err := s.Load()
				return c.rooms.Err() == nil && err == nil && len(kept) == 1
			})
			if err := s.Enter(t.Context(), room.Entry{Act: actRecovered}); err != nil { // comes after all that is under way
				t.Fatal(err)
			}

			after := p.crashed()
			c = openClinic(t, after)
			if !after.Revoked(time.Now(), person1) {
				t.Error("a revocation is lifted")
			}
			c.refused("one who was removed", c.resume(ann), room.ResumeExpired)
			c.refused("one who was revoked", c.resume(mira), room.ResumeExpired)
			_, err = c.join("g", "ann", auth.Participant)
			c.refused("one who was removed, with another token,", err, room.BarredPerson)
			_, err = c.join("g", "dora", auth.Participant)
			c.refused("one at the door", err, room.RoomLocked)
			c.refused("a host of what ended", c.resume(other), room.ResumeExpired)
			if err := errors.Join(c.resume(ben), c.resume(host)); err != nil {
				t.Errorf("those who stayed: %v", err)
			}
		})
	}
}
