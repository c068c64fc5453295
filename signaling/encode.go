package signaling

import (
	"encoding/json"
	"maps"

	"alcove/room"
	"alcove/room/live"
)

// object is the data of a frame. Every list in it is made with list, so that an empty one is [] and never null.
type Object map[string]any

// An ICEServer is an entry of the browser's RTCConfiguration (W3C WebRTC, section 4.2.2).
type ICEServer struct {
	URLs       []string `json:"urls"`
	Username   string   `json:"username,omitempty"`
	Credential string   `json:"credential,omitempty"` // of a relay: made for one participant
}

// An ICEClient is who is told of ICE servers: a seat that is admitted.
type ICEClient struct {
	Seat string // its live.SessionID
	Host string // what the client called us by: its claim, for it alone
}

// events is the closed list of what the server tells.
var events = []string{
	"access.changed", "room.updated", "roster", "participant.joined", "participant.updated", "participant.left", "speakers",
	"room.ended", "permission.asked", "unmute.asked", "waiting.message", "waiting.list", "waiting.added", "waiting.updated",
	"waiting.removed", "barred.list", "media.ready", "slot.map", "encodings.wanted", "media.failed",
	"self.updated", "help.raised", "agreement.reminder", "room.warning", "recording.failed", "quality", "server.draining",
}

// encodeNotice gives the type and the data of the event that tells n, "" for a notice that the protocol does not know.
func EventOf(n live.Notice, ice []ICEServer) (string, Object) {
	switch n := n.(type) {
	case live.AccessChanged:
		return "access.changed", access(n.Self.Access, n.Reason, n.Message, n.Self.Permissions)
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
	case live.EncodingsWanted:
		return "encodings.wanted", Object{"source": n.Source, "rids": List(n.RIDs, identity)}
	case live.HandshakeFailed:
		return "media.failed", Object{"participantId": n.Participant, "code": n.Code}
	case live.Speakers:
		return "speakers", Object{"participantIds": List(n.IDs, identity)}
	case live.EffectNotice:
		return effectEvent(n.Effect)
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

func access(state room.Access, reason, message string, permissions []room.Permission) Object {
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
	if p.VerifiedName != "" {
		o["verifiedName"] = p.VerifiedName
	}
	if p.HelpRaised {
		o["helpRaised"] = true
	}
	return o
}

func publication(p room.Publication) Object {
	return Object{"id": p.ID, "source": p.Source, "muted": p.Muted, "csrc": p.CSRC}
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

// Allowed is what senders of a source of pictures are told in media.ready, in bit/s of each encoding, the lowest first.
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

// The data of answers.

func WelcomeData(w live.Welcome, pingMs int64) Object {
	o := Object{
		"sessionId": w.Session, "resumeSecret": w.Secret.Reveal(), "participantId": w.Self.ID, "state": w.Self.Access,
		"role": w.Self.Role, "permissions": List(w.Self.Permissions, identity), "pingMs": pingMs,
		"resumeMs": w.Policy.ResumeWindow.Milliseconds(), "waitingResumeMs": w.Policy.WaitingWindow().Milliseconds(),
		"policy": Object{"name": w.Policy.Name, "recording": recordingRule(w.Policy), "scopes": List(w.Policy.Consents, scopeOf), "screenForAll": w.Policy.ScreenForAll},
	}
	maps.Copy(o, selfData(w.Self))
	return o
}

// recordingRule names whose consent a recording needs.
func recordingRule(p room.Policy) string {
	if p.Recording == room.NoRecording {
		return "never"
	}
	return string(p.Recording)
}

func OutcomeData(o room.Outcome) Object {
	return Object{"admitted": List(o.Admitted, identity), "refused": List(o.Refused, func(r room.Refusal) Object {
		return Object{"participantId": r.Participant, "code": r.Code}
	})}
}

func AnswerData(a live.Answer) Object {
	return Object{"sdp": a.SDP, "slots": List(a.Slots, func(s live.Slot) Object {
		return Object{"mid": s.MID, "kind": s.Kind, "index": s.Index}
	})}
}

func List[T, U any](in []T, each func(T) U) []U {
	out := make([]U, 0, len(in))
	for _, x := range in {
		out = append(out, each(x))
	}
	return out
}

func identity[T any](x T) T { return x }

// encodeAnswer makes the answer frame: data, or failure if it is not nil.
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

// mustJSON encodes types of ours, which cannot fail.
func MustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}
