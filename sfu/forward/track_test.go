package forward

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// epoch is when every test begins: any moment but the zero one.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func TestReceive(t *testing.T) {
	for name, steps := range map[string][]struct {
		seq     uint16
		ext     uint64
		verdict Verdict
	}{
		"in order":            {{5, 65541, Fresh}, {6, 65542, Fresh}, {7, 65543, Fresh}},
		"reordered":           {{5, 65541, Fresh}, {7, 65543, Fresh}, {6, 65542, Late}, {6, 65542, Duplicate}},
		"twice":               {{5, 65541, Fresh}, {5, 65541, Duplicate}},
		"over the end":        {{65535, 131071, Fresh}, {0, 131072, Fresh}, {65534, 131070, Duplicate}},
		"late over the end":   {{65534, 131070, Fresh}, {0, 131072, Fresh}, {65535, 131071, Late}},
		"before the first":    {{0, 65536, Fresh}, {65535, 65535, Duplicate}},
		"the longest step":    {{0, 65536, Fresh}, {3000, 68536, Fresh}, {2999, 68535, Late}},
		"a jump ahead":        {{0, 65536, Fresh}, {3001, 131072 + 3001, Restarted}, {3002, 131072 + 3002, Fresh}},
		"a jump back":         {{5000, 70536, Fresh}, {1999, 131072 + 1999, Restarted}, {1998, 131072 + 1998, Duplicate}},
		"half around":         {{0, 65536, Fresh}, {32768, 131072 + 32768, Restarted}},
		"the edge of memory":  {{0, 65536, Fresh}, {2000, 67536, Fresh}, {977, 66513, Late}, {976, 66512, Duplicate}},
		"a restart in a loss": {{65000, 130536, Fresh}, {65002, 130538, Fresh}, {10000, 141072, Restarted}, {10001, 141073, Fresh}},
	} {
		var tr Track
		for i, s := range steps {
			if ext, v := tr.Receive(epoch, s.seq, true); ext != s.ext || v != s.verdict {
				t.Errorf("%s, step %d: %d, verdict %d; want %d, %d", name, i, ext, v, s.ext, s.verdict)
			}
		}
		if !tr.Started() {
			t.Errorf("%s: not started", name)
		}
	}
}

// TestFollow checks that an SSRC which takes the place of another never gives a number again.
func TestFollow(t *testing.T) {
	var first, second, third, fourth Track
	second.Follow(&first)
	if ext, v := second.Receive(epoch, 65535, true); ext != 131071 || v != Fresh {
		t.Errorf("%d, verdict %d", ext, v)
	}
	third.Follow(&second)
	fourth.Follow(&third)
	if ext, v := fourth.Receive(epoch, 7, true); ext != 131072+7 || v != Fresh {
		t.Errorf("%d, verdict %d", ext, v)
	}
	if r := fourth.Report(); r.Highest != 65536+7 || r.TotalLost != 0 {
		t.Errorf("%+v", r)
	}
}

// A trackModel keeps everything that a Track may forget.
type trackModel struct {
	first, highest uint64
	got            map[uint64]bool
	expected, all  uint64 // at the last report
	asked          map[uint64][]time.Time
	missed         map[uint64]time.Time // when the gap was found
}

func (m *trackModel) verdict(ext uint64) Verdict {
	switch {
	case ext > m.highest:
		return Fresh
	case ext < m.first || m.highest-ext >= seenSize || m.got[ext]:
		return Duplicate
	}
	return Late
}

func (m *trackModel) receive(now time.Time, ext uint64) {
	for e := m.highest + 1; e < ext; e++ {
		m.missed[e] = now
	}
	m.highest = max(m.highest, ext)
	m.got[ext] = true
}

// report is RFC 3550, appendix A.3, word for word, with each packet counted once.
func (m *trackModel) report() Report {
	expected, received := m.highest-m.first+1, uint64(len(m.got))
	interval, lost := expected-m.expected, int64(expected-m.expected)-int64(received-m.all)
	m.expected, m.all = expected, received
	r := Report{Highest: uint32(m.highest - extBase), TotalLost: uint32(expected - received)}
	if interval > 0 && lost > 0 {
		r.FractionLost = uint8(lost << 8 / int64(interval))
	}
	return r
}

