package wire

import (
	"encoding/json"
	"strings"

	"alcove/auth"
	"alcove/room"
	"alcove/room/live"
)

// Requests that are neither a room.Command, a live.Offer nor a live.View.
type (
	// A Hello opens or resumes a seat.
	Hello struct {
		Token       auth.Secret    // empty: from the Authorization header, or a resume
		Session     live.SessionID // of a resume; else ""
		Secret      auth.Secret    // of a resume
		DisplayName string
		Passcode    auth.Secret // of the room, from hosts where the policy asks them too
		Nonce       auth.Secret // proves that a repeated token comes from the client that sent it first
		Client      ClientInfo
		E2EE        int // the version of end-to-end encryption that the client speaks, 0 if none
	}
	// A Ping keeps the connection alive.
	Ping struct{}
	// A PasscodeGuess is a passcode that somebody entered. The session compares it; the room only learns the result.
	PasscodeGuess struct{ Guess auth.Secret }
	// ClientInfo names the client program and its version.
	ClientInfo struct{ Name, Version string }
)

// decoders has one entry for each request of the protocol.
var decoders = map[string]func(Reader) any{
	// Access, media and moderation.
	"hello":           decodeHello,
	"ping":            func(Reader) any { return Ping{} },
	"leave":           decodeLeave,
	"hand.set":        func(c Reader) any { return room.SetHand{Raised: c.boolean("raised")} },
	"publication.set": func(c Reader) any { return room.SetMuted{Source: c.source(), Muted: c.boolean("muted")} },
	"permission.ask":  func(c Reader) any { c.OneOf("permission", string(room.Screen)); return room.AskScreen{} },
	"waiting.admit":   ReadAdmit,
	"waiting.deny":    func(c Reader) any { return room.Deny{Target: c.Target(), Message: c.Message()} },
	"waiting.message": decodeMessage,
	"mod.sendBack":    func(c Reader) any { return room.SendBack{Target: c.Target(), Message: c.Message()} },
	"mod.remove":      func(c Reader) any { return room.Remove{Target: c.Target(), Message: c.Message()} },
	"mod.lift":        func(c Reader) any { return room.Unbar{Target: c.Target()} },
	"mod.mute":        func(c Reader) any { return room.Mute{Target: c.Target(), Source: c.source()} },
	"mod.muteAll":     func(c Reader) any { return room.MuteAll{Source: c.source()} },
	"mod.lowerHands":  decodeLowerHands,
	"mod.askUnmute":   func(c Reader) any { return room.AskUnmute{Target: c.Target(), Source: c.source()} },
	"mod.grant":       decodeGrant,
	"room.lock":       func(Reader) any { return room.Lock{} },
	"room.unlock":     func(Reader) any { return room.Unlock{} },
	"room.end":        func(Reader) any { return room.End{Reason: endedByHost} },
	"media.offer":     decodeOffer,
	"view.set":        decodeView,

	// Requirements of admission, consent and safety.
	"passcode.enter":        func(c Reader) any { return PasscodeGuess{auth.NewSecret(c.Text("code", maxPasscode, FreeText))} },
	"agreement.acknowledge": func(c Reader) any { return room.Acknowledge{TextHash: c.hash("textHash")} },
	"consent.respond":       decodeConsent,
	"consent.withdraw": func(c Reader) any {
		if !c.has("scope") {
			return room.WithdrawConsent{}
		}
		return room.WithdrawConsent{Scope: c.scope("scope")}
	},
	"recording.start":    decodeRecording,
	"recording.stop":     func(Reader) any { return room.StopRecording{} },
	"mod.verify":         func(c Reader) any { return room.Verify{Target: c.Target(), Verified: c.boolean("verified")} },
	"mod.setRole":        func(c Reader) any { return room.SetRole{Target: c.Target(), Role: c.role()} },
	"mod.sideRoom":       func(c Reader) any { return room.OpenSideRoom{Target: c.Target(), Message: c.Message()} },
	"sideRoom.leave":     func(Reader) any { return room.CloseSideRoom{} },
	"help.signal":        func(Reader) any { return room.RequestHelp{} },
	"agreement.remind":   func(Reader) any { return room.ShowAgreement{} },
	"help.clear":         func(c Reader) any { return room.ClearHelp{Target: c.Target()} },
	"help.withdraw":      func(Reader) any { return room.WithdrawHelp{} },
	"self.rename":        func(c Reader) any { return room.Rename{DisplayName: c.newName()} },
	"participant.rename": func(c Reader) any { return room.Rename{Target: c.Target(), DisplayName: c.newName()} },
	"help.reply":         func(c Reader) any { return room.ReplyHelp{Target: c.Target(), Text: c.Text("text", maxText, FreeText)} },
	"room.extend":        func(c Reader) any { return room.Extend{Minutes: c.integer("minutes", maxExtension)} },

	"check.begin": func(Reader) any { return CheckBegin{} },
	"check.offer": decodeCheckOffer,

	// End-to-end encryption.
	"file.access":   func(Reader) any { return FileAccess{} },
	"file.create":   decodeFileCreate,
	"file.withdraw": func(c Reader) any { return FileWithdraw{c.id("fileId")} },

	"e2ee.key":     decodeKeyPackage,
	"e2ee.create":  decodeCreateGroup,
	"e2ee.commit":  decodeCommitGroup,
	"e2ee.app":     decodeSendToGroup,
	"e2ee.sync":    decodeSyncGroup,
	"e2ee.release": decodeReleaseKeys,
}

