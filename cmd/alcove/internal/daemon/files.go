package daemon

import (
	"context"

	"alcove/cmd/alcove/internal/state"
	"alcove/room/files"
	"alcove/room/live"
	"alcove/room/store"
	"alcove/signaling"
)

// openFiles opens the files of sessions; nil if none are configured.
func (d Daemon) openFiles(index *store.Store, rec *recorder) (*files.Service, error) {
	ctx, cancel := context.WithTimeout(context.Background(), openFilesTimeout)
	defer cancel()
	var clinic files.Clinic
	if rec != nil {
		clinic = clinicPapers{rec}
	}
	return state.OpenFiles(ctx, d.Config, d.Secrets.StoreKey, index, clinic, d.Log)
}

// openRooms restores the sessions of the last run with their files.
func (d Daemon) openRooms(media live.Media, journal *store.Store, metrics *signaling.Metrics, kept *files.Service) *live.Registry {
	cfg := live.Config{
		Policies: d.Secrets.Policies, Media: media, Journal: journal, MaxRooms: d.Config.Limits.Rooms, Log: d.Log, Observe: metrics,
	}
	if kept != nil {
		cfg.Files = kept
	}
	rooms := live.NewRegistry(cfg)
	d.restore(rooms)
	if kept != nil {
		kept.Serve(rooms)
	}
	return rooms
}

// clinicPapers keeps emergency cards and journals beside the recordings, under the same keys.
type clinicPapers struct{ recorder *recorder }

// Recipients implements files.Clinic.
func (c clinicPapers) Recipients() ([]string, error) {
	to, err := c.recorder.config.Recipients()
	return to.Strings(), err
}

// Keep implements files.Clinic.
func (c clinicPapers) Keep(p files.Paper, content []byte) error {
	return c.recorder.keepPaper(p.ID, p.Session, string(p.Person), string(p.Kind), p.At, content)
}
