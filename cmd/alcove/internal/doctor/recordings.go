package doctor

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"alcove/cmd/alcove/internal/config"
)

// recordingFindings examines the files of a recorder.
type recordingFindings struct {
	recipients error
	keys, copy error // of the erasure keys: nil if they are there
	together   bool  // both on one disk
}

func lookAtRecordings(c config.Recording) (p recordingFindings) {
	if !c.Enabled() {
		return p
	}
	_, p.recipients = c.Recipients()
	_, p.keys = os.Stat(c.ErasureKeysFile)
	_, p.copy = os.Stat(c.ErasureCopy)
	one, err := device(filepath.Dir(c.ErasureKeysFile))
	other, also := device(filepath.Dir(c.ErasureCopy))
	p.together = err == nil && also == nil && one == other
	return p
}

func device(folder string) (uint64, error) {
	info, err := os.Stat(folder)
	if err != nil {
		return 0, err
	}
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(s.Dev), nil
	}
	return 0, errors.ErrUnsupported
}

// diagnoseRecordings reports whether recordings could be opened, and erased.
func diagnoseRecordings(c config.Config, p recordingFindings) []finding {
	if !c.Recording.Enabled() {
		return nil
	}
	var all []finding
	if p.recipients != nil {
		all = append(all, fault("recordings", "no recipients: "+p.recipients.Error(), "add public keys to it, one per line: `age-keygen -pq` generates a pair, on the clinic's own machine"))
	} else {
		all = append(all, fine("recordings", "the recipients in %s can open them", c.Recording.RecipientsFile))
	}
	switch missing, gone := errors.Is(p.keys, fs.ErrNotExist), errors.Is(p.copy, fs.ErrNotExist); {
	case missing && gone:
		all = append(all, fine("recordings", "the first start creates the erasure keys in %s", c.Recording.ErasureKeysFile))
	case p.keys != nil || p.copy != nil:
		all = append(all, fault("recordings", "the keys of people are not in both places", "bring the missing one back: the daemon does not start without"))
	}
	if p.together {
		all = append(all, warning("recordings", "the erasure keys and their copy are on one disk", "put recording.erasure_copy on another disk: a restored backup could undo erasures"))
	}
	return all
}
