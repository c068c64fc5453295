package operator

import (
	"flag"
	"fmt"
	"os"

	"alcove/cmd/alcove/internal/config"
	"alcove/cmd/alcove/internal/keyfile"
	"alcove/cmd/alcove/internal/state"
	"alcove/room/audit"
)

// auditFiles say where the audit log is that knows of recordings.
type auditFiles struct{ dir, key, checkpoint *string }

func auditFlags(f *flag.FlagSet) auditFiles {
	return auditFiles{
		dir:        f.String("audit", "", "the `folder` of the audit log (audit.dir); the configuration's if left out"),
		key:        f.String("audit-key", "", "the public key `file` of the audit log ("+keyfile.AuditPublicFile+"); the one in its folder if left out"),
		checkpoint: f.String("checkpoint", "", "the `file` of a checkpoint of the audit log from another place (audit.checkpoint_copy)"),
	}
}

// A logReport is the result of verifying the audit log.
type logReport struct {
	read   bool
	report audit.Report
	damage *audit.Damage // nil: none
}

// tracks reads the entries about tracks; none where no log is named.
func (a auditFiles) tracks(c config.Config) (list []state.TrackEntry, p logReport, err error) {
	dir, checkpoint := *a.dir, *a.checkpoint
	if dir == "" && c.Recording.Enabled() {
		dir = c.Audit.Dir
		if _, err := os.Stat(c.Audit.CheckpointCopy); err == nil && checkpoint == "" {
			checkpoint = c.Audit.CheckpointCopy
		}
	}
	if dir == "" {
		return nil, p, nil
	}
	key, err := readAuditKey(*a.key)
	if err != nil {
		return nil, p, err
	}
	var external []byte
	if checkpoint != "" {
		if external, err = keyfile.ReadLimited(checkpoint, maxCheckpoints); err != nil {
			return nil, p, err
		}
	}
	p.read = true
	list, p.report, err = state.VerifyTracks(dir, key, external)
	p.damage = p.report.Damage
	return list, p, err
}

func (p logReport) describe(tracks int) string {
	switch {
	case !p.read:
		return "not read: name its folder (--audit) to find what was removed or cut"
	case p.damage != nil:
		return "not what was signed, so nothing was compared with it: " + p.damage.String()
	case p.report.Proven < p.report.Entries:
		return fmt.Sprintf("%d tracks compared with %d entries, the last %d of them unproven: a checkpoint from elsewhere (--checkpoint) shows whether more were there", tracks, p.report.Entries, p.report.Entries-p.report.Proven)
	}
	return fmt.Sprintf("%d tracks compared with %d entries, all proven by a checkpoint from elsewhere", tracks, p.report.Entries)
}
