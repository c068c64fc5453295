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

// An Arrival is the request of a person for a seat. Only Grant must be set.
type JoinRequest struct {
	Grant       auth.Grant // verified
	DisplayName string

	Acknowledged        []string  // hashes of texts that the person acknowledged in earlier sessions (room/store)
	PasscodeOK          bool      // the room's passcode came with the token, and is right
	NotBefore, NotAfter time.Time // the schedule that the token names; zero: none
}

// Config is what a Registry runs on. Zero values of MaxRooms, Files, Now, Log and Observe are fine.
type Config struct {
	Policies map[string]room.Policy // by name; "default" serves tokens that name none
	Media    Media
	Journal  Journal // nil: nothing outlives the daemon
	Files    Files   // nil: there are none
	MaxRooms int
	Now      func() time.Time
	Log      *slog.Logger
	Observe  Observer
}

// An Observer counts. Results are "ok", "admitted", "waiting" or a room.Code: a closed set, fit for metric labels. Its methods
// are called on any goroutine and must not block.
type Observer interface {
	// Joined counts a first join: admitted, waiting, or the code of the refusal.
	Joined(result string)
	// Resumed counts a resume: ok, or the code of the refusal.
	Resumed(result string)
	// Admitted counts one person a host tried to let in: ok, or the code of the refusal.
	Admitted(result string)
	// Waited measures how long somebody waited who was let in.
	Waited(time.Duration)
	// Panicked counts a room that ended by our fault.
	Panicked()
}

type noObserver struct{}

func (noObserver) Joined(string)        {}
func (noObserver) Resumed(string)       {}
func (noObserver) Admitted(string)      {}
func (noObserver) Waited(time.Duration) {}
func (noObserver) Panicked()            {}

// Counts is the size of everything that runs.
type Counts struct {
	Rooms    int
	Admitted map[auth.Role]int
	Waiting  int
}

// A Registry knows the roomActor rooms and those that ended lately. All methods are safe for concurrent use.
type Registry struct {
	cfg       Config
	wg        sync.WaitGroup // one for each roomActor room
	abandoned chan struct{}  // closed when Close gives up waiting for the journal

	mu       sync.Mutex
	byName   map[string]*roomActor // Guarded by mu.
	byKey    map[string]*roomActor // Guarded by mu.
	ended    endedRooms            // Guarded by mu.
	draining bool                  // Guarded by mu.
	closing  bool                  // Guarded by mu.
	gaveUp   bool                  // Guarded by mu.
}

// NewRegistry makes an empty registry.
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

// taken is a seat with its welcome.
type seatResult struct {
	seat    *Seat
	welcome Welcome
}

// Join takes a new seat in the room of the grant, which is opened if it does not run. Errors are *room.Error; a Client that was
// refused is told nothing, not even End.
//
// The first notices are delivered before Join returns: a Client keeps them back until it has written the welcome.
func (r *Registry) Join(ctx context.Context, a JoinRequest, c Client) (*Seat, Welcome, error) {
	got, err := r.join(ctx, a, c)
	if err != nil {
		r.cfg.Observe.Joined(codeOf(err))
		return nil, Welcome{}, err
	}
	r.cfg.Observe.Joined(string(got.welcome.Self.Access))
	return got.seat, got.welcome, nil
}

func (r *Registry) join(ctx context.Context, a JoinRequest, c Client) (seatResult, error) {
	for range maxJoinAttempts {
		if ctx.Err() != nil {
			break
		}
		target, err := r.open(a.Grant)
		if err != nil {
			return seatResult{}, err
		}
		id, secret := room.ParticipantID(newID()), auth.RandomSecret()
		command := room.Join{
			Participant: id, Grant: a.Grant, DisplayName: a.DisplayName, Secret: secret.Hash(),
			Acknowledged: a.Acknowledged, PasscodeOK: a.PasscodeOK, NotBefore: a.NotBefore, NotAfter: a.NotAfter,
		}
		got, err := target.askForSeat(command, id, secret, c)
		if err != error(errRoomEnded) {
			return got, err
		}
	}
	return seatResult{}, &room.Error{Code: room.Unavailable, Detail: "the room is ending"}
}

