package live

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"alcove/auth"
	"alcove/room"
)

// A JoinRequest is a person's request for a seat. Only Grant must be set.
type JoinRequest struct {
	Grant       auth.Grant // verified
	DisplayName string

	Acknowledged        []string  // hashes of texts that the person acknowledged in earlier sessions (room/store)
	PasscodeOK          bool      // the room's passcode came with the token and is correct
	E2EE                bool      // the client supports end-to-end encryption
	NotBefore, NotAfter time.Time // schedule in the token; zero: none
}

// A ResumeRequest holds what a client sends to resume a seat.
type ResumeRequest struct {
	Session SessionID
	Secret  auth.Secret
	E2EE    bool // the client supports end-to-end encryption
}

// Config configures a Registry. MaxRooms, Now, Log and Observe have defaults.
type Config struct {
	Policies map[string]room.Policy // by name; "default" applies to tokens that name none
	Media    Media
	Journal  Journal // nil: nothing survives a restart
	Files    Files   // nil: there are none
	MaxRooms int
	Now      func() time.Time
	Log      *slog.Logger
	Observe  Observer
}

// An Observer counts results, each "ok", "admitted", "waiting" or a room.Code, which is a closed set fit for metric labels. Its methods
// are called on any goroutine and must not block.
type Observer interface {
	// Joined counts a first join: admitted, waiting, or the code of the refusal.
	Joined(result string)
	// Resumed counts a resume: ok, or the code of the refusal.
	Resumed(result string)
	// Admitted counts each participant that a host admitted, or tried to: ok, or the code of the refusal.
	Admitted(result string)
	// Waited measures how long an admitted participant waited.
	Waited(time.Duration)
	// Panicked counts a room that ended with a panic.
	Panicked()
}

type noObserver struct{}

func (noObserver) Joined(string)        {}
func (noObserver) Resumed(string)       {}
func (noObserver) Admitted(string)      {}
func (noObserver) Waited(time.Duration) {}
func (noObserver) Panicked()            {}

// Counts sums up the running rooms.
type Counts struct {
	Rooms     int
	Encrypted int // of Rooms: end to end
	Admitted  map[auth.Role]int
	Waiting   int
}

// A Registry holds the running rooms and those that ended lately. All methods are safe for concurrent use.
type Registry struct {
	cfg       Config
	wg        sync.WaitGroup // one for each roomActor
	abandoned chan struct{}  // closed when Close gives up waiting for the journal

	mu       sync.Mutex
	byName   map[string]*roomActor // Guarded by mu.
	byKey    map[string]*roomActor // Guarded by mu.
	ended    endedRooms            // Guarded by mu.
	draining bool                  // Guarded by mu.
	closing  bool                  // Guarded by mu.
	gaveUp   bool                  // Guarded by mu.
}

