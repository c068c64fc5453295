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
	Encrypted bool // end to end
	Locked    bool
	Recording room.RecordingState
	StartedAt time.Time // the first admission; zero: nobody was admitted yet
	Admitted  map[auth.Role]int
	Waiting   int
}

// Rooms lists the running rooms, in no order.
func (r *Registry) Rooms() []Summary {
	var list []Summary
	for _, actor := range r.running() {
		list = append(list, *actor.summary.Load())
	}
	return list
}

// View returns a room as a host sees it, without a Self. The error is TargetNotFound when no such room runs.
func (r *Registry) View(ctx context.Context, name string) (room.View, error) {
	actor, err := r.find(name)
	if err != nil {
		return room.View{}, err
	}
	return call(ctx, actor, func(answer reply[room.View]) { answer.send(room.ViewOf(actor.state, room.ByClinic), nil) })
}

// Do executes a command of the clinic (room.ByClinic): a room.Request or a room.Revoke. It waits as Seat.Do does.
func (r *Registry) Do(ctx context.Context, name string, c room.Command) (room.Outcome, error) {
	actor, err := r.find(name)
	if err != nil {
		return room.Outcome{}, err
	}
	_, requests := c.(room.Request)
	if _, revokes := c.(room.Revoke); !requests && !revokes {
		return room.Outcome{}, errNotRequest
	}
	return call(ctx, actor, func(answer reply[room.Outcome]) { actor.doAsClinic(c, answer) })
}

// Revoke ends the seats of people in all rooms and bars them there. Package auth refuses their tokens.
func (r *Registry) Revoke(ctx context.Context, persons ...room.PersonID) error {
	return r.doInAllRooms(ctx, room.Revoke{Persons: persons})
}

// UndoRevoke removes the bars of Revoke in all rooms.
func (r *Registry) UndoRevoke(ctx context.Context, person room.PersonID) error {
	return r.doInAllRooms(ctx, room.UndoRevoke{Person: person})
}

func (r *Registry) doInAllRooms(ctx context.Context, c room.Command) error {
	var errs []error
	for _, actor := range r.running() {
		_, err := call(ctx, actor, func(answer reply[room.Outcome]) { actor.doAsClinic(c, answer) })
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
	actor, ok := r.byName[name]
	if !ok {
		return nil, &room.Error{Code: room.TargetNotFound, Detail: "no such room runs"}
	}
	return actor, nil
}

// Restore continues the sessions that had not ended when the daemon last stopped, under the policies now configured, with their seats,
// locks, bars and consents. Resume windows start again. It is called once, before the first Join. The error lists the keys of sessions
// that cannot be decoded or whose policy is not configured; the others run.
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
		actor := newRoomActor(r, record.Session, room.Restore(r.cfg.Now(), state, policy))
		actor.hadRequest, actor.journal.dirty = true, true
		r.start(actor)
	}
	return errors.Join(errs...)
}

// Err returns an error while acts that open something are refused, or acts in force are not written yet.
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
	for _, actor := range r.running() {
		if actor.behind.Load() {
			behind++
		}
	}
	if behind > 0 {
		return fmt.Errorf("%d rooms have acts that are not written yet", behind)
	}
	return nil
}
