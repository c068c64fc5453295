package forward

import (
	"math"
	"time"
)

// Constants of the redundancy of sound, in shares of packets.
const (
	// Above copyLoss each packet of sound leaves twice, above copiesLoss three times: of 20 % loss twice leaves 4 %, three times 0.8 %. Chance
	// takes a path that loses 3 % above copyLoss within half a minute, and one that loses 2 % seldom.
	copyLoss   = 0.04
	copiesLoss = 0.12
	maxCopies  = 2
	// A sample is judged when it has so many packets, those of one voice in redundancyTime, or after that.
	redundancyPackets = 200
	redundancyTime    = 4 * time.Second
	copiesScale       = 4 // of the sample while there are copies: few packets are lost with all of theirs
	// Copies are sent for minCopyHold after the loss that asked for them, twice as long each time it comes back at once: without copies a
	// path that loses packets is heard.
	minCopyHold = 30 * time.Second
	maxCopyHold = 4 * time.Minute
	copyRelapse = 15 * time.Second
)

// A Redundancy decides how often the packets of sound leave for one receiver: what is lost over a long path, or by who cannot ask for it in
// time, is there already. Copies hide the loss from the reports on sound, and are taken out of the reckoning. Owned by the worker.
type Redundancy struct {
	copies int
	sample struct {
		sound, soundLost, video, videoLost int
		since                              time.Time
	}
	hold   time.Duration
	until  time.Time
	fellAt time.Time // when copies last became fewer
}

// Copies is how often a packet leaves beside the first time.
func (r *Redundancy) Copies() int { return r.copies }

// Report takes what a receiver report says of this path: of how many packets of sound and of pictures, and how many of them were lost.
func (r *Redundancy) Report(now time.Time, sound, soundLost, video, videoLost int) {
	s := &r.sample
	if s.since.IsZero() {
		s.since = now
	}
	s.sound, s.soundLost, s.video, s.videoLost = s.sound+sound, s.soundLost+soundLost, s.video+video, s.videoLost+videoLost
	scale := 1
	if r.copies > 0 {
		scale = copiesScale
	}
	if s.sound+s.video < scale*redundancyPackets && now.Sub(s.since) < time.Duration(scale)*redundancyTime {
		return
	}
	loss, known := r.loss()
	s.sound, s.soundLost, s.video, s.videoLost, s.since = 0, 0, 0, 0, now
	if known {
		r.judge(now, loss)
	}
}

// loss is that of the path: of pictures, whose repeats are not counted as received, if there are enough; else of sound, where a packet counts
// as lost when all its copies are.
func (r *Redundancy) loss() (share float64, known bool) {
	s := &r.sample
	switch {
	case s.video >= redundancyPackets/2:
		return lostShare(s.videoLost, s.video), true
	case s.sound >= sampleMinPackets:
		return math.Pow(lostShare(s.soundLost, s.sound), 1/float64(1+r.copies)), true
	}
	return 0, false
}

func lostShare(lost, of int) float64 { return min(max(float64(lost), 0)/float64(of), 1) }

func (r *Redundancy) judge(now time.Time, loss float64) {
	wanted := 0
	switch {
	case loss > copiesLoss:
		wanted = maxCopies
	case loss > copyLoss:
		wanted = 1
	}
	switch {
	case wanted > r.copies:
		if r.hold = min(2*r.hold, maxCopyHold); r.hold == 0 || now.Sub(r.fellAt) > copyRelapse {
			r.hold = minCopyHold
		}
		r.copies, r.until = wanted, now.Add(r.hold)
	case wanted == r.copies:
		r.until = now.Add(r.hold)
	case now.After(r.until):
		r.copies--
		r.until, r.fellAt = now.Add(r.hold), now
	}
}
