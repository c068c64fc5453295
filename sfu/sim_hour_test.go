package sfu

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// An hour is a sim with a story.
type hour struct {
	*sim
	ids   []PeerID // all who may come
	in    []PeerID // in the order of the plan
	mute  map[string]bool
	apart map[PeerID]bool // in a side room
	names map[PeerID]int  // of publications: they change with each admission
	taped map[string]bool // as mute
	did   map[string]int
}

func newHour(t *testing.T, seed uint64) *hour {
	h := &hour{sim: newSim(t, seed), mute: map[string]bool{}, apart: map[PeerID]bool{}, names: map[PeerID]int{}, taped: map[string]bool{}, did: map[string]int{}}
	h.tap = newSimTap(h.sim)
	for i := range 12 {
		h.ids = append(h.ids, PeerID(fmt.Sprintf("p%02d", i)))
	}
	for range 8 {
		h.enter()
		h.run(simTick)
	}
	return h
}

// plan returns the plan for the current moment.
func (h *hour) plan() Plan {
	var p Plan
	for _, id := range h.in {
		s := PlanEntry{Peer: id}
		for j, source := range []Source{Microphone, Camera, Screen} {
			name := fmt.Sprintf("%s-%s-%d", id, source, h.names[id])
			n := uint32(slices.Index(h.ids, id)*10+j) + uint32(h.names[id])*1000
			if h.taped[string(id)+string(source)] && !h.apart[id] {
				p.Record = append(p.Record, name)
			}
			s.Sends = append(s.Sends, Send{ID: name, Source: source, CSRC: n + 1, Muted: h.mute[string(id)+string(source)]})
		}
		for _, other := range h.in {
			if other != id && h.apart[id] == h.apart[other] {
				s.Receives = append(s.Receives, other)
			}
		}
		p.Entries = append(p.Entries, s)
	}
	return p
}

// enter lets somebody in who is not there.
func (h *hour) enter() {
	for _, i := range h.rnd.Perm(len(h.ids)) {
		if id := h.ids[i]; !slices.Contains(h.in, id) {
			h.in = slices.Insert(h.in, h.rnd.IntN(len(h.in)+1), id)
			h.names[id]++
			delete(h.apart, id)
			h.applyPlan(h.plan())
			h.connect(id)
			return
		}
	}
}

func (h *hour) connect(id PeerID) {
	spec := simSpec{
		pairs: 3 + h.rnd.IntN(9), screens: h.rnd.IntN(3), screen: h.rnd.IntN(3) == 0,
		twcc: h.rnd.IntN(6) == 0, plain: h.rnd.IntN(5) == 0, dd: h.rnd.IntN(4) == 0,
		numbered: h.rnd.IntN(2) == 0,
	}
	if h.rnd.IntN(2) == 0 {
		spec.rids = []string{"q", "h", "f"}
	}
	x := h.join(id, spec)
	for _, src := range x.sources {
		src.flat = h.rnd.IntN(3) == 0
	}
	h.weather(x)
	h.sim.w.queue.put(func() { h.pace(h.quantum == simTick) })
}

// weather gives somebody another path.
func (h *hour) weather(x *simPeer) {
	loss := []float64{0, 0, 0.01, 0.05, 0.2}
	for _, l := range []*simLink{&x.up, &x.down} {
		l.loss, l.twice = loss[h.rnd.IntN(len(loss))], 0.01
		l.delay, l.jitter = time.Duration(h.rnd.IntN(80))*time.Millisecond, time.Duration(h.rnd.IntN(60))*time.Millisecond
	}
}

// pace is that of a conversation, or of a pause in which everybody is listened to just enough to count as there.
func (h *hour) pace(fast bool) {
	h.quantum = 10 * simTick
	if fast {
		h.quantum = simTick
	}
	for _, x := range h.order {
		for _, src := range x.sources {
			src.padding, src.probes, src.parts = 0, 0.03, 1
			if fast { // padding fills a path that is busy
				src.padding, src.parts = 0.03, 2
			}
			switch audio := src.line.kind == "audio"; {
			case fast && audio:
				src.every = 50 * time.Millisecond
			case fast:
				src.every = 100 * time.Millisecond
			case audio:
				src.every = 2 * time.Second
			default:
				src.every = 850 * time.Millisecond // an encoding is there while it sends once a second
			}
		}
	}
}

