package sfu

import "testing"

// BenchmarkOffer is what one offer costs the daemon besides its handshake: a lever for those who want to keep it busy.
func BenchmarkOffer(b *testing.B) {
	text := offers(b)[0]
	for b.Loop() {
		o, err := parseOffer(text, ownTracks)
		if err != nil {
			b.Fatal(err)
		}
		if err := o.assignSSRCs(); err != nil {
			b.Fatal(err)
		}
		_ = o.answer(local{ufrag: "ufrag", pwd: "password", candidates: []string{"192.0.2.1 9"}, version: 1})
	}
}
