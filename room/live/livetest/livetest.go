// Package livetest runs rooms in the tests of other packages: without a network, a media plane or a client.
//
//	rooms := livetest.Rooms(journal, policies)
//	rooms.Restore()
//	host, _ := livetest.Join(rooms, "g", "host", auth.Host)
//	host.Do(ctx, room.Lock{})
package livetest

import (
	"context"
	"sync"
	"time"

	"alcove/auth"
	"alcove/room"
	"alcove/room/live"
)

// Policies serve every test that asks for nothing else.
var Policies = map[string]room.Policy{"default": {MaxParticipants: 50, MaxWaiting: 100, ResumeWindow: time.Minute}}

// Rooms makes a registry over a journal, whose media plane obeys at once. A nil map takes Policies.
func Rooms(j live.Journal, policies map[string]room.Policy) *live.Registry {
	if policies == nil {
		policies = Policies
	}
	return live.NewRegistry(live.Config{Policies: policies, Media: Media{}, Journal: j})
}

// Media is a media plane that obeys at once and answers every offer.
type Media struct{}

// Open implements live.Media.
func (Media) Open(live.MediaSession, func(live.MediaEvent)) (live.MediaRoom, error) {
	return mediaRoom{}, nil
}

type mediaRoom struct{}

func (mediaRoom) Answer(_ live.Offer, accept func() error, done func(live.Answer, error)) {
	go func() { done(live.Answer{}, accept()) }()
}
func (mediaRoom) Obey(_ room.Plan, done func())        { go done() }
func (mediaRoom) View(room.ParticipantID, live.View)   {}
func (mediaRoom) Announced(room.ParticipantID, uint64) {}
func (mediaRoom) Close()                               {}

// A Guest is one who has a seat.
type Guest struct {
	*live.Seat
	Welcome live.Welcome
	Client  *Client
}

// Join takes a seat with a token made now, as auth.Verifier would have it.
func Join(rooms *live.Registry, name, person string, role auth.Role) (Guest, error) {
	c := &Client{}
	g := auth.Grant{Room: name, Person: person, Role: role, IssuedAt: time.Now()}
	seat, welcome, err := rooms.Join(context.Background(), live.JoinRequest{Grant: g}, c)
	return Guest{seat, welcome, c}, err
}

// Resume takes the seat again, after a restart of the daemon too.
func (g Guest) Resume(rooms *live.Registry) (Guest, error) {
	c := &Client{}
	seat, welcome, err := rooms.Resume(context.Background(), g.Welcome.Session, g.Welcome.Secret, c)
	return Guest{seat, welcome, c}, err
}

// A Client keeps what it is told. Its methods are safe for concurrent use.
type Client struct {
	mu      sync.Mutex
	notices []live.Notice // Guarded by mu.
	end     *room.Closing // Guarded by mu.
}

// Deliver implements live.Client.
func (c *Client) Deliver(n live.Notice) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.notices = append(c.notices, n)
}

// End implements live.Client.
func (c *Client) End(e room.Closing) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.end = &e
}

// Told gives what was delivered so far, and the end if it came.
func (c *Client) Told() ([]live.Notice, *room.Closing) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]live.Notice(nil), c.notices...), c.end
}
