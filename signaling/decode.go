package signaling

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"maps"
	"strings"

	"alcove/auth"
	"alcove/room"
	"alcove/room/live"
)

// A request is one frame of a client whose envelope is right.
type Request struct {
	ID, Type    string
	Data        fields
	Fingerprint [sha256.Size]byte // of kind and data: tells a repeated request from another with the same id
}

var (
	errEnvelope = errors.New("a field besides id, type and data")
	errID       = errors.New("id: 1 to 64 characters")
	errType     = errors.New("type: 1 to 64 characters")
)

// parseRequest reads the envelope. Its errors close the connection (4400): who cannot frame cannot be answered.
func ParseRequest(raw []byte) (Request, error) {
	if err := checkText(raw); err != nil {
		return Request{}, err
	}
	f, err := parseObject(raw)
	if err != nil {
		return Request{}, err
	}
	for name := range f {
		if name != "id" && name != "type" && name != "data" {
			return Request{}, errEnvelope
		}
	}
	c := newCursor(f)
	r := Request{Data: fields{}}
	if r.ID = c.text("id", maxRequestID, anyRune); *c.fault != "" {
		return Request{}, errID
	}
	if r.Type = c.text("type", maxRequestID, anyRune); *c.fault != "" {
		return Request{}, errType
	}
	if c.has("data") {
		if r.Data, err = parseObject(f["data"]); err != nil {
			return Request{}, err
		}
	}
	r.Fingerprint = sha256.Sum256(append([]byte(r.Type+"\x00"), bytes.TrimSpace(f["data"])...))
	return r, nil
}

// What a client may ask beside a room.Command, a live.Offer and a live.View.
type (
	Hello struct {
		Token       auth.Secret // empty: from the Authorization header, or a resume
		Session     live.SessionID
		Secret      auth.Secret // of a resume
		DisplayName string
		Passcode    auth.Secret // of the room, for hosts where it is asked of all
		Nonce       auth.Secret // shows that a token comes again from the client that showed it first
		Client      ClientInfo
	}
	Ping struct{}
	// clientInfo is the maker's name of the program, not the person's.
	ClientInfo struct{ Name, Version string }
)

// requests is the whole of what a client may ask.
var requests = func() map[string]func(cursor) any {
	all := maps.Clone(coreRequests)
	maps.Copy(all, careRequests)
	return all
}()

// coreRequests are the requests about who is in and what they send and see. A decoder returns a hello, ping, live.Offer, live.View or room.Command whose
// By and Participant the seat fills in.
var coreRequests = map[string]func(cursor) any{
	"hello":           decodeHello,
	"ping":            func(cursor) any { return Ping{} },
	"leave":           func(cursor) any { return room.Leave{} },
	"hand.set":        func(c cursor) any { return room.SetHand{Raised: c.flag("raised")} },
	"publication.set": func(c cursor) any { return room.SetMuted{Source: c.source(), Muted: c.flag("muted")} },
	"permission.ask":  func(c cursor) any { c.oneOf("permission", string(room.Screen)); return room.AskScreen{} },
	"waiting.admit":   ReadAdmit,
	"waiting.deny":    func(c cursor) any { return room.Deny{Target: c.target(), Message: c.message()} },
	"waiting.message": decodeMessage,
	"mod.sendBack":    func(c cursor) any { return room.SendBack{Target: c.target(), Message: c.message()} },
	"mod.remove":      func(c cursor) any { return room.Remove{Target: c.target(), Message: c.message()} },
	"mod.lift":        func(c cursor) any { return room.Unbar{Target: c.target()} },
	"mod.mute":        func(c cursor) any { return room.Mute{Target: c.target(), Source: c.source()} },
	"mod.askUnmute":   func(c cursor) any { return room.AskUnmute{Target: c.target(), Source: c.source()} },
	"mod.grant":       decodeGrant,
	"room.lock":       func(cursor) any { return room.Lock{} },
	"room.unlock":     func(cursor) any { return room.Unlock{} },
	"room.end":        func(cursor) any { return room.End{Reason: endedByHost} },
	"media.offer":     decodeOffer,
	"view.set":        decodeView,
}

// endedByHost is the reason of room.ended (PROTOCOL.md, section 5).
const endedByHost = "host"

