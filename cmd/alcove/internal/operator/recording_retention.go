package operator

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"alcove/auth"
	"alcove/cmd/alcove/internal/cli"
	"alcove/cmd/alcove/internal/config"
	"alcove/cmd/alcove/internal/control"
	"alcove/cmd/alcove/internal/keyfile"
	"alcove/cmd/alcove/internal/state"
	"alcove/sfu/record"
)

func runRecordingGC(t cli.Terminal, args []string) error {
	f := cli.NewFlags(t, "recording gc", `recording gc --config FILE

Removes recordings whose retention class (recording.classes) has expired, but for those that are held, and says so in the audit log. The
daemon does the same every hour; where it runs, it is asked to do so now.`)
	name := f.String("config", "", "the configuration `file`")
	if err := cli.ParseFlags(f, args, 0); err != nil {
		return err
	}
	c, source, err := recordingConfigOf(*name)
	if err != nil {
		return err
	}
	m, err := config.LoadSecrets(c, source)
	if err != nil {
		return err
	}
	l, err := record.ReadFolder(c.Recording.Dir)
	if err != nil {
		return err
	}
	var s control.SweepResult
	busy, err := withTracks(c, m, func(enter func(context.Context, state.TrackEntry) error) error {
		swept, err := record.GC(l, c.Recording.RetentionClasses(), time.Now(), func(session, track string) error {
			return enter(context.Background(), state.ExpiryEntry(session, track))
		})
		s = control.SweepResult(swept)
		return err
	})
	if busy {
		var state control.State
		if state, err = control.Request(c.Control, http.MethodPost, "/sweep"); err == nil && state.Swept != nil {
			s = *state.Swept
		}
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(t.Out, "%d segments removed, %d have expired but are held\n", s.Removed, s.Held)
	if s.Unknown > 0 {
		return fmt.Errorf("%d segments were kept because recording.classes lacks their class or their header cannot be read: see recording list", s.Unknown)
	}
	return nil
}

func runRecordingHold(t cli.Terminal, args []string) error {
	f := cli.NewFlags(t, "recording hold", `recording hold --config FILE [(--session KEY | --person ID | --sub WHO) [--release]]

Keeps recordings of a session or of a person from expiry and from erasure, until the hold is released. Without any of them, lists the
holds, one JSON object a line.`)
	name := f.String("config", "", "the configuration `file`")
	session := f.String("session", "", "the opaque `key` of the session")
	person := f.String("person", "", "the opaque `id` of the person")
	sub := f.String("sub", "", "`who` it is, as in the sub of their tokens")
	release := f.Bool("release", false, "release the hold")
	if err := cli.ParseFlags(f, args, 0); err != nil {
		return err
	}
	c, _, err := recordingConfigOf(*name)
	if err != nil {
		return err
	}
	l, err := record.ReadFolder(c.Recording.Dir)
	if err != nil {
		return err
	}
	if *session == "" && *person == "" && *sub == "" {
		holds, err := record.ReadHolds(l)
		if err != nil {
			return err
		}
		return writeLines(t.Out, holds)
	}
	h := record.Hold{Session: *session, Person: *person, Since: time.Now().UTC()}
	if *sub != "" {
		if h.Person, err = personOf(c, *sub, *person); err != nil {
			return err
		}
	}
	if !*release {
		return hold(t, c, l, h)
	}
	changed, err := record.SetHold(l, h, false)
	if err == nil && !changed {
		err = errors.New("there is no such hold: recording hold lists them")
	}
	if err == nil {
		_, err = fmt.Fprintln(t.Out, "released")
	}
	return err
}

// hold holds, and says what: a slip of the pen would else leave to expiry what a court has asked for. A person may be held before
// anything is recorded of them; a session that nobody finds is a wrong key. It counts when the hold is in force: what it counts stays.
func hold(t cli.Terminal, c config.Config, l record.Storage, h record.Hold) error {
	which := selection{session: &h.Session, person: &h.Person}
	before, unreadable, err := listTracks(l, c, which)
	switch {
	case err != nil:
		return err
	case len(before) == 0 && unreadable == 0 && h.Person == "":
		return errors.New("nothing of this session is here, so nothing is held: recording list shows the keys of sessions")
	}
	if _, err := record.SetHold(l, h, true); err != nil {
		return err
	}
	list, _, err := listTracks(l, c, which)
	switch {
	case err != nil:
		return fmt.Errorf("the hold is set, but what it covers cannot be counted: %w", err)
	case segments(list) < segments(before):
		return fmt.Errorf("held: %d tracks, but %d of %d segments were removed while the hold was set: they had expired, or the person was erased",
			len(list), segments(before)-segments(list), segments(before))
	case len(list) == 0:
		_, err = fmt.Fprintln(t.Out, "held; nothing that can be read is recorded of them yet")
		return err
	}
	_, err = fmt.Fprintf(t.Out, "held: %d tracks\n", len(list))
	return err
}

func segments(list []listedTrack) (n int) {
	for _, one := range list {
		n += one.Segments
	}
	return n
}

// personOf returns the opaque id of a sub.
func personOf(c config.Config, sub, person string) (string, error) {
	if (sub == "") == (person == "") {
		return "", errors.New("give --sub or --person")
	}
	if person != "" {
		return person, nil
	}
	key, err := keyfile.ReadSecret(c.Auth.PersonKeyFile, auth.ParsePersonKey)
	if err != nil {
		return "", err
	}
	return key.Person(sub), nil
}

func runRecordingErase(t cli.Terminal, args []string) error {
	f := cli.NewFlags(t, "recording erase", `recording erase --config FILE (--person ID | --sub WHO)

Destroys the erasure key of a person: from then on nobody opens a recording of them, and neither does a backup. Their recordings are removed
too, and what they sent as files in sessions. There is no way back. The receipt goes into the audit log; where the daemon runs, it is asked
to do that, and does it within the hour if it does not answer. Somebody who is being recorded loses that recording as well.`)
	name := f.String("config", "", "the configuration `file`")
	person := f.String("person", "", "the opaque `id` of the person")
	sub := f.String("sub", "", "`who` it is, as in the sub of their tokens")
	if err := cli.ParseFlags(f, args, 0); err != nil {
		return err
	}
	c, source, err := config.Load(*name)
	if err != nil {
		return err
	}
	id, err := personOf(c, *sub, *person)
	if err != nil {
		return err
	}
	m, err := config.LoadSecrets(c, source) // before anything is destroyed: the receipt needs the audit log
	if err != nil {
		return err
	}
	var receipts state.Receipts
	recorded, recordErr := record.ErasureReceipt{}, error(record.ErrNothingRecorded)
	if c.Recording.Enabled() {
		recorded, receipts, recordErr = eraseRecordings(c, id)
	}
	if recorded.ID != "" {
		fmt.Fprintf(t.Out, "erased   %s at %s, with %d segments\nreceipt  %s\n", recorded.Person, recorded.At.Format(time.RFC3339), recorded.Segments, recorded.ID)
	} else if !errors.Is(recordErr, record.ErrNothingRecorded) {
		return recordErr
	}
	files, err := eraseSessions(t, c, m, id, recorded.ID != "", receipts)
	if files > 0 && errors.Is(recordErr, record.ErrNothingRecorded) {
		recordErr = nil
	}
	return errors.Join(err, recordErr)
}

// eraseRecordings erases recordings, cards and journals. receipts hands out what the audit log has to be told.
func eraseRecordings(c config.Config, person string) (r record.ErasureReceipt, receipts state.Receipts, err error) {
	l, err := record.ReadFolder(c.Recording.Dir)
	if err != nil {
		return r, nil, err
	}
	keyring, err := record.OpenKeyring(c.Recording.Keyring(), time.Now)
	if err != nil {
		return r, nil, err
	}
	r, err = record.Erase(l, keyring, person)
	return r, state.ReceiptsOf(keyring), err
}

func runRecordingAdopt(t cli.Terminal, args []string) error {
	f := cli.NewFlags(t, "recording adopt", `recording adopt --config FILE

Writes the second place of the erasure keys (recording.erasure_copy) anew from the first, after the second was lost. Never do this
after the first place was restored from a backup: it would bring back what was erased since.`)
	name := f.String("config", "", "the configuration `file`")
	if err := cli.ParseFlags(f, args, 0); err != nil {
		return err
	}
	c, _, err := recordingConfigOf(*name)
	if err != nil {
		return err
	}
	if err := record.RecreateCopy(c.Recording.Keyring()); err != nil {
		return err
	}
	_, err = fmt.Fprintf(t.Out, "%s holds the erasure keys again\n", c.Recording.ErasureCopy)
	return err
}
