// Package scenario says what a run shall do: how many rooms of how many people, who publishes what, what happens to them, over
// what network, and what must hold.
//
//	built-in or file ──► strict YAML ──► Scenario ──► Check ──► run
//
// Every scenario is bounded: what is left out has a value, and nothing runs for ever.
package scenario

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"alcove/loadtest/relay"
)

// Bounds of a scenario: a mistyped number must not take a machine down.
const (
	MaxRooms    = 2000
	MaxSize     = 32 // the largest room that the daemon's slots serve
	MaxDuration = 4 * time.Hour
	MaxPeople   = 10000
)

// A Scenario is what a run shall do.
type Scenario struct {
	Name     string   `yaml:"name"`
	About    string   `yaml:"about"`
	Rooms    int      `yaml:"rooms"`
	Size     int      `yaml:"size"`     // people in a room, the host among them
	Ramp     Duration `yaml:"ramp"`     // over which rooms open
	Arrive   Duration `yaml:"arrive"`   // between two people of one room
	Duration Duration `yaml:"duration"` // measured, after all have come
	Light    bool     `yaml:"light"`
	Script   string   `yaml:"script"` // hold, therapy, churn, restart
	Every    Duration `yaml:"every"`  // churn: between two who leave, in each room
	Audio    Publish  `yaml:"audio"`
	Video    Publish  `yaml:"video"`
	Stalled  int      `yaml:"stalled"` // receivers of each room that stop reading; light
	Hostile  int      `yaml:"hostile"` // receivers of each room that ask for everything; light
	Network  *Network `yaml:"network"`
	Assert   []string `yaml:"assert"`
}

// Publish says who sends one kind of media, and what.
type Publish struct {
	Senders  int      `yaml:"senders"`  // the first so many of each room, host first; -1: all
	Interval Duration `yaml:"interval"` // between frames
	Sizes    []int    `yaml:"sizes"`    // bytes of payload of each frame's packets
}

// Network is what the relay between clients and server does, each way.
type Network struct {
	Profile string   `yaml:"profile"` // a built-in course of the relay, and nothing else
	Delay   Duration `yaml:"delay"`
	Jitter  Duration `yaml:"jitter"`  // the delay is uniform within ± jitter
	Loss    float64  `yaml:"loss"`    // share, 0 to 1
	Reorder float64  `yaml:"reorder"` // share of packets that overtake
	Rate    int      `yaml:"rate"`    // bit/s for each client and way, 0: unlimited
	Queue   Duration `yaml:"queue"`   // how long a packet may wait for the rate before it is dropped
}

// String is one line.
func (n *Network) String() string {
	if n == nil {
		return "direct"
	}
	if n.Profile != "" {
		return n.Profile
	}
	s := fmt.Sprintf("%v ± %v", time.Duration(n.Delay), time.Duration(n.Jitter))
	if n.Loss > 0 {
		s += fmt.Sprintf(", %.3g %% loss", 100*n.Loss)
	}
	if n.Reorder > 0 {
		s += fmt.Sprintf(", %.3g %% reordered", 100*n.Reorder)
	}
	if n.Rate > 0 {
		s += fmt.Sprintf(", %.3g Mbit/s with %v of queue", float64(n.Rate)/1e6, time.Duration(n.Queue))
	}
	return s
}

// A Duration reads like "30s".
type Duration time.Duration

// UnmarshalYAML reads what time.ParseDuration does.
func (d *Duration) UnmarshalYAML(n *yaml.Node) error {
	v, err := time.ParseDuration(n.Value)
	if err != nil || v < 0 {
		return fmt.Errorf("line %d: %q is no duration: write it like 30s", n.Line, n.Value)
	}
	*d = Duration(v)
	return nil
}

//go:embed builtin
var builtin embed.FS

// Names lists the built-in scenarios.
func Names() []string {
	entries, err := builtin.ReadDir("builtin")
	if err != nil {
		panic("scenario: the built-in scenarios are missing: " + err.Error()) // the compiler put them there
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".yaml"))
	}
	return names
}

