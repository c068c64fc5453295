package operator

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"

	"alcove/cmd/alcove/internal/cli"
	"alcove/cmd/alcove/internal/config"
	"alcove/cmd/alcove/internal/control"
	"alcove/cmd/alcove/internal/state"
)

// withTracks opens store and audit log for entries about tracks, or fails if a daemon has them open.
func withTracks(c config.Config, m config.Secrets, do func(enter func(context.Context, state.TrackEntry) error) error) (busy bool, err error) {
	s, err := state.Open(c, m)
	if errors.Is(err, state.ErrLocked) {
		return true, nil
	} else if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return false, do(func(ctx context.Context, e state.TrackEntry) error { return state.EnterTrack(ctx, s, e) })
}

// eraseSessions deletes the session files of a person and enters the receipts of erasures, or has the daemon do it where that has the store open.
// recorded says that a receipt waits in the keyring. It returns the number of files.
func eraseSessions(t cli.Terminal, c config.Config, m config.Secrets, person string, recorded bool, receipts state.Receipts) (int, error) {
	r, entries, err := eraseHere(c, m, person, receipts)
	busy := errors.Is(err, state.ErrLocked)
	if busy {
		if r, err = eraseInDaemon(c, person); err != nil && recorded {
			fmt.Fprintf(t.Out, "audit    the daemon runs and did not answer (%v): within the hour it deletes session files and enters the receipt\n", err)
			return 0, nil
		}
	}
	if r.Files > 0 && !recorded {
		fmt.Fprintf(t.Out, "erased   %s, of whom nothing was recorded\nreceipt  %s\n", person, r.Receipt)
	}
	switch {
	case err != nil && recorded:
		return r.Files, fmt.Errorf("the person is erased, but the receipt is not in the audit log yet: the daemon will enter it (%w)", err)
	case err != nil || r.Files == 0 && !recorded:
		return r.Files, err
	}
	fmt.Fprintf(t.Out, "files    %d that the person sent in sessions are deleted\n", r.Files)
	if busy {
		fmt.Fprintln(t.Out, "audit    the daemon runs and has entered the receipt")
	} else {
		fmt.Fprintf(t.Out, "audit    the receipt is in the log, signed, among %d entries\n", entries)
	}
	return r.Files, nil
}

// eraseHere does it while no daemon runs; state.ErrLocked if one does. It returns the length of the audit log.
func eraseHere(c config.Config, m config.Secrets, person string, receipts state.Receipts) (r state.Erasure, entries int64, err error) {
	s, err := state.Open(c, m)
	if err != nil {
		return r, 0, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	ctx, cancel := context.WithTimeout(context.Background(), exportTimeout)
	defer cancel()
	e := state.Eraser{Store: s, Receipts: receipts}
	if _, gone := os.Stat(c.Files.Dir); gone == nil { // else it is the daemon's to make
		if e.Files, err = state.OpenFiles(ctx, c, m.StoreKey, s, nil, nil); err != nil {
			return r, 0, err
		}
	}
	r, err = e.Erase(ctx, person)
	return r, s.Entries(), err
}

func eraseInDaemon(c config.Config, person string) (state.Erasure, error) {
	answer, err := control.Request(c.Control, http.MethodPost, "/erase?person="+url.QueryEscape(person))
	if err == nil && answer.Erased == nil {
		err = errors.New("the daemon did not say what it erased")
	}
	if err != nil {
		return state.Erasure{}, err
	}
	return state.Erasure(*answer.Erased), nil
}