// endedByHost is the reason of room.ended (PROTOCOL.md, section 5).
const endedByHost = "host"

// Target reads the participantId of a request about somebody else.
func (c Reader) Target() room.ParticipantID { return room.ParticipantID(c.id("participantId")) }

// Message reads the optional message that a host sends along.
func (c Reader) Message() string { return c.Optional("message", maxText, FreeText) }

func (c Reader) source() room.Source {
	return room.Source(c.OneOf("source", string(room.Microphone), string(room.Camera), string(room.Screen)))
}

func decodeHello(c Reader) any {
	h := Hello{}
	client := c.object("client")
	h.Client = ClientInfo{client.Text("name", MaxName, FreeText), client.Text("version", MaxName, FreeText)}
	if c.has("displayName") {
		h.DisplayName = c.displayName("displayName")
	}
	if c.has("passcode") {
		h.Passcode = auth.NewSecret(c.Text("passcode", maxPasscode, FreeText))
	}
	if c.has("nonce") {
		nonce := c.Text("nonce", maxNonce, IDChars)
		if len(nonce) < MinNonce {
			c.fail("nonce", "22 to 128 characters")
		}
		h.Nonce = auth.NewSecret(nonce)
	}
	if c.has("e2ee") {
		h.E2EE = c.integer("e2ee", maxE2EEVersion)
	}
	if c.has("token") {
		h.Token = auth.NewSecret(c.Text("token", MaxToken, visibleASCII))
	}
	if !c.has("resume") {
		return h
	}
	if c.has("token") {
		c.fail("resume", "a token or a resume, not both")
	}
	resume := c.object("resume")
	h.Session = live.SessionID(resume.id("sessionId"))
	h.Secret = auth.NewSecret(resume.Text("secret", maxSecret, visibleASCII))
	return h
}

// ReadAdmit reads a room.Admit.
func ReadAdmit(c Reader) any {
	targets, all := c.targets()
	verify := c.has("verify") && c.boolean("verify")
	if verify && all {
		c.fail("verify", "of people who are named")
	}
	return room.Admit{Targets: targets, All: all, Verify: verify}
}

func decodeLowerHands(c Reader) any {
	targets, all := c.targets()
	return room.LowerHands{Targets: targets, All: all}
}

// targets reads participantIds: ids, or "*" for all.
func (c Reader) targets() (ids []room.ParticipantID, all bool) {
	if string(c.f["participantIds"]) == `"*"` {
		return nil, true
	}
	items := c.list("participantIds", maxTargets)
	if len(items) == 0 {
		c.fail("participantIds", `ids or "*"`)
	}
	for _, item := range items {
		one := Reader{f: fields{"participantIds[]": item}, fault: c.fault}
		ids = append(ids, room.ParticipantID(one.id("participantIds[]")))
	}
	return ids, false
}

