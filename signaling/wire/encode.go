package wire

import (
	"encoding/json"
	"fmt"
	"maps"
	"time"

	"alcove/room"
	"alcove/room/live"
)

// An Object is the data of a frame. Its lists are made by List, so an empty one is [] and never null.
type Object map[string]any

// An ICEServer is an entry of the browser's RTCConfiguration (W3C WebRTC, section 4.2.2).
type ICEServer struct {
	URLs       []string `json:"urls"`
	Username   string   `json:"username,omitempty"`
	Credential string   `json:"credential,omitempty"` // of a TURN server: issued to one participant
}

// An ICEClient is the admitted participant for whom ICE servers are listed.
type ICEClient struct {
	Seat string // live.SessionID
	Host string // the name by which the client reached the server: unverified, for that client alone
}

// events is the closed list of event types.
var events = []string{
	"access.changed", "room.updated", "roster", "participant.joined", "participant.updated", "participant.left", "speakers", "lines",
	"room.ended", "permission.asked", "unmute.asked", "waiting.message", "waiting.list", "waiting.added", "waiting.updated",
	"waiting.removed", "barred.list", "media.ready", "slot.map", "slot.paused", "encodings.wanted", "media.failed",
	"files.changed",
	"e2ee.state", "e2ee.entry", "e2ee.welcome", "e2ee.keys", "e2ee.app",
	"self.updated", "help.raised", "help.replied", "agreement.reminder", "room.warning", "recording.failed", "quality", "server.draining",
}

// EventOf returns the type and the data of the event for a notice, "" if the protocol has none. ice is for media.ready.
func EventOf(n live.Notice, ice []ICEServer) (string, Object) {
	switch n := n.(type) {
	case live.AccessChanged:
		return "access.changed", accessData(n.Self.Access, n.Reason, n.Message, n.Self.Permissions)
	case live.SelfUpdated:
		return "self.updated", selfData(n.Self)
	case live.RoomUpdated:
		return "room.updated", RoomData(n.Room)
	case live.Roster:
		return "roster", Object{"participants": List(n.People, person)}
	case live.PersonJoined:
		return "participant.joined", Object{"participant": person(n.Person)}
	case live.PersonUpdated:
		return "participant.updated", Object{"participant": person(n.Person)}
	case live.PersonLeft:
		return "participant.left", Object{"participantId": n.ID, "reason": n.Reason}
	case live.WaitingList:
		return "waiting.list", Object{"waiting": List(n.Waiting, waiter)}
	case live.WaiterAdded:
		return "waiting.added", Object{"waiter": waiter(n.Waiter)}
	case live.WaiterUpdated:
		return "waiting.updated", Object{"waiter": waiter(n.Waiter)}
	case live.WaiterRemoved:
		return "waiting.removed", Object{"participantId": n.ID}
	case live.BarredList:
		return "barred.list", Object{"barred": List(n.Barred, barred)}
	case live.MediaReady:
		return "media.ready", mediaReady(n, ice)
	case live.SlotMap:
		return "slot.map", Object{"slots": List(n.Slots, slotOwner)}
	case live.SlotsPaused:
		return "slot.paused", Object{"paused": List(n.Publications, pausedSlot)}
	case live.EncodingsWanted:
		return "encodings.wanted", Object{"source": n.Source, "rids": List(n.RIDs, identity)}
	case live.HandshakeFailed:
		return "media.failed", Object{"participantId": n.Participant, "code": n.Code}
	case live.Speakers:
		return "speakers", Object{"participantIds": List(n.IDs, identity)}
	case live.Lines:
		return "lines", Object{"lines": List(n.Lines, line)}
	case live.EffectNotice:
		return effectEvent(n.Effect)
	case live.GroupState:
		return "e2ee.state", groupState(n)
	case live.KeyPackageGiven:
		return "e2ee.keys", keyPackage(n)
	case live.FilesChanged:
		return "files.changed", Object{}
	case live.RoomEnded:
		return "room.ended", Object{"reason": n.Reason}
	}
	return "", nil
}

func effectEvent(e room.Effect) (string, Object) {
	switch e := e.(type) {
	case room.ScreenRequested:
		return "permission.asked", Object{"participantId": e.Participant, "permission": room.Screen}
	case room.HelpRequested:
		return "help.raised", Object{"participantId": e.Participant}
	case room.HelpReplied:
		return "help.replied", Object{"participantId": e.Participant, "text": e.Text}
	case room.AgreementShown:
		return "agreement.reminder", Object{"texts": List(e.Texts, agreedText)}
	case room.Warning:
		return "room.warning", Object{"minutes": e.Minutes}
	case room.RecorderFailed:
		return "recording.failed", Object{"reason": e.Fault}
	case room.QualityWarned:
		o := Object{"participantId": e.Participant, "source": e.Source, "reason": "rate", "withheld": e.Withheld}
		if e.Taken {
			o["taken"] = true
		}
		return "quality", o
	case room.EntrySent:
		return "e2ee.entry", groupEntry(e.Entry)
	case room.WelcomeSent:
		return "e2ee.welcome", groupWelcome(e.To, e.Entry)
	case room.GroupMessageSent:
		return "e2ee.app", groupMessage(e)
	case room.UnmuteAsked:
		return "unmute.asked", Object{"source": e.Source}
	case room.MessageSent:
		from := "waiting"
		if e.FromHost {
			from = "host"
		}
		return "waiting.message", Object{"from": from, "participantId": e.Waiter, "text": e.Text}
	}
	return "", nil
}