func (m *trackModel) checkNacks(t *testing.T, now time.Time, rtt time.Duration, ask []uint16) {
	t.Helper()
	var before uint64
	for _, seq := range ask {
		ext := m.highest - uint64(uint16(m.highest)-seq)
		times := m.asked[ext]
		switch {
		case ext <= before:
			t.Fatalf("%d asked for behind %d", ext, before)
		case m.got[ext] || ext < m.first:
			t.Fatalf("%d asked for, which is here", ext)
		case now.Sub(m.missed[ext]) < firstNack:
			t.Fatalf("%d asked for after %v", ext, now.Sub(m.missed[ext]))
		case len(times) >= MaxNacks:
			t.Fatalf("%d asked for %d times", ext, len(times)+1)
		case len(times) > 0 && now.Sub(times[len(times)-1]) < max(rtt, minNackInterval):
			t.Fatalf("%d asked for again after %v", ext, now.Sub(times[len(times)-1]))
		}
		m.asked[ext], before = append(times, now), ext
	}
}

// TestTrackModel checks loss, reordering, duplicates and silence over several cycles of the 16-bit numbers.
func TestTrackModel(t *testing.T) {
	for seed := range uint64(3) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		start := extBase + rnd.Uint64N(1<<16)
		m := trackModel{first: start, highest: start, got: map[uint64]bool{start: true}, asked: map[uint64][]time.Time{}, missed: map[uint64]time.Time{}}
		var tr Track
		now := epoch
		tr.Receive(now, uint16(start), true)
		for i := range 150_000 {
			now = now.Add(time.Duration(rnd.IntN(5)) * time.Millisecond)
			ext := m.highest + 1
			switch rnd.IntN(20) {
			case 0:
				ext += rnd.Uint64N(8)
			case 1, 2, 3:
				ext = max(m.highest-rnd.Uint64N(64), extBase)
			case 4:
				ext = max(m.highest-rnd.Uint64N(1500), extBase)
			}
			if rnd.IntN(10_000) == 0 {
				ext += rnd.Uint64N(maxJump - 10)
			}
			want := m.verdict(ext)
			got, v := tr.Receive(now, uint16(ext), true)
			if got != ext || v != want {
				t.Fatalf("seed %d, packet %d: %d, verdict %d; want %d, %d", seed, i, got, v, ext, want)
			}
			if v != Duplicate {
				m.receive(now, ext)
			}
			if rnd.IntN(10) == 0 {
				rtt := time.Duration(seed) * 60 * time.Millisecond
				ask, _ := tr.Nacks(now, rtt, MaxNacks, nil)
				m.checkNacks(t, now, rtt, ask)
			}
			if rnd.IntN(200) == 0 {
				if got, want := tr.Report(), m.report(); got != want {
					t.Fatalf("seed %d, packet %d: %+v, want %+v", seed, i, got, want)
				}
			}
			if len(tr.missing) > maxMissing {
				t.Fatalf("%d missing", len(tr.missing))
			}
		}
		if m.highest < start+1<<17 {
			t.Fatalf("only %d numbers", m.highest-start)
		}
	}
}

func TestRestartsKeepCounting(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	var tr Track
	var highest uint64
	restarts := 0
	for range 20_000 {
		seq := uint16(rnd.Uint32())
		ext, v := tr.Receive(epoch, seq, true)
		if uint16(ext) != seq {
			t.Fatalf("%d is not congruent to %d", ext, seq)
		}
		if (v == Fresh || v == Restarted) != (ext > highest) {
			t.Fatalf("verdict %d for %d after %d", v, ext, highest)
		}
		if v == Restarted {
			restarts++
			if len(tr.missing) != 0 || tr.Report() != (Report{Highest: uint32(ext - extBase)}) {
				t.Fatal("a restart remembers what was before")
			}
		}
		highest = max(highest, ext)
	}
	if restarts < 10_000 {
		t.Fatalf("only %d restarts", restarts)
	}
}

// lose receives 0 and n+1, with n packets missing between.
func lose(n uint16) *Track {
	var tr Track
	tr.Receive(epoch, 0, true)
	tr.Receive(epoch, n+1, true)
	return &tr
}