func decodeLeave(c Reader) any {
	if !c.has("aloneMinutes") {
		return room.Leave{}
	}
	return room.Leave{AloneMinutes: c.integer("aloneMinutes", maxAloneMinutes)}
}

func decodeMessage(c Reader) any {
	m := room.Message{Text: c.Text("text", maxText, FreeText)}
	if c.has("participantId") {
		m.Target = c.Target()
	}
	return m
}

func decodeGrant(c Reader) any {
	source := c.OneOf("grant", string(room.Microphone), string(room.Camera), string(room.Screen))
	return room.SetPermission{Target: c.Target(), Source: room.Source(source), Allowed: c.boolean("granted")}
}

func decodeOffer(c Reader) any {
	o := live.Offer{Generation: c.uint32("generation"), SDP: c.Text("sdp", MaxFrameAdmitted, anyRune)}
	return c.offered(&o)
}

// offered reads the tracks of an offer and returns it, or a failure.
func (c Reader) offered(o *live.Offer) any {
	mids, sources := map[string]bool{}, map[room.Source]bool{}
	for _, item := range c.list("tracks", maxLines) {
		t := (Reader{f: fields{"tracks[]": json.RawMessage(item)}, path: c.path, fault: c.fault}).object("tracks[]")
		track := live.Track{MID: t.Text("mid", maxMID, visibleASCII), Source: t.source()}
		if mids[track.MID] || sources[track.Source] {
			c.fail("tracks[]", "each mid and each source once")
		}
		mids[track.MID], sources[track.Source] = true, true
		o.Tracks = append(o.Tracks, track)
	}
	if strings.Count("\n"+o.SDP, "\nm=") > maxLines {
		return NewFailure(live.TrackLimit, "more than 100 m-lines")
	}
	return *o
}

// decodeView reads the sizes at which a client shows videos. The width is required too, so that a server could select by area
// without a change of the protocol.
func decodeView(c Reader) any {
	v := live.View{}
	add := func(r Reader, field string, height int) {
		id := room.PublicationID(r.id(field))
		if _, repeated := v[id]; repeated {
			c.fail(field, "each publication once")
		}
		v[id] = height
	}
	for _, item := range c.list("views", maxViews) {
		one := (Reader{f: fields{"views[]": item}, path: c.path, fault: c.fault}).object("views[]")
		one.integer("width", maxPixels)
		add(one, "publicationId", one.integer("height", maxPixels))
	}
	for _, item := range c.list("paused", maxViews) {
		add(Reader{f: fields{"paused[]": item}, path: c.path, fault: c.fault}, "paused[]", 0)
	}
	return v
}

// hash reads a SHA-256 hash in hex.
func (c Reader) hash(name string) string {
	s := c.Text(name, hashLength, lowerHex)
	if len(s) != hashLength {
		c.fail(name, "64 characters of 0-9 a-f")
	}
	return s
}

func (c Reader) scope(name string) room.Scope {
	return room.Scope(c.OneOf(name, string(room.RecordingAudio), string(room.RecordingVideo)))
}

func (c Reader) role() auth.Role {
	return auth.Role(c.OneOf("role", string(auth.Cohost), string(auth.Participant), string(auth.Observer)))
}

func decodeConsent(c Reader) any {
	granted := c.OneOf("decision", string(room.Granted), string(room.Refused)) == string(room.Granted)
	return room.AnswerConsent{Scope: c.scope("scope"), TextHash: c.hash("textHash"), Granted: granted}
}

func decodeRecording(c Reader) any {
	r := room.AskConsent{}
	items := c.list("scopes", maxScopes)
	if len(items) == 0 {
		c.fail("scopes", "1 or 2 scopes")
	}
	for _, item := range items {
		scope := (Reader{f: fields{"scopes[]": item}, path: c.path, fault: c.fault}).scope("scopes[]")
		if len(r.Scopes) == 1 && r.Scopes[0] == scope {
			c.fail("scopes", "each scope once")
		}
		r.Scopes = append(r.Scopes, scope)
	}
	return r
}