// decode turns the request into what it asks, or says what is wrong with it.
func (r Request) Decode() (any, *Failure) {
	read, ok := requests[r.Type]
	if !ok {
		return nil, NewFailure(UnknownType, "no such request")
	}
	c := newCursor(r.Data)
	asked := read(c)
	if *c.fault != "" {
		return nil, NewFailure(room.BadRequest, *c.fault)
	}
	if f, bad := asked.(*Failure); bad {
		return nil, f
	}
	return asked, nil
}

func (c cursor) target() room.ParticipantID { return room.ParticipantID(c.id("participantId")) }

func (c cursor) message() string { return c.optional("message", maxText, inWords) }

func (c cursor) source() room.Source {
	return room.Source(c.oneOf("source", string(room.Microphone), string(room.Camera), string(room.Screen)))
}

func decodeHello(c cursor) any {
	h := Hello{}
	who := c.object("client")
	h.Client = ClientInfo{who.text("name", MaxName, inWords), who.text("version", MaxName, inWords)}
	if c.has("displayName") {
		h.DisplayName = c.name("displayName")
	}
	if c.has("passcode") {
		h.Passcode = auth.NewSecret(c.text("passcode", maxPasscode, inWords))
	}
	if c.has("nonce") {
		nonce := c.text("nonce", maxNonce, inID)
		if len(nonce) < MinNonce {
			c.fail("nonce", "22 to 128 characters")
		}
		h.Nonce = auth.NewSecret(nonce)
	}
	if c.has("token") {
		h.Token = auth.NewSecret(c.text("token", MaxToken, inToken))
	}
	if !c.has("resume") {
		return h
	}
	if c.has("token") {
		c.fail("resume", "a token or a resume, not both")
	}
	old := c.object("resume")
	h.Session = live.SessionID(old.id("sessionId"))
	h.Secret = auth.NewSecret(old.text("secret", maxSecret, inToken))
	return h
}

func ReadAdmit(c cursor) any {
	if string(c.f["participantIds"]) == `"*"` {
		return room.Admit{All: true}
	}
	items := c.list("participantIds", maxTargets)
	if len(items) == 0 {
		c.fail("participantIds", `ids or "*"`)
	}
	a := room.Admit{}
	for _, item := range items {
		one := cursor{f: fields{"participantIds[]": item}, fault: c.fault}
		a.Targets = append(a.Targets, room.ParticipantID(one.id("participantIds[]")))
	}
	return a
}

func decodeMessage(c cursor) any {
	m := room.Message{Text: c.text("text", maxText, inWords)}
	if c.has("participantId") {
		m.Target = c.target()
	}
	return m
}

func decodeGrant(c cursor) any {
	source := c.oneOf("grant", string(room.Microphone), string(room.Camera), string(room.Screen))
	return room.SetPermission{Target: c.target(), Source: room.Source(source), Allowed: c.flag("granted")}
}

func decodeOffer(c cursor) any {
	o := live.Offer{Generation: c.number("generation"), SDP: c.text("sdp", MaxFrameAdmitted, anyRune)}
	mids, sources := map[string]bool{}, map[room.Source]bool{}
	for _, item := range c.list("tracks", MaxLines) {
		t := (cursor{f: fields{"tracks[]": json.RawMessage(item)}, path: c.path, fault: c.fault}).object("tracks[]")
		track := live.Track{MID: t.text("mid", maxMID, inToken), Source: t.source()}
		if mids[track.MID] || sources[track.Source] {
			c.fail("tracks[]", "each mid and each source once")
		}
		mids[track.MID], sources[track.Source] = true, true
		o.Tracks = append(o.Tracks, track)
	}
	if strings.Count("\n"+o.SDP, "\nm=") > MaxLines {
		return NewFailure(live.TrackLimit, "more than 100 m-lines")
	}
	return o
}

// decodeView reads what a client shows. The width is asked for too, so that a server that chooses by area needs no other message.
func decodeView(c cursor) any {
	v := live.View{}
	name := func(one cursor, field string, height int) {
		id := room.PublicationID(one.id(field))
		if _, again := v[id]; again {
			c.fail(field, "each publication once")
		}
		v[id] = height
	}
	for _, item := range c.list("views", maxViews) {
		one := (cursor{f: fields{"views[]": item}, path: c.path, fault: c.fault}).object("views[]")
		one.whole("width", maxPixels)
		name(one, "publicationId", one.whole("height", maxPixels))
	}
	for _, item := range c.list("paused", maxViews) {
		name(cursor{f: fields{"paused[]": item}, path: c.path, fault: c.fault}, "paused[]", 0)
	}
	return v
}
