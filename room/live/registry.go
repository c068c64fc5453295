package live

import (
	"context"
	"log/slog"
	"time"

	"alcove/auth"
	"alcove/room"
)

// Config is what a Registry runs on. Zero values of Now, Log and Observe are fine.
type Config struct {
	Policies map[string]room.Policy // by name; "default" serves tokens that name none
	Media    Media
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
	// Panicked counts a room that ended by our fault.
	Panicked()
}

// Counts is the size of everything that runs.
type Counts struct {
	Rooms    int
	Admitted map[auth.Role]int
	Waiting  int
}

// A Registry knows the running rooms and those that ended lately. All methods are safe for concurrent use.
type Registry struct {
	cfg Config
}

// NewRegistry makes an empty registry.
func NewRegistry(cfg Config) *Registry { return &Registry{cfg: cfg} }

// Join takes a new seat in the room of the grant, which is opened if it does not run. Errors are *room.Error.
//
// Deliver may be called before Join returns: a Client holds what it is given until it has written the welcome.
func (r *Registry) Join(ctx context.Context, g auth.Grant, displayName string, c Client) (*Seat, Welcome, error) {
	return nil, Welcome{}, &room.Error{Code: room.Unavailable, Detail: "no rooms yet"}
}

// Resume takes a dropped seat again; a connection that still holds it is ended as "replaced". Errors are *room.Error.
//
// Everything is told again, as if newly entered; Deliver may be called before Resume returns, as with Join.
func (r *Registry) Resume(ctx context.Context, id SessionID, secret auth.Secret, c Client) (*Seat, Welcome, error) {
	return nil, Welcome{}, &room.Error{Code: room.ResumeExpired, Detail: "no rooms yet"}
}

// Counts sums up all rooms as of their last command.
func (r *Registry) Counts() Counts { return Counts{} }

// Drain refuses joins from now on. Who has a seat keeps it, and may resume it.
func (r *Registry) Drain() {}

// Close drains, ends all rooms with reason "draining" and waits for them until ctx ends.
func (r *Registry) Close(ctx context.Context) error { return nil }
