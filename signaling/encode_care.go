package signaling

import (
	"time"

	"alcove/room"
)

// care is what a participant is told of what is asked of them and where they are: part of the welcome, and self.updated.
func selfData(s room.Self) Object {
	o := Object{
		"needs": NeedNames(s.Needs), "agreement": List(s.Agreement, agreedText), "consents": List(s.Consents, consent),
		"helpRaised": s.HelpRaised,
	}
	if s.SideRoom != "" {
		o["sideRoom"] = s.SideRoom
	}
	return o
}

// needs lists what stands before admission, in the order in which people can do it.
func NeedNames(n room.Needs) []string {
	out := []string{}
	for _, one := range []struct {
		stands bool
		name   string
	}{{n.MFA, "mfa"}, {n.Passcode, "passcode"}, {n.Agreement, "agreement"}, {n.Verification, "verification"}} {
		if one.stands {
			out = append(out, one.name)
		}
	}
	return out
}

func agreedText(t room.Text) Object {
	return Object{"id": t.ID, "version": t.Version, "locale": t.Locale, "text": t.Text, "textHash": t.Hash}
}

func consent(c room.ConsentView) Object {
	o := Object{"scope": c.Scope, "purpose": c.Purpose, "texts": List(c.Texts, agreedText)}
	if c.Answer != "" {
		o["decision"] = c.Answer
	}
	return o
}

func RoomData(r room.RoomView) Object {
	o := Object{
		"name": r.Name, "locked": r.Locked, "absenceLock": r.AbsenceLock, "hostAbsent": r.HostAbsent, "recording": r.Recording,
	}
	if !r.EndsAt.IsZero() {
		o["endsAt"], o["endsFor"] = Millis(r.EndsAt), r.EndsFor
	}
	return o
}

func Millis(t time.Time) int64 { return t.UnixMilli() }

// sources lists those with this override, in the order of the protocol.
func sources(o room.Overrides, v room.Override) []room.Source {
	out := []room.Source{}
	for _, s := range []room.Source{room.Microphone, room.Camera, room.Screen} {
		if o.Of(s) == v {
			out = append(out, s)
		}
	}
	return out
}

func scopeOf(f room.ConsentForm) room.Scope { return f.Scope }
