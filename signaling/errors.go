package signaling

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"time"

	"alcove/room"
	"alcove/room/live"
)

// The codes that are made here; the others are the room's and the media plane's.
const (
	InvalidToken       room.Code = "invalid_token"
	Removed            room.Code = "removed"
	UnknownType        room.Code = "unknown_type"
	UnsupportedVersion room.Code = "unsupported_version"
	MessageTooLarge    room.Code = "message_too_large"
	RateLimited        room.Code = "rate_limited"
)

// Close codes (PROTOCOL.md, section 7; RFC 6455, section 7.4.2, leaves 4000 to 4999 to applications).
const (
	CloseNormal       = 1000
	CloseGoingAway    = 1001
	CloseInternal     = 1011
	CloseProtocol     = 4400
	CloseInvalidToken = 4401
	CloseForbidden    = 4403
	CloseHelloTimeout = 4408
	CloseReplaced     = 4409
	CloseRoomEnded    = 4410
	CloseTooLarge     = 4413
	CloseRateLimited  = 4429
	CloseDraining     = 4503
)

// A rule says what follows from a code, apart from its text.
type errorRule struct {
	retryable bool
	retryMs   int // 0: nothing is said
	closeCode int // the connection whose hello it refuses
}

// codes is the closed list of PROTOCOL.md, section 8.
var errorRules = map[room.Code]errorRule{
	InvalidToken:        {closeCode: CloseInvalidToken},
	room.PolicyMismatch: {closeCode: CloseInvalidToken},
	room.RoomEnded:      {closeCode: CloseRoomEnded},
	room.RoomFull:       {retryable: true, closeCode: CloseForbidden},
	room.RoomLocked:     {retryable: true, closeCode: CloseForbidden},
	room.BarredPerson:   {closeCode: CloseForbidden},
	Removed:             {closeCode: CloseForbidden},
	room.RoomNotStarted: {retryable: true, closeCode: CloseForbidden},
	room.PasscodeWrong:  {closeCode: CloseForbidden},
	room.MFARequired:    {closeCode: CloseForbidden},

	room.AgreementRequired:    {closeCode: CloseProtocol},
	room.VerificationRequired: {retryable: true, closeCode: CloseProtocol},
	room.ConsentRequired:      {closeCode: CloseProtocol},
	room.RecordingUnavailable: {closeCode: CloseProtocol},

	room.NotAdmitted:      {retryable: true, closeCode: CloseProtocol},
	room.Forbidden:        {closeCode: CloseForbidden},
	room.TargetNotFound:   {closeCode: CloseProtocol},
	room.InvalidState:     {closeCode: CloseProtocol},
	room.BadRequest:       {closeCode: CloseProtocol},
	UnknownType:           {closeCode: CloseProtocol},
	UnsupportedVersion:    {closeCode: CloseProtocol},
	MessageTooLarge:       {closeCode: CloseTooLarge},
	RateLimited:           {retryable: true, closeCode: CloseRateLimited},
	live.SDPInvalid:       {closeCode: CloseProtocol},
	live.CodecUnsupported: {closeCode: CloseProtocol},
	live.TrackLimit:       {closeCode: CloseProtocol},
	room.StaleGeneration:  {closeCode: CloseProtocol},
	room.ResumeExpired:    {closeCode: CloseInvalidToken},
	room.Draining:         {retryable: true, retryMs: retryDraining, closeCode: CloseDraining},
	room.Unavailable:      {retryable: true, retryMs: retryUnavailable, closeCode: CloseDraining},
	room.Internal:         {retryable: true, closeCode: CloseInternal},
}

// A Failure is an error as it stands on the wire.
type Failure struct {
	Code         room.Code `json:"code"`
	Message      string    `json:"message"`
	Retryable    bool      `json:"retryable"`
	RetryAfterMs int       `json:"retryAfterMs,omitempty"`
	Ref          string    `json:"ref,omitempty"`
}

// failure makes an error of the list. message is for developers and holds nothing that a client sent.
func NewFailure(code room.Code, message string) *Failure {
	r := errorRules[code]
	return &Failure{Code: code, Message: message, Retryable: r.retryable, RetryAfterMs: r.retryMs}
}

// tooOften refuses what comes too often, and says when it may come.
func NewRateLimited(message string, wait time.Duration) *Failure {
	f := NewFailure(RateLimited, message)
	f.RetryAfterMs = int((wait + time.Millisecond - 1) / time.Millisecond)
	return f
}

// translate turns what the room says into the wire. It reports false for what is no error of the list: our fault.
func Translate(err error) (*Failure, bool) {
	var refused *room.Error
	if errors.As(err, &refused) {
		if _, known := errorRules[refused.Code]; known && refused.Code != room.Internal {
			return NewFailure(refused.Code, refused.Detail), true
		}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return NewFailure(room.Unavailable, "no answer in time"), true
	}
	return NewFailure(room.Internal, "our fault"), false
}

// closing says with which code a seat that is over closes its connection.
func CloseCodeOf(c room.Closing) int {
	switch {
	case c.Reason == "replaced":
		return CloseReplaced
	case c.Reason == "draining": // the seat is there after the restart
		return CloseDraining
	case c.Access == room.Denied || c.Access == room.Removed:
		return CloseForbidden
	case c.Access == room.Ended:
		return CloseRoomEnded
	}
	return CloseNormal
}

// newRef makes the word that joins an error on the wire with its reason in the log: 40 random bits in base32 (RFC 4648).
func newRef() string {
	var b [5]byte
	rand.Read(b[:])
	return base32.StdEncoding.EncodeToString(b[:])
}
