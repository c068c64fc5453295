package daemon

import (
	"context"
	"fmt"
	"time"

	"alcove/room/files"
	"alcove/room/live"
	"alcove/room/store"
	"alcove/signaling"
)

// openFiles opens the files of sessions; nil if none are configured.
func (d Daemon) openFiles(index *store.Store, rec *recorder) (*files.Service, error) {
	if d.Config.Files.Dir == "" {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), openFilesTimeout)
	defer cancel()
	cfg := files.Config{
		Dir: d.Config.Files.Dir, Index: index, Key: d.Secrets.StoreKey.Derive("file credentials"), Limits: d.Config.Files.Limits(), Now: time.Now, Log: d.Log,
	}
	if rec != nil {
		cfg.Clinic = clinicPapers{rec}
	}
	f, err := files.Open(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("cannot open files.dir: %w", err)
	}
	return f, nil
}

// openRooms restores the sessions of the last run, and opens their files.
func (d Daemon) openRooms(media live.Media, journal *store.Store, metrics *signaling.Metrics, rec *recorder) (*live.Registry, *files.Service, error) {
	kept, err := d.openFiles(journal, rec)
	if err != nil {
		return nil, nil, err
	}
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
	return rooms, kept, nil
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
