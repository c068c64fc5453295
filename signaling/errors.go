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
	closeLeft      = 1000
	closeSilent    = 1001
	closeInternal  = 1011
	closeProtocol  = 4400
	closeToken     = 4401
	closeDoor      = 4403
	closeHelloLate = 4408
	closeReplaced  = 4409
	closeEnded     = 4410
	closeTooLarge  = 4413
	closeRate      = 4429
	closeDraining  = 4503
)

// A rule says what follows from a code, apart from its text.
type rule struct {
	retryable bool
	retryMs   int // 0: nothing is said
	closes    int // the connection whose hello it refuses
}

// codes is the closed list of PROTOCOL.md, section 8.
var codes = map[room.Code]rule{
	InvalidToken:        {closes: closeToken},
	room.PolicyMismatch: {closes: closeToken},
	room.RoomEnded:      {closes: closeEnded},
	room.RoomFull:       {retryable: true, closes: closeDoor},
	room.RoomLocked:     {retryable: true, closes: closeDoor},
	room.BarredPerson:   {closes: closeDoor},
	Removed:             {closes: closeDoor},
	room.RoomNotStarted: {retryable: true, closes: closeDoor},
	room.PasscodeWrong:  {closes: closeDoor},
	room.MFARequired:    {closes: closeDoor},

	room.AgreementRequired:    {closes: closeProtocol},
	room.VerificationRequired: {retryable: true, closes: closeProtocol},
	room.ConsentRequired:      {closes: closeProtocol},
	room.RecordingUnavailable: {closes: closeProtocol},

	room.NotAdmitted:      {retryable: true, closes: closeProtocol},
	room.Forbidden:        {closes: closeDoor},
	room.TargetNotFound:   {closes: closeProtocol},
	room.InvalidState:     {closes: closeProtocol},
	room.BadRequest:       {closes: closeProtocol},
	UnknownType:           {closes: closeProtocol},
	UnsupportedVersion:    {closes: closeProtocol},
	MessageTooLarge:       {closes: closeTooLarge},
	RateLimited:           {retryable: true, closes: closeRate},
	live.SDPInvalid:       {closes: closeProtocol},
	live.CodecUnsupported: {closes: closeProtocol},
	live.TrackLimit:       {closes: closeProtocol},
	room.StaleGeneration:  {closes: closeProtocol},
	room.ResumeExpired:    {closes: closeToken},
	room.Draining:         {retryable: true, retryMs: retryDraining, closes: closeDraining},
	room.Unavailable:      {retryable: true, retryMs: retryUnavailable, closes: closeDraining},
	room.Internal:         {retryable: true, closes: closeInternal},
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
func failure(code room.Code, message string) *Failure {
	r := codes[code]
	return &Failure{Code: code, Message: message, Retryable: r.retryable, RetryAfterMs: r.retryMs}
}

// tooOften refuses what comes too often, and says when it may come.
func tooOften(message string, wait time.Duration) *Failure {
	f := failure(RateLimited, message)
	f.RetryAfterMs = int((wait + time.Millisecond - 1) / time.Millisecond)
	return f
}

// translate turns what the room says into the wire. It reports false for what is no error of the list: our fault.
func translate(err error) (*Failure, bool) {
	var refused *room.Error
	if errors.As(err, &refused) {
		if _, known := codes[refused.Code]; known && refused.Code != room.Internal {
			return failure(refused.Code, refused.Detail), true
		}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return failure(room.Unavailable, "no answer in time"), true
	}
	return failure(room.Internal, "our fault"), false
}

// closing says with which code a seat that is over closes its connection.
func closing(c room.Closing) int {
	switch {
	case c.Reason == "replaced":
		return closeReplaced
	case c.Reason == "draining": // the seat is there after the restart
		return closeDraining
	case c.Access == room.Denied || c.Access == room.Removed:
		return closeDoor
	case c.Access == room.Ended:
		return closeEnded
	}
	return closeLeft
}

// newRef makes the word that joins an error on the wire with its reason in the log: 40 random bits in base32 (RFC 4648).
func newRef() string {
	var b [5]byte
	rand.Read(b[:])
	return base32.StdEncoding.EncodeToString(b[:])
}
