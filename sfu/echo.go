package sfu

import "time"

// Echo sends a client its own media back, so that it can measure its path: a room of its own with one peer that receives itself and nobody
// else. It ends when the time is over, or by end; done is that of Room.Answer. The caller limits how many run.
func (e *Engine) Echo(o Offer, lasts time.Duration, done func(Answer, error)) (end func(), err error) {
	var r *Room
	opened := make(chan struct{})
	r, err = e.Open(func(ev Event) {
		if m, ok := ev.(SlotsMapped); ok {
			go func() { // the worker must not queue tasks for itself
				<-opened
				r.Announced(m.Peer, m.Version)
			}()
		}
	})
	if err != nil {
		return nil, err
	}
	close(opened)
	entry := PlanEntry{Peer: o.Peer, Receives: []PeerID{o.Peer}, Echo: true}
	for i, t := range o.Tracks {
		entry.Sends = append(entry.Sends, Send{ID: string(t.Source), Source: t.Source, CSRC: uint32(i + 1)})
	}
	timer := time.AfterFunc(lasts, r.Close)
	end = func() {
		timer.Stop()
		r.Close()
	}
	r.Apply(Plan{Entries: []PlanEntry{entry}}, func() {
		r.Answer(o, func() error { return nil }, done)
	})
	return end, nil
}
