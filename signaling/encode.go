package signaling

import (
	"encoding/json"
	"maps"

	"alcove/room"
	"alcove/room/live"
)

// object is the data of a frame. Every list in it is made with list, so that an empty one is [] and never null.
type object map[string]any

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
func encodeNotice(n live.Notice, ice []ICEServer) (string, object) {
	switch n := n.(type) {
	case live.AccessChanged:
		return "access.changed", access(n.Self.Access, n.Reason, n.Message, n.Self.Permissions)
	case live.SelfUpdated:
		return "self.updated", care(n.Self)
	case live.RoomUpdated:
		return "room.updated", roomState(n.Room)
	case live.Roster:
		return "roster", object{"participants": list(n.People, person)}
	case live.PersonJoined:
		return "participant.joined", object{"participant": person(n.Person)}
	case live.PersonUpdated:
		return "participant.updated", object{"participant": person(n.Person)}
	case live.PersonLeft:
		return "participant.left", object{"participantId": n.ID, "reason": n.Reason}
	case live.WaitingList:
		return "waiting.list", object{"waiting": list(n.Waiting, waiter)}
	case live.WaiterAdded:
		return "waiting.added", object{"waiter": waiter(n.Waiter)}
	case live.WaiterUpdated:
		return "waiting.updated", object{"waiter": waiter(n.Waiter)}
	case live.WaiterRemoved:
		return "waiting.removed", object{"participantId": n.ID}
	case live.BarredList:
		return "barred.list", object{"barred": list(n.Barred, barred)}
	case live.MediaReady:
		return "media.ready", mediaReady(n, ice)
	case live.SlotMap:
		return "slot.map", object{"slots": list(n.Slots, slotOwner)}
	case live.EncodingsWanted:
		return "encodings.wanted", object{"source": n.Source, "rids": list(n.RIDs, same)}
	case live.HandshakeFailed:
		return "media.failed", object{"participantId": n.Participant, "code": n.Code}
	case live.Speakers:
		return "speakers", object{"participantIds": list(n.IDs, same)}
	case live.Words:
		return encodeWords(n.Effect)
	case live.RoomEnded:
		return "room.ended", object{"reason": n.Reason}
	}
	return "", nil
}

func encodeWords(e room.Effect) (string, object) {
	switch e := e.(type) {
	case room.Asked:
		return "permission.asked", object{"participantId": e.Participant, "permission": room.Screen}
	case room.HelpSignalled:
		return "help.raised", object{"participantId": e.Participant}
	case room.Reminded:
		return "agreement.reminder", object{"texts": list(e.Texts, agreedText)}
	case room.Warning:
		return "room.warning", object{"minutes": e.Minutes}
	case room.RecorderFailed:
		return "recording.failed", object{"reason": e.Fault}
	case room.QualityWarned:
		o := object{"participantId": e.Participant, "source": e.Source, "reason": "rate", "withheld": e.Withheld}
		if e.Taken {
			o["taken"] = true
		}
		return "quality", o
	case room.UnmuteAsked:
		return "unmute.asked", object{"source": e.Source}
	case room.Said:
		from := "waiting"
		if e.FromHost {
			from = "host"
		}
		return "waiting.message", object{"from": from, "participantId": e.Waiter, "text": e.Text}
	}
	return "", nil
}

func access(state room.Access, reason, message string, permissions []room.Permission) object {
	o := object{"state": state, "permissions": list(permissions, same)}
	if reason != "" {
		o["reason"] = reason
	}
	if message != "" {
		o["message"] = message
	}
	return o
}

func person(p room.PersonView) object {
	o := object{
		"id": p.ID, "displayName": p.DisplayName, "role": p.Role, "connected": p.Connected, "handRaised": p.HandRaised,
		"verified": p.Verified, "away": p.Away, "grants": sources(p.Overrides, room.Given), "taken": sources(p.Overrides, room.Taken),
		"publications": list(p.Publications, publication),
	}
	if p.VerifiedName != "" {
		o["verifiedName"] = p.VerifiedName
	}
	if p.HelpRaised {
		o["helpRaised"] = true
	}
	return o
}

