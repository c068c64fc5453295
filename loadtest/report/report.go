// Package report is what a run leaves behind: numbers with their machine, as JSON, as a page, and as a verdict.
//
//	Report ──► JSON (schema version) ──► Compare
//	     ├───► HTML (one file, inline SVG, nothing fetched)
//	     └───► Metrics (flat names) ──► Assertions ──► exit code
//
// A number without its machine, commit and command means nothing, so they are in it. A run whose generator was late is
// invalid, and says so before any number.
package report

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Schema is the version of the JSON. It grows when a field changes its meaning; new fields do not change it.
const Schema = 1

// A Report is one run.
type Report struct {
	Schema       int                     `json:"schema"`
	Scenario     string                  `json:"scenario"`
	Command      string                  `json:"command"`
	Commit       string                  `json:"commit"`
	Started      time.Time               `json:"started"`
	Machine      Machine                 `json:"machine"`
	Clients      string                  `json:"clients"` // real or light
	Rooms        int                     `json:"rooms"`
	Participants int                     `json:"participants"`  // connected at the start of the window
	Window       float64                 `json:"windowSeconds"` // measured, after everybody had joined
	Network      string                  `json:"network"`       // of the relay; "direct" without one
	Interrupted  bool                    `json:"interrupted"`   // by the operator
	Invalid      []string                `json:"invalid"`       // why the numbers are not the server's; empty: they are
	Audio        Media                   `json:"audio"`
	Video        Media                   `json:"video"`
	Times        map[string]Distribution `json:"times"` // admit, join, joinAll, readmit, reconnect …
	Server       *Server                 `json:"server,omitempty"`
	Generator    Generator               `json:"generator"`
	Failures     map[string]int          `json:"failures"` // number of failures, by kind
	Series       []Second                `json:"series"`
	Verdicts     []Verdict               `json:"verdicts"`
	Browsers     []Browser               `json:"browsers,omitempty"`
}

// Media holds the results of receivers for one kind of media in the window.
type Media struct {
	Packets    uint64       `json:"packets"`
	Sent       uint64       `json:"sent,omitempty"`
	Bytes      uint64       `json:"bytes"`
	Lost       int64        `json:"lost"` // never arrived
	Reordered  uint64       `json:"reordered"`
	Duplicates uint64       `json:"duplicates"`
	Withheld   uint64       `json:"withheld"` // left out by the server
	Frames     uint64       `json:"frames"`
	KeyFrames  uint64       `json:"keyFrames"`
	Freezes    uint64       `json:"freezes"`
	FrozenMs   float64      `json:"frozenMs"`
	Latency    Distribution `json:"latency"`   // from socket to socket
	Corrected  Distribution `json:"corrected"` // from when it was due
	Jitter     Distribution `json:"jitter"`
}

// LossRate is the share of packets that never arrived, 0 to 1.
func (m Media) LossRate() float64 {
	lost := max(float64(m.Lost), 0) // what was lost before the window may have come within
	if lost == 0 {
		return 0
	}
	return lost / (float64(m.Packets) + lost)
}

// A Distribution is of milliseconds.
type Distribution struct {
	Count int64        `json:"count"`
	Mean  float64      `json:"mean"`
	P50   float64      `json:"p50"`
	P95   float64      `json:"p95"`
	P99   float64      `json:"p99"`
	P999  float64      `json:"p999"`
	Max   float64      `json:"max"`
	Curve [][2]float64 `json:"curve,omitempty"` // percentile, milliseconds
}

// curvePercentiles are drawn.
var curvePercentiles = []float64{0, 5, 10, 20, 30, 40, 50, 60, 70, 80, 85, 90, 92.5, 95, 97, 98, 99, 99.5, 99.8, 99.9, 99.95, 99.99, 100}

