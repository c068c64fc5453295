package live

import (
	"context"
	"errors"
	"fmt"
	"time"

	"alcove/auth"
	"alcove/room"
)

// A Summary describes a room as of its last command.
type Summary struct {
	Name      string
	Locked    bool
	Recording room.RecordingState
	StartedAt time.Time // the first admission; zero: nobody was admitted yet
	Admitted  map[auth.Role]int
	Waiting   int
}

// Rooms lists the running rooms, in no order.
func (r *Registry) Rooms() []Summary {
	var list []Summary
	for _, one := range r.running() {
		list = append(list, *one.summary.Load())
	}
	return list
}

// View returns a room as a host sees it, without a Self. The error is TargetNotFound when no such room runs.
func (r *Registry) View(ctx context.Context, name string) (room.View, error) {
	one, err := r.find(name)
	if err != nil {
		return room.View{}, err
	}
	return call(ctx, one, func(answer reply[room.View]) { answer.send(room.ViewOf(one.state, room.ByClinic), nil) })
}

// Do gives a command of the clinic, room.ByClinic: a room.Request or a room.Revoke. It waits as Seat.Do does.
func (r *Registry) Do(ctx context.Context, name string, c room.Command) (room.Outcome, error) {
	one, err := r.find(name)
	if err != nil {
		return room.Outcome{}, err
	}
	_, requests := c.(room.Request)
	if _, revokes := c.(room.Revoke); !requests && !revokes {
		return room.Outcome{}, errNoRequest
	}
	return call(ctx, one, func(answer reply[room.Outcome]) { one.doAsClinic(c, answer) })
}

// Revoke ends the seats of people in all rooms and bars them there. Tokens that they have are refused elsewhere (auth).
func (r *Registry) Revoke(ctx context.Context, persons ...room.PersonID) error {
	return r.doInAllRooms(ctx, room.Revoke{Persons: persons})
}

// UndoRevoke ends the bars of Revoke in all rooms.
func (r *Registry) UndoRevoke(ctx context.Context, person room.PersonID) error {
	return r.doInAllRooms(ctx, room.UndoRevoke{Person: person})
}

func (r *Registry) doInAllRooms(ctx context.Context, c room.Command) error {
	var errs []error
	for _, one := range r.running() {
		_, err := call(ctx, one, func(answer reply[room.Outcome]) { one.doAsClinic(c, answer) })
		if !errors.Is(err, errRoomEnded) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (r *roomActor) doAsClinic(c room.Command, answer reply[room.Outcome]) {
	r.propose(&proposal{command: c, by: room.ByClinic, done: func(o outcome, err error) {
		r.observeAdmit(c, o.Decision, err)
		if err != nil {
			answer.fail(err)
			return
		}
		o.barrier.onApplied(func() { answer.send(o.Outcome, nil) })
	}})
}

func (r *Registry) find(name string) (*roomActor, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	one, ok := r.byName[name]
	if !ok {
		return nil, &room.Error{Code: room.TargetNotFound, Detail: "no such room runs"}
	}
	return one, nil
}

// Restore brings back the sessions that had not ended when the daemon last stopped, under the policies as they are configured
// now: seats in their resume window, which begins anew, locks, bars, consents. It is called once, before the first Join. A
// session that cannot be read or whose policy is gone is named in the error by its key; the others run.
func (r *Registry) Restore() error {
	if r.cfg.Journal == nil {
		return nil
	}
	records, err := r.cfg.Journal.Load()
	errs := []error{err}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, record := range records {
		state, err := room.DecodeState(record.State)
		if err != nil {
			errs = append(errs, fmt.Errorf("session %s: %w", record.Session, err))
			continue
		}
		policy, ok := r.cfg.Policies[state.Policy.Name]
		if !ok {
			errs = append(errs, fmt.Errorf("session %s: no policy %q", record.Session, state.Policy.Name))
			continue
		}
		policy.Name = state.Policy.Name
		one := newRunning(r, record.Session, room.Restore(r.cfg.Now(), state, policy))
		one.hadRequest, one.journal.dirty = true, true
		r.start(one)
	}
	return errors.Join(errs...)
}

// Err returns an error while what opens is refused, or what closes is in force and not written.
func (r *Registry) Err() error {
	if r.cfg.Journal == nil {
		return nil
	}
	if err := r.cfg.Journal.Err(); err != nil {
		return err
	}
	if err := r.cfg.Journal.Late(); err != nil {
		return err
	}
	behind := 0
	for _, one := range r.running() {
		if one.behind.Load() {
			behind++
		}
	}
	if behind > 0 {
		return fmt.Errorf("%d rooms have acts that are not written yet", behind)
	}
	return nil
}