// scene lets one thing happen, in full motion, and then a pause.
func (h *hour) scene() {
	h.pace(true)
	acts := hourActs
	a := acts[h.rnd.IntN(len(acts))]
	h.did[a.name]++
	a.do(h)
	h.run(time.Duration(300+h.rnd.IntN(400)) * time.Millisecond)
	h.takes = -1
	h.pace(false)
	h.run(time.Duration(12+h.rnd.IntN(16)) * time.Second)
	if h.failed {
		h.fatal("the room's media ended")
	}
}

// any is one of those who are connected.
func (h *hour) any() *simPeer { return h.order[h.rnd.IntN(len(h.order))] }

type hourAct struct {
	name string
	do   func(*hour)
}

var hourActs = []hourAct{
	{"join", func(h *hour) {
		if len(h.in) < 12 {
			h.enter()
		}
	}},
	{"leave", func(h *hour) {
		if len(h.in) > 8 {
			i := h.rnd.IntN(len(h.in))
			h.in = slices.Delete(h.in, i, i+1)
			h.applyPlan(h.plan())
		}
	}},
	{"reconnect", func(h *hour) { h.connect(h.any().id) }},
	{"mute", func(h *hour) {
		for range 3 {
			k := string(h.any().id) + string([]Source{Microphone, Camera, Screen}[h.rnd.IntN(3)])
			h.mute[k] = !h.mute[k]
		}
		h.applyPlan(h.plan())
	}},
	{"flicker", func(h *hour) {
		k := string(h.any().id) + string(Camera)
		for range 4 {
			h.mute[k] = !h.mute[k]
			h.applyPlan(h.plan())
			h.run(time.Duration(h.rnd.IntN(150)) * time.Millisecond)
		}
	}},
	{"apart", func(h *hour) {
		for range 2 {
			id := h.any().id
			h.apart[id] = !h.apart[id]
		}
		h.applyPlan(h.plan())
	}},
	{"record", hourRecord},
	{"order", func(h *hour) {
		h.rnd.Shuffle(len(h.in), func(i, j int) { h.in[i], h.in[j] = h.in[j], h.in[i] })
		h.applyPlan(h.plan())
	}},
	{"untold", hourUnannounced},
	{"view", hourView},
	{"weather", func(h *hour) {
		for range 3 {
			h.weather(h.any())
		}
	}},
	{"encodings", hourEncodings},
	{"socket", func(h *hour) { h.takes = h.rnd.IntN(12) }},
	{"silence", func(h *hour) {
		x := h.any()
		src := x.sources[h.rnd.IntN(len(x.sources))]
		src.on = !src.on
	}},
	{"outage", func(h *hour) {
		x := h.any()
		up, down := x.up.loss, x.down.loss
		x.up.loss, x.down.loss = 1, 1
		h.run(time.Duration(200+h.rnd.IntN(2000)) * time.Millisecond)
		x.up.loss, x.down.loss = up, down
	}},
	{"jump", func(h *hour) {
		src := h.any().source(Camera)
		src.streams[0].seq += uint64(h.rnd.IntN(20_000))
	}},
	{"stranger", hourNewSSRC},
	{"calm", func(h *hour) {
		for _, x := range h.order {
			x.up.loss, x.down.loss = 0, 0
			for _, src := range x.sources {
				src.on = true
			}
		}
	}},
}

// hourRecord begins to record somebody, or stops, in the middle of whatever they send; at times all at once.
func hourRecord(h *hour) {
	all := h.order
	if h.rnd.IntN(3) > 0 {
		all = []*simPeer{h.any(), h.any()}
	}
	for range 2 {
		for _, x := range all {
			for _, source := range []Source{Microphone, Camera, Screen} {
				h.taped[string(x.id)+string(source)] = h.rnd.IntN(3) > 0
			}
		}
		h.applyPlan(h.plan())
		h.run(time.Duration(h.rnd.IntN(300)) * time.Millisecond)
	}
}

