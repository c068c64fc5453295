package doctor

import (
	"time"
)

// Thresholds of findings.
const (
	doctorTimeout = time.Minute      // of all together: DNS has its own limits, disks may hang
	probeTimeout  = 10 * time.Second // for the page: a slow path, not a dead one
	// probeWait and probeDatagrams: loss may take one or two, hardly all five; refusals come within a round trip.
	probeWait      = 400 * time.Millisecond
	probeDatagrams = 5
	maxProbe       = 64 << 10
	// certificateSoon: automatic renewal begins 30 days before the end, so at 21 it has failed for a week.
	certificateSoon = 21 * 24 * time.Hour
	// mediaBuffer is the receive buffer that sfu/udp requests; a test compares them.
	mediaBuffer = 4 << 20
	// sparesFiles: media sockets, the store's files, listeners.
	spareFiles = 256
	// The store syncs every write, and joins wait for it: 20 ms are not noticeable, 200 ms are.
	diskSlow    = 20 * time.Millisecond
	diskTooSlow = 200 * time.Millisecond
	diskWrites  = 20
	diskBlock   = 4 << 10
	// The store and the audit log grow by entries of some hundred bytes: the first is months of warning, the second hours of
	// whatever else fills that disk.
	diskTight = 2 << 30
	diskFull  = 200 << 20
	// othersWrite are the mode bits that let other users change keys.
	othersWrite = 0o022
	// clockSlack: file servers and this host may differ a little.
	clockSlack = time.Minute
)
