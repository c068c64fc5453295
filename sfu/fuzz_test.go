package sfu

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/sdp/v3"
	"github.com/pion/stun/v4"
)

// offers are session descriptions of real browsers, recorded without addresses.
func offers(tb testing.TB) []string {
	tb.Helper()
	names, err := filepath.Glob("testdata/offers/*.sdp")
	if err != nil || len(names) < 2 {
		tb.Fatalf("%d recorded offers, want those of two browsers at least: %v", len(names), err)
	}
	var all []string
	for _, n := range names {
		b, err := os.ReadFile(n)
		if err != nil {
			tb.Fatal(err)
		}
		all = append(all, strings.ReplaceAll(string(b), "\n", "\r\n"))
	}
	return all
}

var ownTracks = []Track{{MID: "0", Source: Microphone}, {MID: "1", Source: Camera}, {MID: "2", Source: Screen}}

func FuzzOffer(f *testing.F) {
	for _, o := range offers(f) {
		f.Add(o)
	}
	f.Fuzz(func(t *testing.T, text string) {
		o, err := parseOffer(text, ownTracks)
		if err != nil {
			return
		}
		if err := o.assignSSRCs(); err != nil {
			t.Fatal(err)
		}
		answer := o.answer(local{ufrag: "ufrag", pwd: "password", candidates: []string{"192.0.2.1 9"}, version: 1})
		var d sdp.SessionDescription
		if err := d.UnmarshalString(answer); err != nil {
			t.Fatalf("our answer does not parse: %v\n%s", err, answer)
		}
		if len(d.MediaDescriptions) != len(o.lines) {
			t.Fatalf("%d m-lines answered with %d", len(o.lines), len(d.MediaDescriptions))
		}
		again, err := parseOffer(text, ownTracks)
		if err != nil {
			t.Fatalf("the same offer again: %v", err)
		}
		if err := again.carryOver(o); err != nil {
			t.Fatalf("the same offer again: %v", err)
		}
		if got := again.answer(local{ufrag: "ufrag", pwd: "password", candidates: []string{"192.0.2.1 9"}, version: 1}); got != answer {
			t.Fatalf("the same offer is answered otherwise:\n%s\n%s", answer, got)
		}
	})
}

func FuzzSTUN(f *testing.F) {
	request, err := stun.Build(stun.BindingRequest, stun.NewTransactionIDSetter([12]byte{1}), stun.NewUsername("ours:theirs"),
		stun.NewShortTermIntegrity("a password of some length"), stun.Fingerprint)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(request.Raw)
	f.Add([]byte{0, 1, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		ours, ok := stunUfrag(b)
		m := &stun.Message{Raw: bytes.Clone(b)}
		var name stun.Username
		if m.Decode() != nil || name.GetFrom(m) != nil {
			return // what pion refuses, it refuses for itself
		}
		// pion is laxer about what stands behind the name; where we read one, it must be the same.
		if want, _, _ := strings.Cut(string(name), ":"); ok && want != string(ours) {
			t.Fatalf("%q, pion reads %q", ours, name)
		}
	})
}

func FuzzReports(f *testing.F) {
	seeds := [][]rtcp.Packet{
		{&rtcp.SenderReport{SSRC: 7, Reports: []rtcp.ReceptionReport{{SSRC: 100}}}},
		{&rtcp.ReceiverReport{Reports: []rtcp.ReceptionReport{{SSRC: 100, FractionLost: 200, LastSenderReport: 1}}}},
		{&rtcp.TransportLayerNack{MediaSSRC: 100, Nacks: []rtcp.NackPair{{PacketID: 3, LostPackets: 0xffff}}}},
		{&rtcp.PictureLossIndication{MediaSSRC: 100}, &rtcp.FullIntraRequest{FIR: []rtcp.FIREntry{{SSRC: 100}}}},
	}
	for _, s := range seeds {
		b, err := rtcp.Marshal(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(_ *testing.T, b []byte) {
		p := quietPeer()
		for len(b) > 0 {
			size, ok := reportSize(b)
			if !ok {
				return
			}
			p.report(b[:size])
			b = b[size:]
		}
	})
}

// quietPeer is a peer with one publication and one slot that shows it, without a connection.
func quietPeer() *peer {
	w := &worker{now: time.Unix(1790000000, 0), rooms: map[*Room]struct{}{}}
	p := &peer{worker: w, offer: &offer{lines: []mLine{
		{mid: "0", kind: "video", use: usePublish, source: Camera, payload: 96, ssrc: 7},
		{mid: "1", kind: "video", use: useSlot, slotKind: slotScreen, payload: 96, slotSSRC: 100},
	}}}
	m := &member{id: "x", room: newRoom(w, func(Event) {})}
	m.entry.Sends = []Send{{ID: "x", Source: Camera, CSRC: 1}}
	p.start(m)
	p.slots[0].source = p.publications[0]
	p.attach()
	return p
}

func FuzzClassify(f *testing.F) {
	f.Add([]byte{0x80, 200})
	f.Add([]byte{0, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		if c := classify(b); len(b) >= 2 && b[0] >= 128 && b[0] <= 191 && c != classRTP && c != classRTCP {
			t.Fatalf("class %d for first byte %d", c, b[0])
		}
	})
}