// hourUnannounced holds slot maps back: some come late, some are overtaken by a newer one, some never come.
func hourUnannounced(h *hour) {
	var late []SlotsMapped
	h.hold = func(m SlotsMapped) bool {
		late = append(late, m)
		return true
	}
	for range 3 {
		h.rnd.Shuffle(len(h.in), func(i, j int) { h.in[i], h.in[j] = h.in[j], h.in[i] })
		if id := h.any().id; h.rnd.IntN(2) == 0 {
			h.apart[id] = !h.apart[id]
		} else {
			h.connect(id)
		}
		h.applyPlan(h.plan())
		h.run(time.Duration(h.rnd.IntN(400)) * time.Millisecond)
	}
	h.hold = nil
	h.rnd.Shuffle(len(late), func(i, j int) { late[i], late[j] = late[j], late[i] })
	for _, m := range late {
		if h.mapped[m.Peer].Version != m.Version || h.rnd.IntN(8) > 0 {
			h.announce(m)
		}
		h.run(time.Duration(h.rnd.IntN(50)) * time.Millisecond)
	}
}

func hourView(h *hour) {
	x := h.any()
	v := View{Heights: map[string]int{}}
	for _, o := range h.mapped[x.id].Slots {
		if n := h.rnd.IntN(6); n < 5 {
			v.Heights[o.Publication] = []int{0, 90, 180, 360, 720}[n]
		}
	}
	h.room.View(x.id, v)
}

// hourEncodings lets a browser leave out qualities, or send them again.
func hourEncodings(h *hour) {
	streams := h.any().source(Camera).streams
	from := h.rnd.IntN(len(streams))
	for i, st := range streams {
		st.off = i > 0 && i >= from && h.rnd.IntN(3) > 0
	}
}

// hourNewSSRC lets a browser go on under another SSRC of the same MID and RID, with numbers of its own.
func hourNewSSRC(h *hour) {
	x := h.any()
	src := x.sources[h.rnd.IntN(len(x.sources))]
	i := h.rnd.IntN(len(src.streams))
	old := src.streams[i]
	st := src.newStream(i)
	if h.rnd.IntN(2) == 0 { // numbers that were used before
		st.seq = uint64(uint16(old.seq - uint64(h.rnd.IntN(200))%old.seq)) // a new SSRC begins with rollover counter 0
		st.born = st.seq
	}
}

// bounded checks that nothing grows.
func (h *hour) bounded() {
	w := h.w
	if len(w.peers) != len(h.people) || len(w.byAddr) != len(h.people) || len(w.rooms) != 1 || len(h.order) != len(h.people) {
		h.fatal("%d peers, %d addresses, %d rooms for %d people", len(w.peers), len(w.byAddr), len(w.rooms), len(h.people))
	}
	slots := 0
	for _, x := range h.order {
		slots += len(x.list)
		if len(x.peer.streams) > maxPeerSSRCs {
			h.fatal("%s has %d streams", x.id, len(x.peer.streams))
		}
	}
	if b := &w.box; max(cap(b.waiting), cap(b.batch)) > 2*slabPackets { // append doubles
		h.fatal("room for %d and %d departures", cap(b.waiting), cap(b.batch))
	}
	subscribed := 0
	for _, x := range h.order {
		for _, pub := range x.peer.publications {
			subscribed += len(pub.subscribers)
		}
	}
	if subscribed > slots {
		h.fatal("%d subscriptions for %d slots", subscribed, slots)
	}
}

// settle checks that after all of it everybody sees and hears whom the slot map names.
func (h *hour) settle() {
	clear(h.mute)
	clear(h.apart)
	for _, id := range h.ids {
		for _, source := range []Source{Microphone, Camera, Screen} {
			h.taped[string(id)+string(source)] = true
		}
	}
	h.applyPlan(h.plan())
	for _, a := range hourActs {
		if a.name == "calm" {
			a.do(h)
		}
	}
	for _, x := range h.order {
		for _, st := range x.source(Camera).streams {
			st.off = false
		}
		h.room.View(x.id, View{})
		if m := h.mapped[x.id]; m.Version != h.told[x.id].Version {
			h.announce(m)
		}
	}
	h.pace(false)
	h.run(30 * time.Second)
	h.pace(true)
	h.run(time.Second)
	begin := h.now
	h.run(2 * time.Second)
	h.tap.settled(begin)
	for _, x := range h.order {
		for _, o := range h.mapped[x.id].Slots {
			i := slices.IndexFunc(x.list, func(s *simSlot) bool { return s.line.slotKind == o.Kind && s.line.slotIndex == o.Index })
			if s := x.list[i]; s.lastAt.Before(begin) && (x.peer.bandwidth == nil || !x.peer.bandwidth.short) { // else its path may be too narrow

				h.fatal("%s gets nothing of %s since %v; drops %v", x.slotName(s), o.Publication, h.now.Sub(s.lastAt), h.drops())
			}
		}
	}
}
