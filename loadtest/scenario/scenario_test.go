package scenario

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestBuiltIn(t *testing.T) {
	names := Names()
	for _, want := range []string{"basic", "therapy", "churn", "storm", "stalled", "hostile", "restart"} {
		if !strings.Contains(" "+strings.Join(names, " ")+" ", " "+want+" ") {
			t.Errorf("%s is missing: %v", want, names)
		}
	}
	for _, name := range names {
		s, err := Load(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if s.Name != name || s.About == "" {
			t.Errorf("%s calls itself %q, %q", name, s.Name, s.About)
		}
	}
}

func TestParseIsStrict(t *testing.T) {
	for text, want := range map[string]string{
		"roms: 3":                             "field roms not found",
		"rooms: 0":                            "rooms must be",
		"rooms: 1000\nsize: 32":               "at most 10000 people",
		"duration: 30":                        "is no duration",
		"duration: -3s":                       "is no duration",
		"duration: 0s":                        "duration must be above 0",
		"script: party":                       "script must be one of",
		"script: therapy\nsize: 3":            "needs a size of 4",
		"stalled: 8":                          "leave somebody",
		"network: {loss: 5}":                  "shares are 0 to 1",
		"network: {rate: 1000000}":            "rate needs a queue",
		"network: {jitter: 5ms}":              "jitter is at most the delay",
		"network: {profile: nonsense}":        "a profile is one of bufferbloat, clinic-firewall, home, loss20, mobile, step",
		"network: {profile: step, loss: 0.1}": "stands alone",
		"network: {speed: 3}":                 "field speed not found",
		"audio: {sizes: [20]}":                "sizes one to seven",
		"video: {interval: 0s}":               "interval 1ms or more",
		"name: a\n---\nname: b":               "one document",
		"rooms: many":                         "cannot unmarshal",
	} {
		if _, err := Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestDefaults(t *testing.T) {
	s, err := Parse([]byte("name: x\nvideo: {senders: 1}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if s.Rooms != 1 || s.Size != 8 || s.Duration != Duration(10*time.Second) || s.Audio.Senders != -1 || s.Video.Senders != 1 || len(s.Video.Sizes) != 3 {
		t.Errorf("%+v", s)
	}
	if _, err := Parse(nil); err != nil {
		t.Errorf("an empty scenario is the basic one: %v", err)
	}
}

func TestLoadFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "mine.yaml")
	if err := os.WriteFile(name, []byte("name: mine\nrooms: 3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err := Load(name); err != nil || s.Rooms != 3 {
		t.Errorf("%+v, %v", s, err)
	}
	if _, err := Load("nonsense"); err == nil || !strings.Contains(err.Error(), "therapy") {
		t.Errorf("an unknown scenario: %v", err)
	}
}

func TestNetworkString(t *testing.T) {
	n := &Network{Delay: Duration(80 * time.Millisecond), Jitter: Duration(20 * time.Millisecond), Loss: 0.05, Rate: 1e6, Queue: Duration(time.Second)}
	if got := n.String(); got != "80ms ± 20ms, 5 % loss, 1 Mbit/s with 1s of queue" {
		t.Error(got)
	}
	if got := (*Network)(nil).String(); got != "direct" {
		t.Error(got)
	}
}
