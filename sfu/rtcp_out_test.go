package sfu

import (
	"testing"
	"time"

	"github.com/pion/rtcp"
)

// TestCompoundReports checks that each compound packet begins with a report and contains the CNAME of every SSRC that reports in it (RFC
// 3550, section 6.1), for any number of slots.
func TestCompoundReports(t *testing.T) {
	s := newSim(t, 61)
	ids := []PeerID{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p"}
	s.applyPlan(fullPlan(ids...))
	var a *simPeer
	for _, id := range ids {
		if x := s.join(id, simSpec{pairs: len(ids) - 1}); a == nil {
			a = x
		}
	}
	s.run(3 * time.Second)
	reports, named := 0, map[uint32]bool{}
	s.onRTCP = func(x *simPeer, plain []byte) {
		packets, err := rtcp.Unmarshal(plain)
		if err != nil || len(plain) > maxReport {
			t.Fatalf("%d bytes: %v", len(plain), err)
		}
		who := map[uint32]bool{} // reported here, and was named
		for i, p := range packets {
			switch p := p.(type) {
			case *rtcp.ReceiverReport:
				who[p.SSRC] = false
			case *rtcp.SenderReport:
				who[p.SSRC] = false
			case *rtcp.SourceDescription:
				if i != len(packets)-1 {
					t.Error("the source description is not the last")
				}
				for _, c := range p.Chunks {
					if _, ok := who[c.Source]; !ok || len(c.Items) != 1 || c.Items[0].Type != rtcp.SDESCNAME || c.Items[0].Text != cname {
						t.Errorf("chunk %+v", c)
					}
					who[c.Source] = true
				}
			default: // feedback leaves by itself
				if len(who) > 0 {
					t.Errorf("%T in a compound report", p)
				}
			}
		}
		for ssrc, ok := range who {
			if !ok {
				t.Errorf("no CNAME of %d in a compound of %d packets", ssrc, len(packets))
			}
			if x == a {
				reports++
				named[ssrc] = true
			}
		}
	}
	s.run(1100 * time.Millisecond)
	if reports < 31 || len(named) != 31 { // a receiver report, and a sender report for each slot
		t.Errorf("%d reports of %d SSRCs", reports, len(named))
	}
}