// askForSeat waits for the answer without a context: a room answers within journalPatience or is over, and a seat nobody knows of
// must not be.
func (r *roomActor) askForSeat(command room.Command, id room.ParticipantID, secret auth.Secret, c Client) (seatResult, error) {
	return call(context.Background(), r, func(answer reply[seatResult]) { r.takeSeat(command, id, secret, c, answer) })
}

// open finds the room of a grant, or starts it.
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
	if running, ok := r.byName[g.Room]; ok {
		return running, nil
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
	running := newRunning(r, newID(), room.State{Name: g.Room, Policy: p})
	r.start(running)
	return running, nil
}

// start runs a room. The caller holds r.mu.
func (r *Registry) start(one *roomActor) {
	r.byKey[one.key] = one
	if r.byName[one.name] == nil {
		r.byName[one.name] = one
	}
	r.wg.Add(1)
	go one.run()
}

// Resume takes a dropped seat again; a connection that still has it is ended as "replaced". Errors are *room.Error; a Client
// that was refused is told nothing, not even End.
//
// All notices are delivered again as after a Join, before Resume returns.
func (r *Registry) Resume(ctx context.Context, id SessionID, secret auth.Secret, c Client) (*Seat, Welcome, error) {
	got, err := r.resume(ctx, id, secret, c)
	if err != nil {
		r.cfg.Observe.Resumed(codeOf(err))
		return nil, Welcome{}, err
	}
	r.cfg.Observe.Resumed("ok")
	return got.seat, got.welcome, nil
}

func (r *Registry) resume(ctx context.Context, id SessionID, secret auth.Secret, c Client) (seatResult, error) {
	if ctx.Err() != nil {
		return seatResult{}, &room.Error{Code: room.Unavailable, Detail: "too late"}
	}
	key, seat, _ := strings.Cut(string(id), ".")
	r.mu.Lock()
	target, ok := r.byKey[key]
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
	return target.askForSeat(room.Resume{Participant: p, Secret: secret.Hash(), Next: next.Hash()}, p, next, c)
}

// forget removes a room that is over. With ended, tokens issued before are refused from now on: not if nobody was ever admitted,
// for to arrive early changes nothing.
func (r *Registry) forget(gone *roomActor, ended bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.byName[gone.name] == gone {
		delete(r.byName, gone.name)
	}
	delete(r.byKey, gone.key)
	if ended {
		r.ended.remember(gone.name, gone.key, r.cfg.Now())
	}
}

// Counts sums up all rooms as of their last command.
func (r *Registry) Counts() Counts {
	sum := Counts{Admitted: map[auth.Role]int{}}
	for _, n := range r.Rooms() {
		sum.Rooms++
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
	for _, one := range r.byKey {
		list = append(list, one)
	}
	return list
}

// Drain opens no new rooms from now on. Sessions that run go on, and who comes late to one is let in as ever.
func (r *Registry) Drain() { r.drain(true) }

// Undrain opens rooms again.
func (r *Registry) Undrain() { r.drain(false) }

func (r *Registry) drain(on bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.draining = on
}

// Reconfigure opens rooms under other policies, and as many as it says, from now on. Sessions that run keep theirs.
func (r *Registry) Reconfigure(policies map[string]room.Policy, maxRooms int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cfg.Policies, r.cfg.MaxRooms = policies, maxRooms
}

// Close refuses all joins from now on, and ends all rooms with reason "draining"; or, with a Journal, lets go of them so that
// Restore brings them back. It waits for them until ctx ends; what is not written then is lost.
func (r *Registry) Close(ctx context.Context) error {
	r.mu.Lock()
	if !r.closing {
		r.closing = true
		for _, one := range r.byKey {
			close(one.stop)
		}
	}
	r.mu.Unlock()
	over := make(chan struct{})
	go func() {
		r.wg.Wait()
		close(over)
	}()
	select {
	case <-over:
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

// newID makes a name that cannot be guessed: 128 random bits in base64url.
func newID() string {
	var b [16]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// codeOf names a refusal.
func codeOf(err error) string {
	if refusal := (*room.Error)(nil); errors.As(err, &refusal) {
		return string(refusal.Code)
	}
	return string(room.Internal)
}