func accessData(state room.Access, reason, message string, permissions []room.Permission) Object {
	o := Object{"state": state, "permissions": List(permissions, identity)}
	if reason != "" {
		o["reason"] = reason
	}
	if message != "" {
		o["message"] = message
	}
	return o
}

func person(p room.PersonView) Object {
	o := Object{
		"id": p.ID, "displayName": p.DisplayName, "role": p.Role, "connected": p.Connected, "handRaised": p.HandRaised,
		"verified": p.Verified, "away": p.Away, "grants": sources(p.Overrides, room.Given), "taken": sources(p.Overrides, room.Taken),
		"publications": List(p.Publications, publication),
	}
	if !p.HandRaisedAt.IsZero() {
		o["handRaisedAt"] = p.HandRaisedAt.UnixMilli()
	}
	if p.AwayMessage != "" {
		o["awayMessage"] = p.AwayMessage
	}
	if p.VerifiedName != "" {
		o["verifiedName"] = p.VerifiedName
	}
	if p.HelpRaised {
		o["helpRaised"] = true
	}
	if p.Media.AES128 {
		o["aes128"] = true
	}
	if p.Media.Failure != "" {
		o["mediaFailed"] = p.Media.Failure
	}
	return o
}

func publication(p room.Publication) Object {
	return Object{"id": p.ID, "source": p.Source, "muted": p.Muted, "csrc": p.CSRC}
}

func line(l live.Line) Object {
	level := "weak"
	if l.Lost {
		level = "lost"
	}
	return Object{"participantId": l.Participant, "level": level}
}

func waiter(w room.WaiterView) Object {
	o := Object{
		"participantId": w.ID, "displayName": w.DisplayName, "since": w.Since.UnixMilli(), "returning": w.Returning,
		"connected": w.Connected, "verified": w.Verified, "needs": NeedNames(w.Needs),
	}
	if w.HelpRaised {
		o["helpRaised"] = true
	}
	if w.VerifiedName != "" {
		o["verifiedName"] = w.VerifiedName
	}
	return o
}

func barred(b room.BarView) Object {
	return Object{"participantId": b.ID, "displayName": b.DisplayName}
}

func slotOwner(s live.SlotOwner) Object {
	return Object{"kind": s.Kind, "index": s.Index, "publicationId": s.Publication, "participantId": s.Participant, "csrc": s.CSRC}
}

func simulcast() []Object {
	var out []Object
	for _, e := range cameraEncodings {
		out = append(out, Object{
			"rid": e.rid, "scaleResolutionDownBy": e.scale, "maxBitrate": e.bitrate, "maxFramerate": cameraFramerate,
		})
	}
	return out
}

// MaxBitrates returns the bitrates in bit/s that media.ready allows for the encodings of a video source, the lowest first.
func MaxBitrates(s room.Source) (bits []int) {
	switch s {
	case room.Camera:
		for _, e := range cameraEncodings {
			bits = append(bits, e.bitrate)
		}
	case room.Screen:
		bits = append(bits, screenBitrate)
	}
	return bits
}

func mediaReady(m live.MediaReady, ice []ICEServer) Object {
	return Object{
		"generation": m.Generation,
		"iceServers": List(ice, identity),
		"slots":      Object{"pairs": m.Pairs, "screens": m.Screens},
		"codecs":     Object{"audio": []string{"opus"}, "video": []string{"VP8"}},
		"encodings": Object{
			"microphone": []Object{{"maxBitrate": microphoneBitrate}},
			"camera":     simulcast(),
			"screen":     []Object{{"maxBitrate": screenBitrate, "maxFramerate": screenFramerate}},
		},
	}
}

// WelcomeData returns the data of the answer to hello. pingMs is the interval of pings in ms.
func WelcomeData(w live.Welcome, pingMs int64) Object {
	o := Object{
		"sessionId": w.Session, "resumeSecret": w.Secret.Reveal(), "participantId": w.Self.ID, "state": w.Self.Access,
		"role": w.Self.Role, "permissions": List(w.Self.Permissions, identity), "pingMs": pingMs,
		"resumeMs": w.Policy.ResumeWindow.Milliseconds(), "waitingResumeMs": w.Policy.WaitingWindow().Milliseconds(),
		"policy": Object{"name": w.Policy.Name, "recording": recordingRule(w.Policy), "scopes": List(w.Policy.Consents, scopeOf), "screenForAll": w.Policy.ScreenForAll,
			"e2ee": w.Policy.E2EE.String(), "chat": reachName(w.Policy.Chat), "files": reachName(w.Policy.Files), "clinicPapers": w.Policy.ClinicPapers,
			"verify": w.Policy.Verify, "hostGraceMs": w.Policy.HostGrace.Milliseconds()},
	}
	maps.Copy(o, selfData(w.Self))
	return o
}

