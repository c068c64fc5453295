package report

import (
	"crypto/rand"
	"encoding/base32"
	"fmt"
	"log/slog"
	"runtime/debug"

	"alcove/signaling/wire"
)

// Faults logs bugs of the server. Both fields are required.
type Faults struct {
	Log     *slog.Logger
	OnPanic func() // counts a recovered panic
}

// Panic logs a recovered panic with its stack, and returns the ref of the log line. The value may hold what a client sent, so
// only its type is logged.
func (f Faults) Panic(where string, value any) (ref string) {
	ref = NewRef()
	f.OnPanic()
	f.Log.Error("panic", "ref", ref, "where", where, "type", TypeName(value), "stack", string(debug.Stack()))
	return ref
}

// Failure returns the error that a client gets for err. An error that the protocol does not know is logged with a ref; its text
// may quote what a client sent, so only its type is logged.
func (f Faults) Failure(request string, err error) *wire.Failure {
	failure, known := wire.FailureOf(err)
	if !known {
		failure.Ref = NewRef()
		f.Log.Error("internal error", "ref", failure.Ref, "request", request, "type", TypeName(err))
	}
	return failure
}

// NewRef returns the ID that joins an error on the wire with its line in the log: 40 random bits in base32 (RFC 4648).
func NewRef() string {
	var b [5]byte
	rand.Read(b[:]) // never fails
	return base32.StdEncoding.EncodeToString(b[:])
}

// TypeName names the type of a value for the log.
func TypeName(v any) string { return fmt.Sprintf("%T", v) }
