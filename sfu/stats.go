package sfu

import "alcove/sfu/forward"

// Counters of a worker, or the sum of all. Figures only grow, but for Peers.
type Counters struct {
	DatagramsIn, BytesIn   uint64 // received, of any kind
	DatagramsOut, BytesOut uint64 // media and RTCP that left
	Messages               uint64 // of the kernel that carried them: DatagramsOut/Messages is the mean length of a train
	KernelDrops            uint64 // received, and dropped before we read them
	Audio, Video           uint64 // RTP packets forwarded, one for each receiver
	AudioBytes, VideoBytes uint64 // of their payloads
	Resent                 uint64 // packets repeated for a NACK
	SoundCopies            uint64 // packets of sound repeated unasked, for receivers with loss
	Probes, ProbePackets   uint64 // of paths for more bandwidth, and packets that were sent only for them
	VideosPaused           uint64 // how often a video was paused for one receiver because its path was too narrow
	NacksIn, NacksOut      uint64 // packets asked for
	KeyFrameRequestsIn     uint64
	KeyFrameRequestsOut    uint64
	Replays                uint64  // slots that started from history
	Peers                  uint64  // connected now
	Load                   float64 // share of its time that the busiest worker works
	AES128                 uint64  // connections that had to use AES-128
	HandshakesFailed       [len(HandshakeFaults)]uint64
	AddressesValidated     uint64 // addresses of clients that were validated
	ICERestarts            uint64 // of ICE, by offers
	Drops                  [forward.NumDrops]uint64

	AdmissionViolations uint64 // packets that left against the plan; see plan_check.go
	ConsentViolations   uint64 // looks that found a recording against the plan

	Reported, Lost uint64    // video packets that receivers reported on, and how many of them were lost
	RoundTrips     Durations // one for each report
	Estimates      Rates     // of the path to each receiver with transport-wide feedback, once a second
	Forwarding     Durations // from reading a packet to handing each of its copies to the kernel
}

// Counters sums up the workers, as they were at their last tick.
func (e *Engine) Counters() Counters {
	var sum Counters
	for _, w := range e.workers {
		c := w.shared.Load()
		sum.DatagramsIn += c.DatagramsIn
		sum.BytesIn += c.BytesIn
		sum.DatagramsOut += c.DatagramsOut
		sum.BytesOut += c.BytesOut
		sum.Messages += c.Messages
		sum.KernelDrops += c.KernelDrops
		sum.Audio += c.Audio
		sum.Video += c.Video
		sum.AudioBytes += c.AudioBytes
		sum.VideoBytes += c.VideoBytes
		sum.Resent += c.Resent
		sum.SoundCopies += c.SoundCopies
		sum.Probes += c.Probes
		sum.ProbePackets += c.ProbePackets
		sum.VideosPaused += c.VideosPaused
		sum.NacksIn += c.NacksIn
		sum.NacksOut += c.NacksOut
		sum.KeyFrameRequestsIn += c.KeyFrameRequestsIn
		sum.KeyFrameRequestsOut += c.KeyFrameRequestsOut
		sum.Replays += c.Replays
		sum.Peers += c.Peers
		sum.AES128 += c.AES128
		sum.AddressesValidated += c.AddressesValidated
		sum.ICERestarts += c.ICERestarts
		sum.Load = max(sum.Load, c.Load)
		sum.AdmissionViolations += c.AdmissionViolations
		sum.ConsentViolations += c.ConsentViolations
		sum.Reported += c.Reported
		sum.Lost += c.Lost
		sum.RoundTrips.add(c.RoundTrips)
		sum.Estimates.add(c.Estimates)
		sum.Forwarding.add(c.Forwarding)
		for i := range c.HandshakesFailed {
			sum.HandshakesFailed[i] += c.HandshakesFailed[i]
		}
		for i := range c.Drops {
			sum.Drops[i] += c.Drops[i]
		}
	}
	return sum
}

// DropReasons are the names of Counters.Drops, in its order.
func DropReasons() []string {
	var names []string
	for d := range forward.NumDrops {
		names = append(names, d.String())
	}
	return names
}
