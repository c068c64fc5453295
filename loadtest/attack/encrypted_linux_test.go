package attack

import (
	"context"
	"testing"

	"alcove/auth"
	"alcove/loadtest/client"
)

// TestEncryptedRoom checks that an end-to-end encrypted room forwards frames that the server cannot read, and that its group changes at
// each join and leave. Clients without support, and tokens for the other mode, are refused.
func TestEncryptedRoom(t *testing.T) {
	d := NewDaemon(t, "policies: {default: {e2ee: required}}")
	voice, face := client.Microphone(), client.Camera()
	who := func(name string, role auth.Role) client.Persona {
		return client.Persona{Room: "sealed", Subject: name, Name: name, Role: role, Light: true, Audio: &voice, Video: &face}
	}
	enter := func(p client.Persona) error {
		m := client.NewMember(d.env, client.NewGroup(), p, nil)
		defer m.Vanish()
		ctx, cancel := context.WithTimeout(t.Context(), eventuallyTimeout)
		defer cancel()
		return m.Enter(ctx)
	}
	if code := client.Code(enter(who("old", auth.Host))); code != "e2ee_required" {
		t.Errorf("a client without end-to-end encryption: %q", code)
	}
	d.Encrypt()
	host := d.Enter(t, who("host", auth.Host))
	mara, jonas := d.Enter(t, who("mara", auth.Participant)), d.Enter(t, who("jonas", auth.Participant))
	accepted := func(kind string) int {
		return int(d.Metric(t, "alcove_messages_total", `type="e2ee.`+kind+`"`, `result="ok"`))
	}
	Eventually(t, "the group is made and both are added", func() bool { return accepted("create") == 1 && accepted("commit") >= 2 })
	for _, viewer := range []*Client{host, mara, jonas} {
		Eventually(t, "sealed frames arrive whole", func() bool {
			audio, video := viewer.Group.Take()
			return audio.Packets > 50 && video.Frames > 20 && video.KeyFrames > 0 && audio.Foreign+video.Foreign == 0
		})
		Eventually(t, "everybody is told each entry", func() bool { return viewer.Entries() > 0 })
	}
	before := accepted("commit")
	if err := jonas.Leave(t.Context()); err != nil {
		t.Fatal(err)
	}
	Eventually(t, "the group changes when one leaves", func() bool { return accepted("commit") > before })
	if n := d.Metric(t, "alcove_encrypted_rooms"); n != 1 {
		t.Errorf("%v encrypted rooms", n)
	}
	plain := NewDaemon(t, "")
	plain.Encrypt()
	d = plain
	if code := client.Code(enter(who("host", auth.Host))); code != "policy_mismatch" {
		t.Errorf("a token that promises encryption, in a room without: %q", code)
	}
}
