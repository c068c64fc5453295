package daemon

import (
	"github.com/prometheus/client_golang/prometheus"

	"alcove/sfu"
)

// mediaMetrics reads the counters of the media plane at each scrape. All labels are closed lists.
type mediaMetrics struct {
	engine                                                               *sfu.Engine
	datagrams, bytes, packets, payload, nacks, keyFrames, replays        *prometheus.Desc
	drops, resent, copies, peers, aes128, failed, messages, kernel, load *prometheus.Desc
	reported, lost, roundTrips, forwarding, estimates                    *prometheus.Desc
	probes, probePackets, paused                                         *prometheus.Desc
	admission, consent, proofs, restarts                                 *prometheus.Desc
}

func newMediaMetrics(e *sfu.Engine) *mediaMetrics {
	d := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("alcove_media_"+name, help, labels, nil)
	}
	return &mediaMetrics{
		engine:     e,
		datagrams:  d("datagrams_total", "Datagrams of the media sockets.", "direction"),
		bytes:      d("bytes_total", "Bytes of these datagrams.", "direction"),
		packets:    d("packets_forwarded_total", "RTP packets forwarded, one for each receiver.", "kind"),
		payload:    d("payload_bytes_total", "Bytes of their payloads.", "kind"),
		nacks:      d("nacks_total", "Packets asked for again: in, by receivers; out, of publishers.", "direction"),
		keyFrames:  d("key_frame_requests_total", "Key frames asked for: in, by receivers; out, of publishers.", "direction"),
		replays:    d("history_starts_total", "Video that a receiver got from a key frame in history, so that none had to be asked for."),
		drops:      d("drops_total", "Packets that went no further, by reason.", "reason"),
		resent:     d("packets_resent_total", "Packets repeated for receivers that missed them."),
		copies:     d("sound_copies_total", "Packets of sound that left once more, unasked, for receivers that lose more than 3 %."),
		messages:   d("messages_total", "Messages of the kernel that carried the datagrams sent: their ratio is the mean length of a train."),
		load:       d("load_ratio", "Share of its time that the busiest worker works; above 0.85 no new room is taken."),
		kernel:     d("kernel_drops_total", "Datagrams dropped before we read them, for the receive buffer was full."),
		peers:      d("peers", "Connections with keys."),
		reported:   d("packets_reported_total", "Packets of pictures that receivers reported on."),
		lost:       d("packets_lost_total", "How many of those they missed, before anything was repeated."),
		roundTrips: d("round_trip_seconds", "To receivers and back, by their reports."),
		forwarding: d("forwarding_seconds", "From reading a packet to handing each of its copies to the kernel."),
		estimates: d("estimate_bytes_per_second",
			"Estimates of what the path to a receiver takes, each once a second, of receivers whose browser reports on single packets."),
		probes:       d("probes_total", "Probes of the path to a receiver for more bandwidth."),
		probePackets: d("probe_packets_total", "Packets that were sent only for these: packets again, or padding."),
		paused:       d("videos_paused_total", "How often a video was paused for one receiver because the path had no room for it."),
		admission: prometheus.NewDesc("alcove_admission_violations_total",
			"Packets that left against the plan in force, by a check that is not the gate. It must stay 0.", nil, nil),
		consent: prometheus.NewDesc("alcove_consent_violations_total",
			"Looks that found a recording against the plan in force, by a check that is not the gate. It must stay 0.", nil, nil),
		proofs:   d("addresses_proved_total", "Addresses of clients that were proved by an answer from there: one for each connection, and each change of network."),
		restarts: d("ice_restarts_total", "ICE restarts on living connections."),
		aes128:   d("aes128_connections_total", "Connections that had to use AES-128."),
		failed:   d("handshakes_failed_total", "Connections that got no keys, by reason.", "reason"),
	}
}

// Describe implements prometheus.Collector.
func (m *mediaMetrics) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(m, ch) }

// Collect implements prometheus.Collector.
func (m *mediaMetrics) Collect(ch chan<- prometheus.Metric) {
	c := m.engine.Counters()
	counter := func(d *prometheus.Desc, v uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	counter(m.datagrams, c.DatagramsIn, "in")
	counter(m.datagrams, c.DatagramsOut, "out")
	counter(m.bytes, c.BytesIn, "in")
	counter(m.bytes, c.BytesOut, "out")
	counter(m.packets, c.Audio, "audio")
	counter(m.packets, c.Video, "video")
	counter(m.payload, c.AudioBytes, "audio")
	counter(m.payload, c.VideoBytes, "video")
	counter(m.nacks, c.NacksIn, "in")
	counter(m.nacks, c.NacksOut, "out")
	counter(m.keyFrames, c.KeyFrameRequestsIn, "in")
	counter(m.keyFrames, c.KeyFrameRequestsOut, "out")
	counter(m.replays, c.Replays)
	counter(m.resent, c.Resent)
	counter(m.copies, c.SoundCopies)
	counter(m.probes, c.Probes)
	counter(m.probePackets, c.ProbePackets)
	counter(m.paused, c.VideosPaused)
	counter(m.messages, c.Messages)
	counter(m.kernel, c.KernelDrops)
	counter(m.aes128, c.AES128)
	for i, fault := range sfu.HandshakeFaults {
		counter(m.failed, c.HandshakesFailed[i], string(fault))
	}
	counter(m.proofs, c.AddressesValidated)
	counter(m.restarts, c.ICERestarts)
	counter(m.reported, c.Reported)
	counter(m.lost, c.Lost)
	counter(m.admission, c.AdmissionViolations)
	counter(m.consent, c.ConsentViolations)
	ch <- histogram(m.roundTrips, c.RoundTrips)
	ch <- histogram(m.forwarding, c.Forwarding)
	ch <- rates(m.estimates, c.Estimates)
	ch <- prometheus.MustNewConstMetric(m.load, prometheus.GaugeValue, c.Load)
	ch <- prometheus.MustNewConstMetric(m.peers, prometheus.GaugeValue, float64(c.Peers))
	for i, reason := range sfu.DropReasons()[1:] {
		counter(m.drops, c.Drops[i+1], reason)
	}
}

// Close ends the media plane.
func (m *mediaMetrics) Close() error { return m.engine.Close() }

// rates converts rates to a histogram in bytes a second.
func rates(d *prometheus.Desc, h sfu.Rates) prometheus.Metric {
	buckets, count := map[float64]uint64{}, uint64(0)
	for i, bound := range sfu.RateBounds {
		count += h.Buckets[i]
		buckets[float64(bound)/8] = count
	}
	count += h.Buckets[len(sfu.RateBounds)]
	return prometheus.MustNewConstHistogram(d, count, float64(h.Sum)/8, buckets)
}

// histogram converts buckets to the cumulative ones of Prometheus.
func histogram(d *prometheus.Desc, h sfu.Durations) prometheus.Metric {
	buckets, count := map[float64]uint64{}, uint64(0)
	for i, bound := range sfu.DurationBounds {
		count += h.Buckets[i]
		buckets[bound.Seconds()] = count
	}
	count += h.Buckets[len(sfu.DurationBounds)]
	return prometheus.MustNewConstHistogram(d, count, h.Sum.Seconds(), buckets)
}