func publication(p room.Publication) object {
	return object{"id": p.ID, "source": p.Source, "muted": p.Muted, "csrc": p.CSRC}
}

func waiter(w room.WaiterView) object {
	o := object{
		"participantId": w.ID, "displayName": w.DisplayName, "since": w.Since.UnixMilli(), "returning": w.Returning,
		"connected": w.Connected, "verified": w.Verified, "needs": needs(w.Needs),
	}
	if w.HelpRaised {
		o["helpRaised"] = true
	}
	if w.VerifiedName != "" {
		o["verifiedName"] = w.VerifiedName
	}
	return o
}

func barred(b room.BarView) object {
	return object{"participantId": b.ID, "displayName": b.DisplayName}
}

func slotOwner(s live.SlotOwner) object {
	return object{"kind": s.Kind, "index": s.Index, "publicationId": s.Publication, "participantId": s.Participant, "csrc": s.CSRC}
}

func simulcast() []object {
	var out []object
	for _, e := range cameraEncodings {
		out = append(out, object{
			"rid": e.rid, "scaleResolutionDownBy": e.scale, "maxBitrate": e.bitrate, "maxFramerate": cameraFramerate,
		})
	}
	return out
}

// Allowed is what senders of a source of pictures are told in media.ready, in bit/s of each encoding, the lowest first.
func Allowed(s room.Source) (bits []int) {
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

func mediaReady(m live.MediaReady, ice []ICEServer) object {
	return object{
		"generation": m.Generation,
		"iceServers": list(ice, same),
		"slots":      object{"pairs": m.Pairs, "screens": m.Screens},
		"codecs":     object{"audio": []string{"opus"}, "video": []string{"VP8"}},
		"encodings": object{
			"microphone": []object{{"maxBitrate": microphoneBitrate}},
			"camera":     simulcast(),
			"screen":     []object{{"maxBitrate": screenBitrate, "maxFramerate": screenFramerate}},
		},
	}
}

// The data of answers.

func welcomeData(w live.Welcome, pingMs int64) object {
	o := object{
		"sessionId": w.Session, "resumeSecret": w.Secret.Reveal(), "participantId": w.Self.ID, "state": w.Self.Access,
		"role": w.Self.Role, "permissions": list(w.Self.Permissions, same), "pingMs": pingMs,
		"resumeMs": w.Policy.ResumeWindow.Milliseconds(), "waitingResumeMs": w.Policy.WaitingWindow().Milliseconds(),
		"policy": object{"name": w.Policy.Name, "recording": recordingRule(w.Policy), "scopes": list(w.Policy.Consents, scopeOf), "screenForAll": w.Policy.ScreenForAll},
	}
	maps.Copy(o, care(w.Self))
	return o
}

// recordingRule names whose consent a recording needs.
func recordingRule(p room.Policy) string {
	if p.Recording == room.NoRecording {
		return "never"
	}
	return string(p.Recording)
}

func outcomeData(o room.Outcome) object {
	return object{"admitted": list(o.Admitted, same), "refused": list(o.Refused, func(r room.Refusal) object {
		return object{"participantId": r.Participant, "code": r.Code}
	})}
}

func answerData(a live.Answer) object {
	return object{"sdp": a.SDP, "slots": list(a.Slots, func(s live.Slot) object {
		return object{"mid": s.MID, "kind": s.Kind, "index": s.Index}
	})}
}

func list[T, U any](in []T, each func(T) U) []U {
	out := make([]U, 0, len(in))
	for _, x := range in {
		out = append(out, each(x))
	}
	return out
}

func same[T any](x T) T { return x }

// encodeAnswer makes the answer frame: data, or failure if it is not nil.
func encodeAnswer(id string, data object, f *Failure) []byte {
	frame := struct {
		ID    string   `json:"id"`
		OK    bool     `json:"ok"`
		Data  object   `json:"data,omitzero"`
		Error *Failure `json:"error,omitempty"`
	}{ID: id, OK: f == nil, Data: data, Error: f}
	if f == nil && data == nil {
		frame.Data = object{}
	}
	return mustJSON(frame)
}

// mustJSON encodes types of ours, which cannot fail.
func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}