// recordingRule names the people whose consent a recording needs.
func recordingRule(p room.Policy) string {
	if p.Recording == room.NoRecording {
		return "never"
	}
	return string(p.Recording)
}

// OutcomeData returns the data of the answer to waiting.admit.
func OutcomeData(o room.Outcome) Object {
	return Object{"admitted": List(o.Admitted, identity), "refused": List(o.Refused, func(r room.Refusal) Object {
		return Object{"participantId": r.Participant, "code": r.Code}
	})}
}

// AnswerData returns the data of the answer to media.offer.
func AnswerData(a live.Answer) Object {
	return Object{"sdp": a.SDP, "slots": List(a.Slots, func(s live.Slot) Object {
		return Object{"mid": s.MID, "kind": s.Kind, "index": s.Index}
	})}
}

// List converts a slice; the result is never nil.
func List[T, U any](in []T, each func(T) U) []U {
	out := make([]U, 0, len(in))
	for _, x := range in {
		out = append(out, each(x))
	}
	return out
}

func identity[T any](x T) T { return x }

// EncodeAnswer encodes an answer: f if it is not nil, else data.
func EncodeAnswer(id string, data Object, f *Failure) []byte {
	frame := struct {
		ID    string   `json:"id"`
		OK    bool     `json:"ok"`
		Data  Object   `json:"data,omitzero"`
		Error *Failure `json:"error,omitempty"`
	}{ID: id, OK: f == nil, Data: data, Error: f}
	if f == nil && data == nil {
		frame.Data = Object{}
	}
	return MustJSON(frame)
}

// EncodeEvent encodes an event. seq counts the events of the connection from 1.
func EncodeEvent(seq uint64, at time.Time, kind string, data Object) []byte {
	return fmt.Appendf(nil, `{"seq":%d,"type":%q,"ts":%d,"data":%s}`, seq, kind, at.UnixMilli(), MustJSON(data))
}

// DrainingData returns the data of server.draining: the time of the stop, or the zero time once the stop was called off.
func DrainingData(stopsAt time.Time) Object {
	if stopsAt.IsZero() {
		return Object{"draining": false}
	}
	return Object{"draining": true, "stopsAt": Millis(stopsAt)}
}

// MustJSON encodes a value of the server's own types. A failure is a bug, so it panics.
func MustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// selfData returns the names, the requirements and the consents of a participant and their side room: the data of self.updated, and a
// part of the answer to hello.
func selfData(s room.Self) Object {
	o := Object{
		"needs": NeedNames(s.Needs), "agreement": List(s.Agreement, agreedText), "consents": List(s.Consents, consent),
		"helpRaised": s.HelpRaised,
	}
	if s.SideRoom != "" {
		o["sideRoom"] = s.SideRoom
	}
	if s.DisplayName != "" {
		o["displayName"] = s.DisplayName
	}
	if s.VerifiedName != "" {
		o["verifiedName"] = s.VerifiedName
	}
	return o
}

// NeedNames lists the unmet requirements of admission in the order in which people can meet them.
func NeedNames(n room.Needs) []string {
	out := []string{}
	for _, one := range []struct {
		unmet bool
		name  string
	}{{n.MFA, "mfa"}, {n.Passcode, "passcode"}, {n.Agreement, "agreement"}, {n.Verification, "verification"}} {
		if one.unmet {
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
	if len(c.Recipients) > 0 {
		o["recipients"] = c.Recipients
	}
	return o
}

// RoomData returns the data of room.updated.
func RoomData(r room.RoomView) Object {
	o := Object{
		"name": r.Name, "locked": r.Locked, "absenceLock": r.AbsenceLock, "hostAbsent": r.HostAbsent, "recording": r.Recording,
	}
	if !r.EndsAt.IsZero() {
		o["endsAt"], o["endsFor"] = Millis(r.EndsAt), r.EndsFor
	}
	return o
}

// Millis returns a time as the protocol writes it: in ms since 1970.
func Millis(t time.Time) int64 { return t.UnixMilli() }

// sources lists the sources with this override in the order of the protocol.
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

// FinalAccess returns the data of the last access.changed of a seat that ended, nil if there is none.
func FinalAccess(c room.Closing) Object {
	switch c.Access {
	case room.Denied, room.Removed, room.Left, room.Ended:
		return accessData(c.Access, c.Reason, c.Message, nil)
	}
	return nil
}

// pausedSlot names a publication that is not sent, and why.
func pausedSlot(id room.PublicationID) any {
	return Object{"publicationId": id, "reason": "bandwidth"}
}
