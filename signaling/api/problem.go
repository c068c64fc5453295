package api

import (
	"net/http"
	"strconv"

	"alcove/room"
	"alcove/signaling/wire"
)

// statuses maps codes to HTTP statuses. All other codes are 409: the request does not fit the state.
var statuses = map[room.Code]int{
	wire.InvalidToken: http.StatusUnauthorized, room.BadRequest: http.StatusBadRequest, room.Forbidden: http.StatusForbidden,
	room.TargetNotFound: http.StatusNotFound, room.Unavailable: http.StatusServiceUnavailable,
	room.Draining: http.StatusServiceUnavailable, room.Internal: http.StatusInternalServerError,
}

// writeProblem answers with a problem (RFC 9457). Its type is the code, and ref finds the cause in the log.
func writeProblem(w http.ResponseWriter, f *wire.Failure) {
	status, known := statuses[f.Code]
	if !known {
		status = http.StatusConflict
	}
	o := wire.Object{
		"type": "urn:alcove:problem:" + string(f.Code), "title": http.StatusText(status), "status": status,
		"detail": f.Message, "code": f.Code, "retryable": f.Retryable,
	}
	if f.Ref != "" {
		o["ref"] = f.Ref
	}
	if f.RetryAfterMs > 0 {
		w.Header().Set("Retry-After", strconv.Itoa((f.RetryAfterMs+999)/1000))
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	w.Write(wire.MustJSON(o))
}

// recoverPanic, deferred, turns a panic into a problem with a ref.
func (s *Server) recoverPanic(w http.ResponseWriter) {
	if p := recover(); p != nil {
		f := wire.NewFailure(room.Internal, "our fault")
		f.Ref = s.Faults.Panic("admin", p)
		writeProblem(w, f)
	}
}
