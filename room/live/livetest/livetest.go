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

// Policies are the default policies of tests.
var Policies = map[string]room.Policy{"default": {MaxParticipants: 50, MaxWaiting: 100, ResumeWindow: time.Minute}}

// Rooms returns a registry with a journal and a media plane that applies plans at once. With nil policies it uses Policies.
func Rooms(j live.Journal, policies map[string]room.Policy) *live.Registry {
	if policies == nil {
		policies = Policies
	}
	return live.NewRegistry(live.Config{Policies: policies, Media: Media{}, Journal: j})
}

// Media is a media plane that applies plans at once and answers every offer.
type Media struct{}

// Open implements live.Media.
func (Media) Open(live.MediaSession, func(live.MediaEvent)) (live.MediaRoom, error) {
	return mediaRoom{}, nil
}

type mediaRoom struct{}

func (mediaRoom) Answer(_ live.Offer, accept func() error, done func(live.Answer, error)) {
	go func() { done(live.Answer{}, accept()) }()
}
func (mediaRoom) ApplyPlan(_ room.Plan, done func())   { go done() }
func (mediaRoom) View(room.ParticipantID, live.View)   {}
func (mediaRoom) Announced(room.ParticipantID, uint64) {}
func (mediaRoom) Close()                               {}

// A Guest is a participant with a seat.
type Guest struct {
	*live.Seat
	Welcome live.Welcome
	Client  *Client
}

// Join takes a seat with a grant issued now.
func Join(rooms *live.Registry, name, person string, role auth.Role) (Guest, error) {
	c := &Client{}
	g := auth.Grant{Room: name, Person: person, Role: role, IssuedAt: time.Now()}
	seat, welcome, err := rooms.Join(context.Background(), live.JoinRequest{Grant: g, E2EE: true}, c)
	return Guest{seat, welcome, c}, err
}

// Resume resumes the seat, also after a restart of the daemon.
func (g Guest) Resume(rooms *live.Registry) (Guest, error) {
	c := &Client{}
	seat, welcome, err := rooms.Resume(context.Background(), live.ResumeRequest{Session: g.Welcome.Session, Secret: g.Welcome.Secret, E2EE: true}, c)
	return Guest{seat, welcome, c}, err
}

// A Client records its notices. Its methods are safe for concurrent use.
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

// Delivered returns the notices so far, and the Closing once the seat ended.
func (c *Client) Delivered() ([]live.Notice, *room.Closing) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]live.Notice(nil), c.notices...), c.end
}