// NewRegistry returns an empty registry.
func NewRegistry(cfg Config) *Registry {
	if cfg.MaxRooms == 0 {
		cfg.MaxRooms = defaultMaxRooms
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Files == nil {
		cfg.Files = noFiles{}
	}
	if cfg.Observe == nil {
		cfg.Observe = noObserver{}
	}
	return &Registry{cfg: cfg, abandoned: make(chan struct{}), byName: map[string]*roomActor{}, byKey: map[string]*roomActor{}, ended: newEndedRooms()}
}

// A seatResult is a seat with its welcome.
type seatResult struct {
	seat    *Seat
	welcome Welcome
}

// Join takes a new seat in the room of the grant, which it starts if it does not run. Errors are *room.Error; no method of a refused
// Client is called.
//
// The first notices are delivered before Join returns: a Client holds them back until it has written the welcome.
func (r *Registry) Join(ctx context.Context, a JoinRequest, c Client) (*Seat, Welcome, error) {
	result, err := r.join(ctx, a, c)
	if err != nil {
		r.cfg.Observe.Joined(codeOf(err))
		return nil, Welcome{}, err
	}
	r.cfg.Observe.Joined(string(result.welcome.Self.Access))
	return result.seat, result.welcome, nil
}

func (r *Registry) join(ctx context.Context, a JoinRequest, c Client) (seatResult, error) {
	for range maxJoinAttempts {
		if ctx.Err() != nil {
			break
		}
		actor, err := r.open(a.Grant)
		if err != nil {
			return seatResult{}, err
		}
		id, secret := room.ParticipantID(newID()), auth.RandomSecret()
		command := room.Join{
			Participant: id, Grant: a.Grant, DisplayName: a.DisplayName, Secret: secret.Hash(),
			Acknowledged: a.Acknowledged, PasscodeOK: a.PasscodeOK, E2EE: a.E2EE, NotBefore: a.NotBefore, NotAfter: a.NotAfter,
		}
		result, err := actor.askForSeat(command, id, secret, c)
		if err != error(errRoomEnded) {
			return result, err
		}
	}
	return seatResult{}, &room.Error{Code: room.Unavailable, Detail: "the room is ending"}
}

// askForSeat waits for the answer without a context, so that no seat exists without a caller. A room answers within journalTimeout, or
// when it ends.
func (r *roomActor) askForSeat(command room.Command, id room.ParticipantID, secret auth.Secret, c Client) (seatResult, error) {
	return call(context.Background(), r, func(answer reply[seatResult]) { r.takeSeat(command, id, secret, c, answer) })
}

// open returns the room of a grant, and starts it if it does not run.
func (r *Registry) open(g auth.Grant) (*roomActor, error) {
	policy := g.Policy
	if policy == "" {
		policy = "default"
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closing {
		return nil, &room.Error{Code: room.Draining, Detail: "the daemon stops"}
	}
	if r.ended.endedAfter(g.Room, g.IssuedAt, r.cfg.Now()) {
		return nil, &room.Error{Code: room.RoomEnded, Detail: "the room ended after this token was made"}
	}
	if actor, ok := r.byName[g.Room]; ok {
		return actor, nil
	}
	if r.draining {
		return nil, &room.Error{Code: room.Draining, Detail: "the daemon opens no new rooms"}
	}
	p, ok := r.cfg.Policies[policy]
	if !ok {
		return nil, &room.Error{Code: room.PolicyMismatch, Detail: "no such policy"}
	}
	if len(r.byName) >= r.cfg.MaxRooms {
		return nil, &room.Error{Code: room.Unavailable, Detail: "too many rooms"}
	}
	p.Name = policy
	actor := newRoomActor(r, newID(), room.State{Name: g.Room, Policy: p})
	r.start(actor)
	return actor, nil
}

// start runs a room. The caller holds r.mu.
func (r *Registry) start(actor *roomActor) {
	r.byKey[actor.key] = actor
	if r.byName[actor.name] == nil {
		r.byName[actor.name] = actor
	}
	r.wg.Add(1)
	go actor.run()
}

// Resume resumes a seat; a connection that still has it is ended as "replaced". Errors are *room.Error; no method of a refused Client is
// called.
//
// All notices are delivered again, as after a Join, before Resume returns.
func (r *Registry) Resume(ctx context.Context, a ResumeRequest, c Client) (*Seat, Welcome, error) {
	result, err := r.resume(ctx, a, c)
	if err != nil {
		r.cfg.Observe.Resumed(codeOf(err))
		return nil, Welcome{}, err
	}
	r.cfg.Observe.Resumed("ok")
	return result.seat, result.welcome, nil
}

func (r *Registry) resume(ctx context.Context, a ResumeRequest, c Client) (seatResult, error) {
	if ctx.Err() != nil {
		return seatResult{}, &room.Error{Code: room.Unavailable, Detail: "too late"}
	}
	key, seat, _ := strings.Cut(string(a.Session), ".")
	r.mu.Lock()
	actor, ok := r.byKey[key]
	ended := r.ended.has(key, r.cfg.Now())
	r.mu.Unlock()
	switch {
	case ended:
		return seatResult{}, errRoomEnded
	case !ok:
		return seatResult{}, &room.Error{Code: room.ResumeExpired, Detail: "unknown, used or late"}
	}
	next := auth.RandomSecret()
	p := room.ParticipantID(seat)
	return actor.askForSeat(room.Resume{Participant: p, Secret: a.Secret.Hash(), Next: next.Hash(), E2EE: a.E2EE}, p, next, c)
}

// forget removes a room that stopped. With ended, tokens issued before are refused from now on; a room in which nobody was ever admitted
// does not count as ended, so that an early arrival changes nothing.
func (r *Registry) forget(actor *roomActor, ended bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.byName[actor.name] == actor {
		delete(r.byName, actor.name)
	}
	delete(r.byKey, actor.key)
	if ended {
		r.ended.remember(actor.name, actor.key, r.cfg.Now())
	}
}

// Counts sums up all rooms, as of their last command.
func (r *Registry) Counts() Counts {
	sum := Counts{Admitted: map[auth.Role]int{}}
	for _, n := range r.Rooms() {
		sum.Rooms++
		if n.Encrypted {
			sum.Encrypted++
		}
		sum.Waiting += n.Waiting
		for role, k := range n.Admitted {
			sum.Admitted[role] += k
		}
	}
	return sum
}

func (r *Registry) running() []*roomActor {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []*roomActor
	for _, actor := range r.byKey {
		list = append(list, actor)
	}
	return list
}

// Drain stops the opening of new rooms. Running sessions continue and accept joins.
func (r *Registry) Drain() { r.drain(true) }

// Undrain allows the opening of rooms again.
func (r *Registry) Undrain() { r.drain(false) }

func (r *Registry) drain(on bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.draining = on
}

// Reconfigure replaces the policies and the limit for rooms opened from now on. Running sessions keep their policies.
func (r *Registry) Reconfigure(policies map[string]room.Policy, maxRooms int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cfg.Policies, r.cfg.MaxRooms = policies, maxRooms
}

// Close refuses all joins from now on and stops all rooms: with a Journal so that Restore can continue them, else by ending them with
// reason "draining". It waits for them until ctx ends; acts that are not written then are lost.
func (r *Registry) Close(ctx context.Context) error {
	r.mu.Lock()
	if !r.closing {
		r.closing = true
		for _, actor := range r.byKey {
			close(actor.stop)
		}
	}
	r.mu.Unlock()
	stopped := make(chan struct{})
	go func() {
		r.wg.Wait()
		close(stopped)
	}()
	select {
	case <-stopped:
		return nil
	case <-ctx.Done():
		r.mu.Lock()
		if !r.gaveUp {
			r.gaveUp = true
			close(r.abandoned)
		}
		r.mu.Unlock()
		return ctx.Err()
	}
}

// newID returns an unguessable ID: 128 random bits in base64url.
func newID() string {
	var b [16]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// codeOf returns the code of a refusal.
func codeOf(err error) string {
	if refusal := (*room.Error)(nil); errors.As(err, &refusal) {
		return string(refusal.Code)
	}
	return string(room.Internal)
}
