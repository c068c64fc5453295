package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// recorderPlan says what would be recorded, for check.
func recorderPlan(c config) []string {
	var asks []string
	for _, name := range slices.Sorted(maps.Keys(c.Policies)) {
		if c.Policies[name].Recording.Mode != "none" {
			asks = append(asks, name)
		}
	}
	switch {
	case !c.Recording.on() && len(asks) > 0:
		return []string{fmt.Sprintf("nothing is recorded, for recording.dir is empty: also not where a policy asks for it (%s)", strings.Join(asks, ", "))}
	case !c.Recording.on() || len(asks) == 0:
		return []string{"nothing is recorded"}
	}
	all := []string{fmt.Sprintf("recordings in %s, of the policies %s, for those who have the keys of %s", c.Recording.Dir, strings.Join(asks, ", "), c.Recording.RecipientsFile)}
	for _, name := range slices.Sorted(maps.Keys(c.Recording.Classes)) {
		kept := "for ever"
		if keep := c.Recording.Classes[name]; keep != 0 {
			kept = "for " + keep.String()
		}
		all = append(all, fmt.Sprintf("  class %s: kept %s", name, kept))
	}
	return all
}

// places are what doctor sees of the files of a recorder.
type places struct {
	recipients error
	keys, copy error // of the erasure keys: nil if they are there
	together   bool  // both on one disk
}

func recorderPlaces(c recorderConfig) (p places) {
	if !c.on() {
		return p
	}
	_, p.recipients = c.recipients()
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

// diagnoseRecorder says whether what is recorded could be opened, and erased.
func diagnoseRecorder(c config, p places) []finding {
	if !c.Recording.on() {
		return nil
	}
	var all []finding
	if p.recipients != nil {
		all = append(all, fault("recordings", "nobody to encrypt for: "+p.recipients.Error(), "put public keys into it, one a line: `age-keygen -pq` makes a pair, on the clinic's own machine"))
	} else {
		all = append(all, fine("recordings", "%s names who can open them", c.Recording.RecipientsFile))
	}
	switch missing, gone := errors.Is(p.keys, fs.ErrNotExist), errors.Is(p.copy, fs.ErrNotExist); {
	case missing && gone:
		all = append(all, fine("recordings", "the first start makes the keys of people in %s", c.Recording.ErasureKeysFile))
	case p.keys != nil || p.copy != nil:
		all = append(all, fault("recordings", "the keys of people are not in both places", "bring the missing one back: the daemon does not start without"))
	}
	if p.together {
		all = append(all, warning("recordings", "both places of the keys of people are on one disk", "put recording.erasure_copy on another one: a restored backup could bring back what was erased"))
	}
	return all
}