func TestNacksStop(t *testing.T) {
	tr := lose(1)
	asked, lost := 0, 0
	last := epoch
	for now := epoch; lost == 0; now = now.Add(5 * time.Millisecond) {
		var ask []uint16
		if ask, lost = tr.Nacks(now, 100*time.Millisecond, MaxNacks, nil); len(ask) > 0 {
			asked, last = asked+1, now
		}
		if lost > 0 && now.Sub(last) < 100*time.Millisecond {
			t.Fatalf("given up %v after the last request: the answer was still under way", now.Sub(last))
		}
		if !tr.Missing(1) && lost == 0 {
			t.Fatal("forgotten before it was given up")
		}
	}
	if asked != MaxNacks || lost != 1 || tr.Missing(1) {
		t.Errorf("asked %d times, lost %d", asked, lost)
	}
}

func TestNacksOnlyWhenWanted(t *testing.T) {
	var tr Track
	tr.Receive(epoch, 0, false)
	tr.Receive(epoch, 5, false)
	if ask, lost := tr.Nacks(epoch.Add(time.Second), 0, MaxNacks, nil); len(ask) != 0 || lost != 0 || tr.Missing(3) {
		t.Errorf("asked for %v, lost %d", ask, lost)
	}
}

func TestNacksAppend(t *testing.T) {
	tr := lose(3)
	tr.Receive(epoch, 2, true)
	if ask, _ := tr.Nacks(epoch.Add(firstNack-1), 0, MaxNacks, []uint16{9}); !slices.Equal(ask, []uint16{9}) {
		t.Errorf("asked too early: %v", ask)
	}
	if ask, _ := tr.Nacks(epoch.Add(firstNack), 0, MaxNacks, []uint16{9}); !slices.Equal(ask, []uint16{9, 1, 3}) {
		t.Errorf("asked for %v", ask)
	}
	if tr.Missing(2) || !tr.Missing(3) || tr.Missing(4) || tr.Missing(100) {
		t.Error("the wrong packets are missing")
	}
}

// TestOutageIsLost checks that every packet of an outage is recovered, requested or counted as lost, because a packet that is not requested
// must cause a key frame request.
func TestOutageIsLost(t *testing.T) {
	for _, gap := range []uint16{1, maxMissing, maxMissing + 1, 400, 2999} {
		tr := lose(gap)
		ask, lost := tr.Nacks(epoch.Add(firstNack), 0, MaxNacks, nil)
		if len(ask)+lost != int(gap) || len(ask) > maxMissing {
			t.Errorf("gap of %d: asked for %d, lost %d", gap, len(ask), lost)
		}
		if _, again := tr.Nacks(epoch.Add(firstNack), 0, MaxNacks, nil); again != 0 {
			t.Errorf("gap of %d: lost again %d", gap, again)
		}
	}
}

func TestReport(t *testing.T) {
	var tr Track
	if r := tr.Report(); r != (Report{}) {
		t.Errorf("before the first packet: %+v", r)
	}
	tr.Receive(epoch, 65535, true)
	tr.Receive(epoch, 3, true)
	if r := tr.Report(); r != (Report{FractionLost: 3 * 256 / 5, TotalLost: 3, Highest: 1<<16 + 3}) {
		t.Errorf("three of five lost: %+v", r)
	}
	tr.Receive(epoch, 1, true)
	tr.Receive(epoch, 1, true)
	if r := tr.Report(); r != (Report{TotalLost: 2, Highest: 1<<16 + 3}) {
		t.Errorf("one came late, and twice: %+v", r)
	}
	tr.Receive(epoch, 3003, true)
	if r := tr.Report(); r != (Report{FractionLost: 255, TotalLost: 3001, Highest: 1<<16 + 3003}) {
		t.Errorf("an outage: %+v", r)
	}
}

func TestTrackAllocates(t *testing.T) {
	tr, now, seq, ask := lose(maxMissing), epoch, uint16(2000), make([]uint16, 0, maxMissing)
	if n := testing.AllocsPerRun(5000, func() {
		now, seq = now.Add(3*time.Millisecond), seq+1
		if seq%9 != 0 {
			tr.Receive(now, seq, true)
		}
		tr.Missing(seq)
		ask, _ = tr.Nacks(now, 0, MaxNacks, ask[:0])
		tr.Report()
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
