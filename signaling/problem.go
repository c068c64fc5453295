package signaling

import (
	"net/http"
	"strconv"

	"alcove/room"
)

// statuses are the HTTP statuses of the codes that the admin API answers with; all others are 409, what does not fit the state.
var statuses = map[room.Code]int{
	InvalidToken: http.StatusUnauthorized, room.BadRequest: http.StatusBadRequest, room.Forbidden: http.StatusForbidden,
	room.TargetNotFound: http.StatusNotFound, room.Unavailable: http.StatusServiceUnavailable,
	room.Draining: http.StatusServiceUnavailable, room.Internal: http.StatusInternalServerError,
}

// problem answers an error as RFC 9457 has it: the code is the type, and ref finds the reason in the log.
func (s *Server) problem(w http.ResponseWriter, f *Failure) {
	status, known := statuses[f.Code]
	if !known {
		status = http.StatusConflict
	}
	o := Object{
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
	w.Write(MustJSON(o))
}

// guardAPI, deferred, turns a panic into a problem with a ref.
func (s *Server) guardAPI(w http.ResponseWriter) {
	if p := recover(); p != nil {
		f := NewFailure(room.Internal, "our fault")
		f.Ref = s.reportPanic("admin", p)
		s.problem(w, f)
	}
}