// NewDistribution summarizes a histogram of microseconds.
func NewDistribution(h *hdrhistogram.Histogram) Distribution {
	if h == nil || h.TotalCount() == 0 {
		return Distribution{}
	}
	at := func(p float64) float64 { return float64(h.ValueAtQuantile(p)) / 1000 }
	d := Distribution{
		Count: h.TotalCount(), Mean: h.Mean() / 1000, P50: at(50), P95: at(95), P99: at(99), P999: at(99.9),
		Max: float64(h.Max()) / 1000,
	}
	for _, p := range curvePercentiles {
		d.Curve = append(d.Curve, [2]float64{p, at(p)})
	}
	return d
}

// A Server is the daemon's side of the window.
type Server struct {
	CPUSeconds      float64            `json:"cpuSeconds"`
	CPUShare        float64            `json:"cpuShare"` // of one core
	MicrosPerPacket float64            `json:"microsPerPacket"`
	RSSMiB          float64            `json:"rssMiB"`
	RSSBeforeMiB    float64            `json:"rssBeforeMiB"`
	MiBPerPerson    float64            `json:"miBPerParticipant"`
	Goroutines      float64            `json:"goroutines,omitempty"`
	PerPerson       float64            `json:"goroutinesPerParticipant,omitempty"`
	Drops           map[string]float64 `json:"drops,omitempty"`     // by name, within the window
	LoadRatio       float64            `json:"loadRatio,omitempty"` // the busiest worker's, if the daemon tells
}

// A Generator is how well this process kept its schedule.
type Generator struct {
	SendLag     Distribution `json:"sendLag"`
	CPUShare    float64      `json:"cpuShare"` // of all cores it may use
	Cores       int          `json:"cores"`
	SocketDrops uint64       `json:"socketDrops"`
}

// A Second is one point of the plots.
type Second struct {
	At        float64 `json:"at"` // seconds since the beginning
	People    int     `json:"people"`
	Audio     uint64  `json:"audio"` // packets received a second
	Video     uint64  `json:"video"`
	Lost      int64   `json:"lost"`     // negative: lost packets arrived late
	AudioP50  float64 `json:"audioP50"` // ms
	AudioP99  float64 `json:"audioP99"`
	VideoP50  float64 `json:"videoP50"`
	VideoP99  float64 `json:"videoP99"`
	SendLag   float64 `json:"sendLagP99"`
	ServerCPU float64 `json:"serverCPU"` // cores
	RSSMiB    float64 `json:"rssMiB"`
	Freezes   uint64  `json:"freezes"`
	InWindow  bool    `json:"inWindow"`
}

// A Verdict is an objective and whether it held.
type Verdict struct {
	Objective string  `json:"objective"`
	Measured  float64 `json:"measured"`
	Held      bool    `json:"held"`
	Reason    string  `json:"why,omitempty"` // where it could not be judged
}

// A Browser holds what one Chromium received of the others in its room.
type Browser struct {
	Name          string  `json:"name"`
	Streams       float64 `json:"streams"` // people whom it showed
	Missing       float64 `json:"missing"` // people whose video the server left out
	FPS           float64 `json:"fps"`     // of each, on average
	Freezes       float64 `json:"freezes"` // of all
	FrozenShare   float64 `json:"frozenShare"`
	Concealed     float64 `json:"concealedShare"` // of audio samples
	FirstFrameMs  float64 `json:"firstFrameMs"`   // since the offer
	Loss          float64 `json:"lossShare"`      // after repeats
	RTTMs         float64 `json:"rttMs"`
	BufferMs      float64 `json:"bufferMs"` // a frame waits for its turn
	KbitPerStream float64 `json:"kbitPerStream"`
	Width         float64 `json:"width"`
}

// Valid reports whether the numbers are the server's.
func (r *Report) Valid() bool { return len(r.Invalid) == 0 }

// Failed returns the number of failures.
func (r *Report) Failed() int {
	n := 0
	for _, c := range r.Failures {
		n += c
	}
	return n
}

// WriteJSON writes the report.
func (r *Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// Read reads a report; one of another schema is refused.
func Read(data []byte) (*Report, error) {
	var r Report
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, fmt.Errorf("not a report: %w", err)
	}
	if r.Schema != Schema {
		return nil, fmt.Errorf("this report has schema %d, this program reads %d", r.Schema, Schema)
	}
	return &r, nil
}
