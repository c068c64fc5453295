package live

import (
	"reflect"
	"testing"

	"alcove/auth"
	"alcove/room"
)

// TestLines checks who is notified of whose line: the admitted, of those whom they can hear, once for each change.
func TestLines(t *testing.T) {
	withHarness(t, func(t *testing.T, h *harness) {
		host := h.join("g", "host", auth.Host)
		ann := h.join("g", "ann", auth.Participant)
		h.notices(host)
		media := h.media.rooms[0]
		media.events(LinesChanged{Lines: []Line{{Participant: ann.ID()}, {Participant: "stranger"}, {Participant: host.ID(), Lost: true}}})
		if n := h.notices(ann); n != nil {
			t.Fatalf("one who waits was told %+v", n)
		}
		if n := h.notices(host); !reflect.DeepEqual(n, []Notice{Lines{[]Line{{Participant: host.ID(), Lost: true}}}}) {
			t.Fatalf("told %+v", n)
		}
		h.do(host, room.Admit{Targets: []room.ParticipantID{ann.ID()}})
		h.notices(ann)
		ben := h.join("g", "ben", auth.Participant)
		h.do(host, room.Admit{Targets: []room.ParticipantID{ben.ID()}})
		h.notices(ben)
		h.notices(ann)
		weak := []Line{{Participant: ann.ID()}}
		media.events(LinesChanged{Lines: weak})
		media.events(LinesChanged{Lines: weak})
		for _, s := range []testSeat{ann, ben} {
			if n := h.notices(s); !reflect.DeepEqual(n, []Notice{Lines{weak}}) {
				t.Fatalf("told %+v", n)
			}
		}
		h.do(host, room.OpenSideRoom{Target: ann.ID()})
		n := h.notices(ben)
		h.wantKinds(n, "RoomUpdated", "PersonUpdated", "PersonUpdated", "Lines")
		h.notices(ann)
		if lines := n[3].(Lines).Lines; len(lines) != 0 {
			t.Fatalf("told of a side room: %+v", lines)
		}
	})
}
