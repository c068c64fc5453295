package wire

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"alcove/room"
	"alcove/room/live"
)

// Codes of errors that signaling itself finds. Package room and room/live declare the others.
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

// An errorRule holds what the protocol defines for a code.
type errorRule struct {
	retryable bool
	retryMs   int // the delay before a retry; 0: retryAfterMs is left out
	closeCode int // closes the connection whose hello got this error
}

// errorRules is the closed list of errors in PROTOCOL.md, section 8.
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

	room.NeedsE2EE: {closeCode: CloseForbidden},
	room.E2EEStale: {retryable: true, closeCode: CloseProtocol},
	room.E2EEGone:  {closeCode: CloseProtocol},

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
	room.FileTooLarge:     {closeCode: CloseProtocol},
	room.FileQuota:        {closeCode: CloseProtocol},
	room.StorageFull:      {retryable: true, closeCode: CloseProtocol},
	room.OffsetMismatch:   {retryable: true, closeCode: CloseProtocol},
	room.Draining:         {retryable: true, retryMs: retryDraining, closeCode: CloseDraining},
	room.Unavailable:      {retryable: true, retryMs: retryUnavailable, closeCode: CloseDraining},
	room.Internal:         {retryable: true, closeCode: CloseInternal},
}

// A Failure is the error object of an answer.
type Failure struct {
	Code         room.Code `json:"code"`
	Message      string    `json:"message"`
	Retryable    bool      `json:"retryable"`
	RetryAfterMs int       `json:"retryAfterMs,omitempty"`
	Ref          string    `json:"ref,omitempty"`
}

// NewFailure returns an error of the closed list. message is for developers and must not contain data of the client.
func NewFailure(code room.Code, message string) *Failure {
	r := errorRules[code]
	return &Failure{Code: code, Message: message, Retryable: r.retryable, RetryAfterMs: r.retryMs}
}

// NewRateLimited returns rate_limited. wait is the time after which the request would be accepted.
func NewRateLimited(message string, wait time.Duration) *Failure {
	f := NewFailure(RateLimited, message)
	f.RetryAfterMs = int((wait + time.Millisecond - 1) / time.Millisecond)
	return f
}

// FailureOf returns the error that a client gets for err. known is false for an error that is not in the closed list: the
// server is at fault, the client gets internal, and the cause belongs in the log.
func FailureOf(err error) (f *Failure, known bool) {
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

// CloseCodeOf returns the close code for a seat that ended.
func CloseCodeOf(c room.Closing) int {
	switch {
	case c.Reason == "replaced":
		return CloseReplaced
	case c.Reason == "draining": // the seat can be resumed after the restart
		return CloseDraining
	case c.Access == room.Denied || c.Access == room.Removed:
		return CloseForbidden
	case c.Access == room.Ended:
		return CloseRoomEnded
	}
	return CloseNormal
}

// HelloCloseCode returns the code that closes a connection whose hello was answered with f.
func HelloCloseCode(f *Failure) int { return errorRules[f.Code].closeCode }

// IsErrorCode reports whether a code is in the closed list.
func IsErrorCode(code room.Code) bool {
	_, known := errorRules[code]
	return known
}

// ErrorCodes returns the closed list of error codes in alphabetical order.
func ErrorCodes() []string {
	var all []string
	for _, code := range slices.Sorted(maps.Keys(errorRules)) {
		all = append(all, string(code))
	}
	return all
}

// CloseCodes returns every close code that the server uses.
func CloseCodes() []int {
	return []int{CloseNormal, CloseGoingAway, CloseInternal, CloseProtocol, CloseInvalidToken, CloseForbidden, CloseHelloTimeout,
		CloseReplaced, CloseRoomEnded, CloseTooLarge, CloseRateLimited, CloseDraining}
}
