package session

import (
	"context"
	"testing"
	"time"

	"alcove/auth"
	"alcove/room"
	"alcove/room/files"
	"alcove/room/live"
	"alcove/signaling/internal/wiretest"
	"alcove/signaling/wire"
)

// noIndex forgets at once.
type noIndex struct{}

func (noIndex) SaveFiles(context.Context, map[string][]byte, []string, []room.Entry) error {
	return nil
}
func (noIndex) LoadFiles(context.Context, func([]byte) error) error { return nil }

func openFiles(t *testing.T) *files.Service {
	t.Helper()
	limits := files.DefaultLimits
	limits.MinFree = 0
	f, err := files.Open(t.Context(), files.Config{Dir: t.TempDir(), Index: noIndex{}, Key: make([]byte, 32), Limits: limits, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestFilesAreAnnouncedAndTold(t *testing.T) {
	h := newTestServer(t, func(c *Config, svc *Service) {
		if svc == nil {
			policy := room.Policy{Name: "default", MaxParticipants: 20, MaxWaiting: 20, ResumeWindow: time.Minute, Files: room.ReachHosts}
			c.Files = openFiles(t)
			c.Rooms = live.NewRegistry(live.Config{Policies: map[string]room.Policy{"default": policy}, Media: wiretest.Media{}, Files: c.Files})
			c.Files.Serve(c.Rooms)
		}
	})
	boss := h.enter(hostToken)
	ann := h.enter("tuesday|participant|ann|ann")
	ann.Refused("file.access", nil, room.NotAdmitted)
	ann.Refused("file.create", wire.Object{"size": 10, "to": []string{boss.Welcome.ParticipantID}, "sealed": "c2VhbGVk"}, room.NotAdmitted)
	boss.Do("waiting.admit", wire.Object{"participantIds": "*"})
	ann.WaitFor("access.changed")
	access := boss.Do("file.access", nil).Data
	seat, ok := h.svc.cfg.Files.SeatOf(auth.NewSecret(access["credential"].(string)))
	if !ok || string(seat.Participant) != boss.Welcome.ParticipantID {
		t.Fatalf("the credential is of %v", seat)
	}
	made := boss.Do("file.create", wire.Object{"size": 3, "to": []string{ann.Welcome.ParticipantID}, "sealed": "c2VhbGVk", "afterSession": true})
	id := made.Data["fileId"].(string)
	if _, err := h.svc.cfg.Files.Upload(t.Context(), seat, id, 0, []byte("abc")); err != nil {
		t.Fatal(err)
	}
	boss.WaitFor("files.changed")
	ann.WaitFor("files.changed")
	ann.Refused("file.withdraw", wire.Object{"fileId": id}, room.TargetNotFound)
	boss.Do("file.withdraw", wire.Object{"fileId": id})
	ann.WaitFor("files.changed")
}

func TestWithoutFilesTheyAreForbidden(t *testing.T) {
	h := newTestServer(t, nil)
	boss := h.enter(hostToken)
	for kind, data := range map[string]wire.Object{
		"file.access": {}, "file.withdraw": {"fileId": "x"}, "file.create": {"size": 3, "to": []string{"a"}, "sealed": "c2VhbGVk"},
	} {
		boss.Refused(kind, data, room.Forbidden)
	}
}
