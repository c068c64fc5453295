package sfu

import (
	"errors"
	"testing"
)

// TestRefusedOffersNeedNoWorker holds the worker up and makes offers that are refused: each is answered all the same. Only an offer that the
// room accepted visits the worker.
func TestRefusedOffersNeedNoWorker(t *testing.T) {
	inBubble(t, func(t *testing.T, v *virtualNet) {
		r, a, _ := v.pair()
		text, tracks := a.pc.LocalDescription().SDP, []Track{{"0", Microphone}, {"1", Camera}}
		release, held := make(chan struct{}), make(chan struct{})
		r.worker.submit(func() { close(held); <-release })
		<-held
		no := errors.New("no")
		for name, tt := range map[string]struct {
			offer Offer
			want  error
		}{
			"of another peer":                  {Offer{Peer: "c", Generation: 1, SDP: text, Tracks: tracks}, ErrRefused},
			"of an old generation":             {Offer{Peer: "a", Generation: 0, SDP: text, Tracks: tracks}, ErrStale},
			"with fewer tracks":                {Offer{Peer: "a", Generation: 1, SDP: text, Tracks: tracks[:1]}, ErrSDP},
			"renegotiating, not accepted":      {Offer{Peer: "a", Generation: 1, SDP: text, Tracks: tracks}, no},
			"of a new generation, not allowed": {Offer{Peer: "a", Generation: 2, SDP: text, Tracks: tracks}, no},
		} {
			done := make(chan error, 1)
			r.Answer(tt.offer, func() error { return no }, func(_ Answer, err error) { done <- err })
			if err := receive(t, done, "a refusal"); !errors.Is(err, tt.want) {
				t.Errorf("%s: %v, want %v", name, err, tt.want)
			}
		}
		accepted := make(chan error, 1)
		r.Answer(Offer{Peer: "a", Generation: 1, SDP: text, Tracks: tracks}, func() error { return nil }, func(_ Answer, err error) { accepted <- err })
		close(release)
		if err := receive(t, accepted, "an answer"); err != nil {
			t.Error(err)
		}
	})
}
