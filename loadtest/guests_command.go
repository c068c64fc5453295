package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"alcove/auth"
	"alcove/loadtest/client"
	"alcove/loadtest/pace"
)

// maxGuests of one room: above what the product is for.
const maxGuests = 100

// enterTimeout is how long a guest may take from the door to media, waiting for a host included; leaveTimeout how long to say goodbye.
const (
	enterTimeout = 2 * time.Minute
	leaveTimeout = 5 * time.Second
)

var guestNames = strings.Fields(`Amara Bruno Carla Deniz Elif Farid Greta Hanna Ivo Jonas Kaya Lina Malik Nora Oskar Paula Quentin
	Rosa Samir Tilda Umut Vera Wanda Xenia Yusuf Zoe Anton Birgit Cem Dora Emil Frida`)

// guestsCommand fills a room with people who are seen and heard, but cost next to nothing: for looking at a page with many in it.
// Each line of the input is how many shall be there from now on; each line of the output is what became of one, as JSON.
func guestsCommand(t terminal, args []string) error {
	s := flag.NewFlagSet("loadtest guests", flag.ContinueOnError)
	s.SetOutput(t.err)
	var target targetFlags
	target.add(s)
	room := s.String("room", "demo", "the `name` of the room; a host in it lets them in")
	local := s.String("local", "127.0.0.1", "the `address` to send media from")
	count := s.Int("count", 0, "how many at first")
	if err := s.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	o, err := target.options()
	if err != nil {
		return err
	}
	from, err := netip.ParseAddr(*local)
	if err != nil {
		return fmt.Errorf("--local: %w", err)
	}
	if *count < 0 || *count > maxGuests {
		return fmt.Errorf("--count must be 0 to %d", maxGuests)
	}
	pacer, err := pace.NewPacer()
	if err != nil {
		return err
	}
	defer pacer.Close()
	ctx, done := interruptContext()
	defer done()
	g := &guests{room: *room, out: json.NewEncoder(t.out)}
	g.env = &client.Env{Server: o.Server, TLS: o.TLS, Minter: o.Minter, Pacer: pacer, Local: from, Seed: o.Seed, Passcode: o.Passcode, E2EE: o.Minter.E2EE}
	g.group = client.NewGroup()
	g.setCount(ctx, *count)
	g.readCounts(ctx, os.Stdin)
	g.setCount(context.Background(), 0)
	g.leaving.Wait()
	return nil
}

// guests are those who are in the room or on the way into it.
type guests struct {
	env     *client.Env
	group   *client.Group
	room    string
	present []*client.Member // Owned by the command's goroutine.
	next    int              // likewise
	leaving sync.WaitGroup

	mu  sync.Mutex
	out *json.Encoder // Guarded by mu.
}

// A guestStatus is what became of one guest.
type guestStatus struct {
	Guest  string `json:"guest"`
	State  string `json:"is"` // sending, gone, or failed
	Reason string `json:"why,omitempty"`
}

func (g *guests) writeStatus(l guestStatus) {
	g.mu.Lock()
	defer g.mu.Unlock()
	_ = g.out.Encode(l)
}

// readCounts obeys the input until it or the run ends.
func (g *guests) readCounts(ctx context.Context, in io.Reader) {
	lines := make(chan int)
	go func() {
		for scanner := bufio.NewScanner(in); scanner.Scan(); {
			if n, err := strconv.Atoi(strings.TrimSpace(scanner.Text())); err == nil && n >= 0 && n <= maxGuests {
				lines <- n
			}
		}
	}()
	for {
		select {
		case n := <-lines:
			g.setCount(ctx, n)
		case <-ctx.Done():
			return
		}
	}
}

// setCount lets people enter or leave until so many are there; who came last leaves first.
func (g *guests) setCount(ctx context.Context, n int) {
	for len(g.present) > n {
		m, name := g.present[len(g.present)-1], guestName(len(g.present)-1)
		g.present = g.present[:len(g.present)-1]
		g.leaving.Go(func() {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveTimeout)
			defer cancel()
			_ = m.Leave(ctx)
			g.writeStatus(guestStatus{Guest: name, State: "gone"})
		})
	}
	for len(g.present) < n {
		place := len(g.present)
		face, voice := client.Face(place), client.Silence(place == 0)
		m := client.NewMember(g.env, g.group, client.Persona{
			Room: g.room, Subject: "guest-" + strconv.Itoa(g.next), Name: guestName(place), Role: auth.Participant,
			Light: true, SendOnly: true, Audio: &voice, Video: &face,
		}, nil)
		g.next++
		g.present = append(g.present, m)
		go g.enter(ctx, m, guestName(place))
	}
}

func guestName(place int) string {
	name := guestNames[place%len(guestNames)]
	if again := place / len(guestNames); again > 0 {
		name += " " + strconv.Itoa(again+1)
	}
	return name
}

func (g *guests) enter(ctx context.Context, m *client.Member, name string) {
	ctx, cancel := context.WithTimeout(ctx, enterTimeout)
	defer cancel()
	err := m.Enter(ctx)
	if err == nil {
		err = m.Await(ctx, "media", client.Connected)
	}
	if err != nil {
		g.writeStatus(guestStatus{Guest: name, State: "failed", Reason: err.Error()})
		return
	}
	g.writeStatus(guestStatus{Guest: name, State: "sending"})
}
