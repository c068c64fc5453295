package client

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"slices"
	"sync"
)

// Members that take part in end-to-end encryption as far as a server sees it: they send key packages, create a group, commit when
// people come and go, and send frames of the shape of SFrame (RFC 9605). All of it is random bytes. So a run measures what the server does
// with an encrypted room, and proves relaying, not keys.

// Sizes of MLS messages with X-Wing, in bytes, as measured with ts-mls.
const (
	keyPackageSize  = 2900
	commitSize      = 3000 // and this for each newcomer:
	commitPerMember = 2600
	welcomeSize     = 4000 // and for each newcomer:
	welcomePerAdded = 2600
)

// blob is base64 of random bytes.
func blob(size int) string {
	b := make([]byte, size)
	_, _ = rand.Read(b) // never fails
	return base64.StdEncoding.EncodeToString(b)
}

// A memberGroup is a member's view of the session's main group. The member who admits everybody leads it.
type memberGroup struct {
	mu      sync.Mutex
	id      string          // Guarded by mu, as all below.
	number  uint64          // of the newest entry of the main group
	keys    map[string]bool // participants whose key package arrived
	present map[string]bool // in the roster
	added   map[string]bool // by a commit that was accepted
	pending []string        // by the commit in flight, nil: none is
	entries uint64          // received so far
}

// joinGroup sends the key package. It is the first thing that a client does.
func (m *Member) joinGroup(ctx context.Context, conn *SignalConn) error {
	return conn.Call(ctx, "e2ee.key", map[string]string{"keyPackage": blob(keyPackageSize), "tokenHash": blob(32), "proof": blob(32)}, nil)
}

// groupEvent takes the events that concern the group. Runs on the reader of the connection.
func (m *Member) groupEvent(e Event) {
	var d struct {
		Group, Kind, ParticipantID, From string
		Number                           uint64
		SideRoom                         bool
		Participant                      struct{ ID string }
		Participants                     []struct{ ID string }
	}
	if json.Unmarshal(e.Data, &d) != nil {
		return
	}
	g := &m.group
	g.mu.Lock()
	defer g.mu.Unlock()
	switch e.Type {
	case "e2ee.state":
		g.id, g.number = d.Group, d.Number
		g.keys, g.present, g.added, g.pending = map[string]bool{}, map[string]bool{}, map[string]bool{}, nil
	case "e2ee.entry":
		g.entries++
		if d.Kind == "create" && !d.SideRoom {
			g.id, g.added = d.Group, map[string]bool{}
		}
		if d.Group == g.id {
			g.number = d.Number
		}
	case "e2ee.keys":
		g.keys[d.ParticipantID] = true
	case "roster":
		for _, p := range d.Participants {
			g.present[p.ID] = true
		}
	case "participant.joined":
		g.present[d.Participant.ID] = true
	case "participant.left":
		delete(g.present, d.ParticipantID)
		delete(g.keys, d.ParticipantID)
	default:
		return
	}
	if m.persona.AdmitAll && g.pending == nil {
		m.commit()
	}
}

// commit creates the group, adds new participants and removes those who left, one request at a time. Called with group.mu held.
func (m *Member) commit() {
	g := &m.group
	m.mu.Lock()
	conn, self := m.conn, m.id
	m.mu.Unlock()
	if conn == nil || self == "" {
		return
	}
	kind, data := "e2ee.create", map[string]any{"group": blob(16)}
	if g.id != "" {
		var to []string
		for id := range g.present {
			if id != self && g.keys[id] && !g.added[id] && len(to) < 32 {
				to = append(to, id)
			}
		}
		left := false
		for id := range g.added {
			left = left || !g.present[id]
		}
		if len(to) == 0 && !left {
			return
		}
		slices.Sort(to)
		kind, data = "e2ee.commit", map[string]any{"group": g.id, "after": g.number, "commit": blob(commitSize + commitPerMember*len(to))}
		if len(to) > 0 {
			proofs := make([]string, len(to))
			for i := range proofs {
				proofs[i] = blob(32)
			}
			data["welcome"], data["to"], data["proofs"] = blob(welcomeSize+welcomePerAdded*len(to)), to, proofs
		}
		g.pending = to
	}
	if g.pending == nil {
		g.pending = []string{}
	}
	go m.sendCommit(conn, kind, data)
}

// sendCommit sends a request about the group and looks again.
func (m *Member) sendCommit(conn *SignalConn, kind string, data map[string]any) {
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	err := conn.Call(ctx, kind, data, nil)
	if code := Code(err); err != nil && code != "e2ee_stale" && code != "not_admitted" && code != "rate_limited" {
		m.fail(err)
	}
	g := &m.group
	g.mu.Lock()
	defer g.mu.Unlock()
	if err == nil {
		if kind == "e2ee.create" {
			g.id = data["group"].(string)
		}
		for _, id := range g.pending {
			g.added[id] = true
		}
		for id := range g.added {
			if !g.present[id] {
				delete(g.added, id)
			}
		}
	}
	g.pending = nil
	if after, _ := data["after"].(uint64); err == nil || g.number != after { // something came meanwhile; else the next event looks again
		m.commit()
	}
}

// Entries returns how many group entries the member received.
func (m *Member) Entries() uint64 {
	m.group.mu.Lock()
	defer m.group.mu.Unlock()
	return m.group.entries
}

// Shape of a sealed frame: outer | header | ciphertext | tag.
const (
	sframeHeader = 8  // configuration 0xba: KID of 4 bytes, CTR of 3 (RFC 9605, section 4.3)
	sframeTag    = 16 // AES-GCM. A stamp stands in its place
	outerKey     = 10 // of a VP8 key frame: a copy of its header, which a server reads
	outerDelta   = 1
)

// sealedSizes are the sizes of a frame's packets once the frame is sealed.
func sealedSizes(sizes []int, video bool) []int {
	if len(sizes) == 0 {
		return nil
	}
	sizes = slices.Clone(sizes)
	sizes[len(sizes)-1] += sframeHeader + sframeTag
	if video {
		sizes[len(sizes)-1] += outerDelta
	}
	return sizes
}

// sealedFrame is a frame with the shape of a sealed one: a key frame if it is video.
func sealedFrame(frame []byte, video bool) []byte {
	outer := 0
	if video {
		outer = min(outerKey, len(frame))
	}
	out := slices.Clone(frame[:outer])
	out = append(out, make([]byte, sframeHeader)...)
	out = append(out, frame...) // sealed whole
	tag := make([]byte, sframeTag)
	_, _ = rand.Read(tag) // never fails
	return append(out, tag...)
}

// putSealedHeader writes the outer bytes of a delta frame, and the SFrame header behind the outer bytes of any. b is the first payload of
// the frame. Each source has another KID, and each of its frames the next counter.
func (s *source) putSealedHeader(key bool) {
	b, stream := s.bufs[0], uint32(0)
	if s.video {
		b, stream = b[descriptorSize:], 1
		if key {
			b = b[outerKey:]
		} else {
			b[0] = 0x01
			b = b[outerDelta:]
		}
	}
	b[0] = 0xba
	binary.BigEndian.PutUint32(b[1:], 1<<31|stream<<28|s.leaf<<16|1)
	s.counter++
	counter := firstCounter + s.counter
	b[5], b[6], b[7] = byte(counter>>16), byte(counter>>8), byte(counter)
}

// firstCounter is the least that takes three bytes.
const firstCounter = 0x010000