// Load finds a built-in scenario by name, or reads a file.
func Load(name string) (Scenario, error) {
	if slices.Contains(Names(), name) {
		data, err := builtin.ReadFile(path.Join("builtin", name+".yaml"))
		if err != nil {
			return Scenario{}, err
		}
		return Parse(data)
	}
	data, err := os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) {
		return Scenario{}, fmt.Errorf("there is no scenario %q and no such file; built in: %s", name, strings.Join(Names(), ", "))
	}
	if err != nil {
		return Scenario{}, err
	}
	s, err := Parse(data)
	if err != nil {
		return s, fmt.Errorf("%s: %w", name, err)
	}
	return s, nil
}

// Parse reads a scenario. A key that it does not know is an error.
func Parse(data []byte) (Scenario, error) {
	s := defaults()
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(&s); err != nil && !errors.Is(err, io.EOF) {
		return s, err
	}
	if err := d.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return s, errors.New("a scenario is one document")
	}
	return s, s.Check()
}

func defaults() Scenario {
	return Scenario{
		Rooms: 1, Size: 8, Ramp: Duration(2 * time.Second), Duration: Duration(10 * time.Second), Script: "hold",
		Every: Duration(2 * time.Second), Arrive: Duration(400 * time.Millisecond),
		Audio: Publish{Senders: -1, Interval: Duration(20 * time.Millisecond), Sizes: []int{100}},
		Video: Publish{Senders: -1, Interval: Duration(time.Second / 30), Sizes: []int{1100, 1100, 300}},
	}
}

// scripts are what may happen in a room.
var scripts = []string{"hold", "therapy", "churn", "restart"}

// Check says what is wrong with a scenario.
func (s Scenario) Check() error {
	for _, c := range []struct {
		ok   bool
		what string
	}{
		{s.Rooms >= 1 && s.Rooms <= MaxRooms, fmt.Sprintf("rooms must be 1 to %d", MaxRooms)},
		{s.Size >= 1 && s.Size <= 1024, "size must be 1 to 1024"},
		{s.Rooms*s.Size <= MaxPeople, fmt.Sprintf("at most %d people in all", MaxPeople)},
		{s.Duration > 0 && s.Duration <= Duration(MaxDuration), fmt.Sprintf("duration must be above 0 and at most %v", MaxDuration)},
		{s.Ramp <= Duration(MaxDuration), "ramp is too long"},
		{slices.Contains(scripts, s.Script), "script must be one of " + strings.Join(scripts, ", ")},
		{s.Script != "therapy" || s.Size >= 4, "a therapy script needs a size of 4: a host, and three to whom things happen"},
		{s.Script != "churn" || s.Every > 0, "churn needs every"},
		{s.Stalled >= 0 && s.Hostile >= 0 && s.Stalled+s.Hostile < max(s.Size, 1), "stalled and hostile must leave somebody to measure"},
		{s.Network == nil || s.Network.valid(), "network: shares are 0 to 1, jitter is at most the delay, rate needs a queue; a profile is one of " + strings.Join(relay.Courses(), ", ") + " and stands alone"},
	} {
		if !c.ok {
			return errors.New(c.what)
		}
	}
	for name, p := range map[string]Publish{"audio": s.Audio, "video": s.Video} {
		if p.Senders < -1 || p.Interval < Duration(time.Millisecond) || len(p.Sizes) == 0 || len(p.Sizes) > 7 ||
			slices.ContainsFunc(p.Sizes, func(n int) bool { return n < 32 || n > 1200 }) {
			return fmt.Errorf("%s: senders is -1 or more, interval 1ms or more, sizes one to seven of 32 to 1200", name)
		}
	}
	return nil
}

func (n *Network) valid() bool {
	if n.Profile != "" {
		_, known := relay.CourseNamed(n.Profile)
		return known && *n == Network{Profile: n.Profile}
	}
	share := func(f float64) bool { return f >= 0 && f <= 1 }
	return share(n.Loss) && share(n.Reorder) && n.Jitter <= n.Delay && n.Rate >= 0 && (n.Rate == 0 || n.Queue > 0)
}
