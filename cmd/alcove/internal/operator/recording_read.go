package operator

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"alcove/cmd/alcove/internal/cli"
	"alcove/cmd/alcove/internal/config"
	"alcove/cmd/alcove/internal/keyfile"
	"alcove/cmd/alcove/internal/state"
	"alcove/sfu/record"
)

// A listedTrack is a line of recording list.
type listedTrack struct {
	Track    string    `json:"track"`
	Started  time.Time `json:"started"`
	Session  string    `json:"session"`
	Person   string    `json:"person"`
	Source   string    `json:"source"`
	Class    string    `json:"class"`
	Segments int       `json:"segments"`
	Held     bool      `json:"held"`
	Expires  string    `json:"expires,omitempty"` // RFC 3339; "never"; empty without a configuration that has the class
}

func runRecordingList(t cli.Terminal, args []string) error {
	f := cli.NewFlags(t, "recording list", `recording list (--config FILE | --dir FOLDER) [--session KEY] [--person ID] [--json]

Lists tracks as their headers describe them. It needs no key, and so has verified nothing. All ids are opaque.`)
	which := newSelection(f)
	asJSON := f.Bool("json", false, "write one JSON object a line")
	if err := cli.ParseFlags(f, args, 0); err != nil {
		return err
	}
	l, c, err := which.open()
	if err != nil {
		return err
	}
	list, unreadable, err := listTracks(l, c, which)
	if err != nil {
		return err
	}
	if *asJSON {
		return writeLines(t.Out, list)
	}
	w := tabwriter.NewWriter(t.Out, 0, 0, 2, ' ', 0)
	if len(list) > 0 {
		fmt.Fprintln(w, "BEGAN\tSESSION\tPERSON\tSOURCE\tCLASS\tSEGMENTS\tEXPIRES\tHELD")
	}
	for _, one := range list {
		held := ""
		if one.Held {
			held = "held"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%d segments\t%s\t%s\n", one.Started.Format(time.RFC3339), one.Session, one.Person, one.Source, one.Class, one.Segments, one.Expires, held)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err = fmt.Fprintf(t.Out, "%d tracks, %d files that cannot be read\n", len(list), unreadable)
	return err
}

func listTracks(l record.Storage, c config.Config, which selection) (list []listedTrack, unreadable int, err error) {
	holds, err := record.ReadHolds(l)
	if err != nil {
		return nil, 0, err
	}
	all, err := record.List(l)
	if err != nil {
		return nil, 0, err
	}
	classes := c.Recording.RetentionClasses()
	for _, one := range all {
		h := one.Header
		switch last := len(list) - 1; {
		case one.Err != nil:
			unreadable++
		case !which.matches(h):
		case last >= 0 && list[last].Track == h.Track:
			list[last].Segments++
		default:
			line := listedTrack{h.Track, h.Started, h.Session, h.Person, h.Source, h.Class, 1, holds.Covers(h), ""}
			if keep, known := classes[h.Class]; known && keep == 0 {
				line.Expires = "never"
			} else if known {
				line.Expires = h.Started.Add(keep).Format(time.RFC3339)
			}
			list = append(list, line)
		}
	}
	return list, unreadable, nil
}

func runRecordingVerify(t cli.Terminal, args []string) error {
	f := cli.NewFlags(t, "recording verify", `recording verify (--config FILE | --dir FOLDER) --identity FILE [--erasure-keys FILE] [--audit FOLDER] [--session KEY] [--person ID] [--json]

Opens every record and names those that are damaged, missing, reordered, repeated or of another file. A recording that ends without
its last record is incomplete: after a crash, or while it is made. The audit log knows which tracks began and how many records each
ended with, so that what was removed, emptied or cut is named, too; with --dir it is read where --audit says. Of an end-to-end encrypted
session it opens each frame with the keys that people released, and counts those that opened, those without a released key, such as
after a withdrawal, and those that were forged. Exits with 1 if anything was changed, removed, cut, forged or put elsewhere, or the audit
log is not what was signed.`)
	which, keys, log := newSelection(f), newOpenerFlags(f), auditFlags(f)
	asJSON := f.Bool("json", false, "write JSON")
	if err := cli.ParseFlags(f, args, 0); err != nil {
		return err
	}
	l, o, c, err := which.openWith(keys)
	if err != nil {
		return err
	}
	bar := newProgressBar(t.Err, "segments")
	r, err := o.Verify(l, which.matches, bar.progress)
	bar.end()
	if err != nil {
		return err
	}
	proof, err := log.compare(&r, o, c, which.matches)
	if err != nil {
		return err
	}
	if err := writeVerified(t.Out, r, proof, *asJSON); err != nil {
		return err
	}
	switch {
	case proof.damage != nil:
		return errors.New("the audit log is not what was signed: alcove audit verify says more")
	case !r.Intact():
		return errors.New("recordings are not what was written")
	case len(r.Tracks) == 0 && r.Closed > 0:
		return errors.New("nothing could be opened, so nothing is known")
	}
	return nil
}

// compare adds to a report the recordings that the audit log lists and the folder lacks.
func (a auditFiles) compare(r *record.Report, o *record.Opener, c config.Config, choose func(record.Header) bool) (logReport, error) {
	list, proof, err := a.tracks(c)
	if err == nil && proof.read && proof.damage == nil {
		r.Compare(o, state.LoggedTracks(list), choose)
	}
	return proof, err
}

func writeVerified(w io.Writer, r record.Report, proof logReport, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(r)
	}
	var b strings.Builder
	for _, t := range r.Tracks {
		state := "complete"
		if !t.Complete {
			state = "incomplete"
		}
		fmt.Fprintf(&b, "%-10s  %s  %s  %s  %s: %d segments, %d records, %d packets%s\n", state, t.Session, t.Person, t.Source, t.Track, t.Segments, t.Records, t.Units, framesText(t.Frames))
	}
	for _, p := range r.Problems {
		b.WriteString(problemLine(p) + "\n")
	}
	fmt.Fprintf(&b, "log         %s\n", proof.describe(r.Logged))
	switch {
	case r.Intact() && proof.damage != nil:
	case r.Intact() && r.Closed > 0:
		fmt.Fprintf(&b, "unknown     %d segments cannot be opened; of the others nothing was changed or put elsewhere\n", r.Closed)
	case r.Intact() && len(r.Problems) == 0:
		b.WriteString("fine        nothing was changed, removed or put elsewhere\n")
	case r.Intact() && proof.read:
		b.WriteString("fine        nothing was changed, removed, cut or put elsewhere; what is incomplete may have crashed, or still be recorded\n")
	case r.Intact():
		b.WriteString("fine        nothing was changed or put elsewhere; what is incomplete may have crashed, still be recorded, or have lost its end\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// framesText describes the frames of an end-to-end encrypted track, "" for any other.
func framesText(c *record.FrameCounts) string {
	if c == nil {
		return ""
	}
	return fmt.Sprintf("; %d frames opened, %d without a released key, %d forged", c.Opened, c.Unreleased, c.Forged)
}

func problemLine(p record.Problem) string {
	line := fmt.Sprintf("%-10s  %s", p.Finding, p.Segment)
	if p.Track != "" {
		line = fmt.Sprintf("%-10s  track %s", p.Finding, p.Track)
	}
	if p.Record >= 0 {
		line += fmt.Sprintf(", record %d", p.Record)
	}
	if p.Detail != "" {
		line += ": " + p.Detail
	}
	return line
}

func runRecordingExport(t cli.Terminal, args []string) error {
	f := cli.NewFlags(t, "recording export", `recording export (--config FILE | --dir FOLDER) --identity FILE [--erasure-keys FILE] --out FOLDER [--session KEY] [--person ID]

Writes one WebM file for each person of each session. The files of a session begin at the same moment; where nothing was recorded, or
what was is damaged, there is a gap. What it writes is not encrypted any more.`)
	which, keys := newSelection(f), newOpenerFlags(f)
	out := f.String("out", "", "the `folder` to write to; it is made if it does not exist, and nothing in it is overwritten")
	if err := cli.ParseFlags(f, args, 0); err != nil {
		return err
	}
	if *out == "" {
		return errors.New("give --out FOLDER")
	}
	l, o, _, err := which.openWith(keys)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(*out, keyfile.ModeFolder); err != nil {
		return err
	}
	root, err := os.OpenRoot(*out)
	if err != nil {
		return err
	}
	defer root.Close()
	bar := newProgressBar(t.Err, "segments")
	x := record.Exporter{
		Opener: o, Storage: l, Filter: which.matches, Progress: bar.progress,
		Create: func(session, person string) (record.WriteSeekCloser, error) {
			return root.OpenFile(exportName(session, person), os.O_WRONLY|os.O_CREATE|os.O_EXCL, keyfile.ModeSecret)
		},
		OnProblem: func(p record.Problem) {
			bar.end()
			fmt.Fprintln(t.Err, problemLine(p))
		},
	}
	list, err := x.Export()
	bar.end()
	for _, e := range list {
		fmt.Fprintf(t.Out, "%s  %s from %s on\n", exportName(e.Session, e.Person), e.Length.Round(time.Millisecond), e.Zero.Format(time.RFC3339))
	}
	if err == nil && len(list) == 0 {
		err = errors.New("there is nothing to export: recording list shows the keys of sessions and the ids of people")
	}
	return err
}

// exportName is of opaque ids, and of nothing that a file system could mistake.
func exportName(session, person string) string {
	plain := func(r rune) rune {
		if r == '-' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '_'
	}
	return strings.Map(plain, session) + "." + strings.Map(plain, person) + ".webm"
}
