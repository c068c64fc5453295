package record

import (
	"errors"
	"io"
	"time"
)

// Config configures a Recorder. Storage, Keyring, Recipients and OnFailed are required; zero numbers select the defaults of
// params.go.
type Config struct {
	Storage Storage  // where segments go: OpenFolder, or another store
	Keyring *Keyring // the erasure keys of people

	// Recipients returns the public keys that recordings are sealed to. Each Start calls it, so a removed key applies to the next track.
	Recipients func() (Recipients, error)

	// OnStarted is called for each track when its first record is on disk, and OnEnded when its end record is, or no more of it will be
	// written; either may be nil. They are called in this order by the goroutine of the track and must not block it.
	OnStarted func(TrackStarted)
	OnEnded   func(TrackEnded)

	// OnFailed is called once for each track that failed, by one goroutine of the recorder. Synced records are kept; Put refuses units from
	// before the call on. It must not wait for the recorder.
	OnFailed func(Failure)

	// OnSynced is called with the duration of each sync, for a histogram, by the goroutines of tracks; may be nil.
	OnSynced func(time.Duration)

	SegmentBytes int64         // a longer segment is closed and followed by another
	SegmentTime  time.Duration // and so is an older one
	SlowSync     time.Duration // a sync that takes longer fails its track
	SlowStart    time.Duration // a Start that takes longer is refused
	MinFree      uint64        // bytes that must stay free in the Storage, if it can tell (see Space)

	Now func() time.Time // nil for time.Now
}

// Kind is the kind of media of a track.
type Kind string

// The kinds.
const (
	Audio Kind = "audio"
	Video Kind = "video"
)

// Codec is the format of a track's units.
type Codec string

// The codecs that can be recorded: one Opus packet a unit (RFC 7587), one VP8 payload with its descriptor a unit (RFC 7741).
const (
	Opus Codec = "opus"
	VP8  Codec = "vp8"
)

// Info describes a track. All texts are opaque ids: the header of a segment is not encrypted, so it must hold no names.
type Info struct {
	Session   string // the session's opaque id
	Person    string // the person's opaque id: an erasure erases all tracks with it
	Kind      Kind
	Codec     Codec
	Source    string // microphone, camera, screen
	ClockRate uint32 // of RTP timestamps, in Hz
	Class     string // the retention class: see GC
	Purpose   string // purpose that people consented to, such as the scope's name
	Sealed    bool   // frames are sealed end to end: nothing is written before a release (see Track.Release)
}

// A Unit is the payload of one RTP packet, unencrypted, with its sequence number and times. All units of a track belong to one RTP
// stream; another SSRC or encoding is another track, because its numbers and times are unrelated.
type Unit struct {
	Seq       uint64 // the extended sequence number (RFC 3550, appendix A.1): never wraps
	Timestamp uint32 // RTP
	Arrived   time.Time
	Marker    bool
	KeyFrame  bool   // the unit begins a key frame
	Payload   []byte // copied by Put; at most MaxUnit bytes
}

// Cause is the reason why a track failed: a closed list, for metrics and the audit log.
type Cause string

// The causes.
const (
	DiskFull    Cause = "disk_full"    // no space, or less than Config.MinFree
	SlowDisk    Cause = "slow_disk"    // a sync took longer than Config.SlowSync
	QueueFull   Cause = "queue_full"   // units arrived faster than they could be written
	WriteFailed Cause = "write_failed" // any other error of the Storage
	TooLong     Cause = "too_long"     // a unit or a release was longer than may be
	NoRelease   Cause = "unreleased"   // a sealed track had media but no release for ReleaseWait
)

// A Failure is a track that failed.
type Failure struct {
	Session string // Info.Session
	Track   string // Track.ID
	Cause   Cause
}

// A TrackStarted is a track whose first record is on the disk.
type TrackStarted struct {
	Session, Track string
	ErasureKey     string // id of the key that erases it
	Running        bool   // it was neither stopped nor has failed since
}

// A TrackEnded is a track that has ended.
type TrackEnded struct {
	Session, Track string
	ErasureKey     string
	Chain
	Complete bool // it has an end record
}

// A Chain is the synced length of a track. Each record authenticates the tag of its predecessor, so the last tag covers all of them.
type Chain struct {
	Segments int    `json:"segments"`
	Records  int    `json:"records"` // of all segments, ends included
	Tag      string `json:"tag"`     // of the last record, hexadecimal
}

// Errors of Start and Open. Their texts hold no personal data.
var (
	ErrClosed      = errors.New("record: the recorder is closed")
	ErrRecipients  = errors.New("record: there are no recipients to seal to")
	ErrKeyring     = errors.New("record: the erasure keys cannot be used")
	ErrInfo        = errors.New("record: incomplete or unsuitable track info")
	ErrNoSpace     = errors.New("record: the disk is full")
	ErrSlowStorage = errors.New("record: the disk does not answer in time")
	ErrConfig      = errors.New("record: incomplete or unsuitable configuration")
)

// Stats are counters since Open, for metrics.
type Stats struct {
	Tracks  int    // recording now
	Hanging int    // starts that timed out and still wait for the disk
	Bytes   uint64 // written, headers and tags included
	Records uint64
	Units   uint64
	Refused uint64 // units that Put refused
	Syncs   uint64

	Unreleased uint64        // units dropped because their track had no release
	SyncTime   time.Duration // of all syncs together
	Failures   map[Cause]uint64
}

// A Storage is where segments are stored: a folder, or an object store. Names are random hexadecimal ids with a suffix and hold no
// separators. It is used by many goroutines at once.
type Storage interface {
	// Create creates a file that must not exist.
	Create(name string) (File, error)
	// Open reads one, from its beginning.
	Open(name string) (io.ReadCloser, error)
	// List returns the names of all files.
	List() ([]string, error)
	// Lock acquires the lock of the storage, which is exclusive across processes. Waiters are served in turn.
	Lock() (LockedStorage, error)
}

// A LockedStorage is a Storage while its lock is held. Segments are removed and holds are changed only under it, so that a removal never races
// a change of the holds. It is for one goroutine.
type LockedStorage interface {
	// Remove removes a file, durably; one that is not there is no error.
	Remove(name string) error
	// Replace writes a small file whole or not at all, durably.
	Replace(name string, data []byte) error
	Unlock() error
}

// A File is written once, from beginning to end, by one goroutine.
type File interface {
	io.Writer
	// Sync returns once everything written so far, and the file's name, survives a crash.
	Sync() error
	Close() error
	// Discard closes and removes a file without records. It needs no lock: no other process knows the file yet.
	Discard() error
}

// FreeSpacer is a Storage that reports how many bytes are free.
type FreeSpacer interface{ Free() (uint64, error) }
