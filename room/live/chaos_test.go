package live

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"alcove/auth"
	"alcove/room"
)

// TestJournalMatchesState runs random acts while the journal is slow, fails and stalls. Once it works again the stored state is the
// current one, and the log, without undone entries, lists exactly the participants who were admitted.
func TestJournalMatchesState(t *testing.T) {
	for seed := range uint64(40) {
		withJournal(t, func(t *testing.T, h *harness, j *fakeJournal) {
			dice := rand.New(rand.NewPCG(seed, 1))
			host := h.join("g", "host", auth.Host)
			hosts := []testSeat{host, h.join("g", "cohost", auth.Cohost)}
			var others []testSeat
			for _, name := range []string{"a", "b", "c", "d"} {
				others = append(others, h.join("g", name, auth.Participant))
			}
			for range 60 {
				by, target := hosts[dice.IntN(2)], others[dice.IntN(len(others))].ID()
				switch dice.IntN(12) {
				case 0:
					j.set(func() { j.holds = dice.IntN(2) == 0 })
				case 1:
					j.set(func() { j.fails, j.slow = dice.IntN(3) == 0, time.Duration(dice.IntN(5))*time.Millisecond })
				case 2:
					j.release()
				case 3:
					time.Sleep(time.Duration(dice.IntN(3000)) * time.Millisecond)
				default:
					wishes := []room.Command{
						room.Admit{Targets: []room.ParticipantID{target}}, room.Admit{All: true}, room.SendBack{Target: target}, room.Lock{},
						room.Unlock{}, room.Verify{Target: target, Verified: true}, room.Verify{Target: target},
						room.SetPermission{Target: target, Source: room.Camera, Allowed: dice.IntN(2) == 0},
						room.SetRole{Target: target, Role: auth.Observer}, room.SetRole{Target: target, Role: auth.Participant},
					}
					go by.Do(h.t.Context(), wishes[dice.IntN(len(wishes))])
					if dice.IntN(2) == 0 {
						synctest.Wait()
					}
				}
			}
			for range 3 {
				j.set(func() { j.holds, j.fails = false, false })
				j.release()
				time.Sleep(2 * maxRetry)
			}
			state, err := call(t.Context(), host.Seat.room, func(answer reply[room.State]) { answer.send(host.Seat.room.state, nil) })
			if err != nil || h.reg.Err() != nil {
				t.Fatal(err, h.reg.Err())
			}
			kept := j.savedState(t)
			kept.Policy = state.Policy
			if a, b := encodeWithoutTimes(kept), encodeWithoutTimes(state); !bytes.Equal(a, b) {
				t.Fatalf("session %d: kept\n%s\nis\n%s", seed, a, b)
			}
			j.wantLogMatches(t, seed, state)
		})
	}
}

// encodeWithoutTimes encodes a state without the times of changes, because a record is made a moment before its act.
func encodeWithoutTimes(s room.State) []byte {
	var seats []room.Participant
	for _, p := range s.Participants {
		p.Since = time.Time{}
		seats = append(seats, p)
	}
	s.Participants = seats
	return room.EncodeState(s)
}

// wantLogMatches replays the log and checks that the admitted participants and the lock are those of the state.
func (j *fakeJournal) wantLogMatches(t *testing.T, seed uint64, s room.State) {
	t.Helper()
	in := map[room.ParticipantID]int{}
	locked := 0
	for _, e := range j.entries {
		switch {
		case e.Act == room.ActAdmitted:
			in[e.Subject]++
		case e.Act == room.ActSentBack, e.Act == room.ActUndone && e.Detail == room.ActAdmitted:
			in[e.Subject]--
		case e.Act == room.ActLocked, e.Act == room.ActUndone && e.Detail == room.ActUnlocked:
			locked++
		case e.Act == room.ActUnlocked:
			locked--
		}
	}
	for _, p := range s.Participants {
		if want := map[room.Access]int{room.Admitted: 1}[p.Access]; in[p.ID] != want {
			t.Errorf("session %d: by the log %s is in %d times, and is %s", seed, p.ID, in[p.ID], p.Access)
		}
	}
	if (locked == 1) != s.Locked {
		t.Errorf("session %d: by the log locked %d times, is %v", seed, locked, s.Locked)
	}
}
