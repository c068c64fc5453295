package files

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"alcove/auth"
	"alcove/room"
	"alcove/room/files"
	"alcove/signaling/internal/report"
	"alcove/signaling/wire"
)

// Path is where the handler is to be served, with everything below it.
const Path = "/v1/files"

// A Handler serves /v1/files. All fields are required.
type Handler struct {
	Files   *files.Service
	Allowed func(*http.Request) bool // whether the page of this Origin may ask; a request without Origin is allowed
	Faults  report.Faults
	Counted func(result string) // ok, or an error code

	mu   sync.Mutex
	busy map[files.Seat]int // Guarded by mu. Requests in progress.
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("Tus-Resumable", tusVersion)
	if !h.Allowed(r) {
		h.fail(w, r, http.StatusForbidden, wire.NewFailure(room.Forbidden, "this origin may not ask"))
		return
	}
	if origin := r.Header.Get("Origin"); origin != "" {
		header.Set("Access-Control-Allow-Origin", origin)
		header.Set("Access-Control-Expose-Headers", "Upload-Offset, Upload-Length, Tus-Resumable, Content-Length, Retry-After")
		header.Add("Vary", "Origin")
	}
	if r.Method == http.MethodOptions {
		header.Set("Access-Control-Allow-Methods", "GET, HEAD, PATCH")
		header.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Range, Tus-Resumable, Upload-Offset")
		header.Set("Access-Control-Max-Age", "600")
		header.Set("Tus-Version", tusVersion)
		header.Set("Tus-Max-Size", strconv.Itoa(files.MaxSize))
		w.WriteHeader(http.StatusNoContent)
		return
	}
	seat, ok := h.Files.SeatOf(bearer(r))
	if !ok {
		header.Set("WWW-Authenticate", "Bearer")
		h.fail(w, r, http.StatusUnauthorized, wire.NewFailure(wire.InvalidToken, "the credential of file.access is needed"))
		return
	}
	if !h.begin(seat) {
		header.Set("Retry-After", "1")
		h.fail(w, r, http.StatusTooManyRequests, wire.NewRateLimited("too many requests at a time", time.Second))
		return
	}
	defer h.end(seat)
	h.route(w, r, seat)
}

func bearer(r *http.Request) auth.Secret {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || len(token) > maxCredential {
		return auth.Secret{}
	}
	return auth.NewSecret(token)
}

// begin counts a request of a seat, and reports whether it may have another.
func (h *Handler) begin(seat files.Seat) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.busy == nil {
		h.busy = map[files.Seat]int{}
	}
	if h.busy[seat] >= maxRequests {
		return false
	}
	h.busy[seat]++
	return true
}

func (h *Handler) end(seat files.Seat) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.busy[seat]--; h.busy[seat] == 0 {
		delete(h.busy, seat)
	}
}

// route serves a request of a seat.
func (h *Handler) route(w http.ResponseWriter, r *http.Request, seat files.Seat) {
	id, part, deeper := strings.Cut(strings.Trim(strings.TrimPrefix(r.URL.Path, Path), "/"), "/")
	switch {
	case id == "" && r.Method == http.MethodGet:
		h.list(w, r, seat)
	case id != "" && !deeper && r.Method == http.MethodGet:
		h.content(w, r, seat, id)
	case id != "" && part == "key" && r.Method == http.MethodGet:
		h.key(w, r, seat, id)
	case id != "" && !deeper && r.Method == http.MethodHead:
		h.offset(w, r, seat, id)
	case id != "" && !deeper && r.Method == http.MethodPatch:
		h.patch(w, r, seat, id)
	default:
		w.Header().Set("Allow", "GET, HEAD, PATCH, OPTIONS")
		h.fail(w, r, http.StatusMethodNotAllowed, wire.NewFailure(room.BadRequest, "no such resource, or not by this method"))
	}
}

func (h *Handler) list(w http.ResponseWriter, r *http.Request, seat files.Seat) {
	items, ended, err := h.Files.List(r.Context(), seat)
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	h.Counted("ok")
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(wire.Object{"ended": ended, "files": wire.List(items, item)})
}

func item(i files.Item) wire.Object {
	o := wire.Object{"id": i.ID, "from": i.From, "size": i.Size, "released": i.Released}
	if i.To != nil {
		o["to"] = i.To
	}
	if !i.Complete {
		o["offset"] = i.Offset
	} else {
		o["at"] = i.At.UnixMilli()
	}
	if i.Release.AtEnd {
		o["afterSession"] = true
	}
	if !i.Release.At.IsZero() {
		o["releaseAt"] = i.Release.At.UnixMilli()
	}
	if i.Replaces != "" {
		o["replaces"] = i.Replaces
	}
	return o
}

func (h *Handler) key(w http.ResponseWriter, r *http.Request, seat files.Seat, id string) {
	sealed, err := h.Files.Key(r.Context(), seat, id)
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	h.Counted("ok")
	w.Header().Set("Content-Type", sealedType)
	w.Write(sealed)
}

// content serves ranges too (RFC 9110, section 14), so that a download goes on where it stopped. Its time is bounded by the pace, not in all.
func (h *Handler) content(w http.ResponseWriter, r *http.Request, seat files.Seat, id string) {
	f, err := h.Files.Content(r.Context(), seat, id)
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	defer f.Close()
	h.Counted("ok")
	w.Header().Set("Content-Type", sealedType)
	w.Header().Set("Content-Disposition", "attachment")
	http.ServeContent(&pacedWriter{ResponseWriter: w, control: http.NewResponseController(w)}, r, "", time.Time{}, f)
}

// A pacedWriter gives each write a time of its own.
type pacedWriter struct {
	http.ResponseWriter
	control *http.ResponseController
}

func (p *pacedWriter) Write(b []byte) (int, error) {
	p.control.SetWriteDeadline(time.Now().Add(writeTime))
	return p.ResponseWriter.Write(b)
}

func (h *Handler) offset(w http.ResponseWriter, r *http.Request, seat files.Seat, id string) {
	offset, size, err := h.Files.Offset(r.Context(), seat, id)
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	h.Counted("ok")
	w.Header().Set("Upload-Offset", strconv.FormatInt(offset, 10))
	w.Header().Set("Upload-Length", strconv.FormatInt(size, 10))
	w.WriteHeader(http.StatusOK)
}

// patch reads a whole piece before any of it counts, so that a connection that is cut leaves the offset where it was.
func (h *Handler) patch(w http.ResponseWriter, r *http.Request, seat files.Seat, id string) {
	offset, err := strconv.ParseInt(r.Header.Get("Upload-Offset"), 10, 64)
	switch {
	case r.Header.Get("Content-Type") != pieceType:
		h.fail(w, r, http.StatusUnsupportedMediaType, wire.NewFailure(room.BadRequest, "Content-Type: "+pieceType))
		return
	case err != nil || offset < 0:
		h.fail(w, r, http.StatusBadRequest, wire.NewFailure(room.BadRequest, "Upload-Offset: a whole number"))
		return
	case r.ContentLength > files.PieceSize:
		h.refuse(w, r, &room.Error{Code: room.FileTooLarge, Detail: "a piece has at most 256 KiB"})
		return
	}
	if _, _, err := h.Files.Offset(r.Context(), seat, id); err != nil { // before anything is read
		h.refuse(w, r, err)
		return
	}
	http.NewResponseController(w).SetReadDeadline(time.Now().Add(readTime))
	piece, err := io.ReadAll(http.MaxBytesReader(w, r.Body, files.PieceSize))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		h.refuse(w, r, &room.Error{Code: room.FileTooLarge, Detail: "a piece has at most 256 KiB"})
		return
	} else if err != nil {
		h.fail(w, r, http.StatusBadRequest, wire.NewFailure(room.BadRequest, "the piece was cut"))
		return
	}
	at, err := h.Files.Upload(r.Context(), seat, id, offset, piece)
	if err != nil {
		if code := (*room.Error)(nil); errors.As(err, &code) && code.Code == room.OffsetMismatch {
			w.Header().Set("Upload-Offset", strconv.FormatInt(at, 10))
		}
		h.refuse(w, r, err)
		return
	}
	h.Counted("ok")
	w.Header().Set("Upload-Offset", strconv.FormatInt(at, 10))
	w.WriteHeader(http.StatusNoContent)
}

// statuses are the HTTP statuses of the codes that package room/files gives; all others are 503.
var statuses = map[room.Code]int{
	room.NotAdmitted: http.StatusForbidden, room.InvalidState: http.StatusForbidden, room.Forbidden: http.StatusForbidden,
	room.TargetNotFound: http.StatusNotFound, room.RoomEnded: http.StatusGone, room.OffsetMismatch: http.StatusConflict,
	room.BadRequest: http.StatusBadRequest, room.FileTooLarge: http.StatusRequestEntityTooLarge, room.FileQuota: http.StatusForbidden,
	room.StorageFull: http.StatusInsufficientStorage,
}

func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, err error) {
	f := h.Faults.Failure("files", err)
	status, known := statuses[f.Code]
	if !known {
		status = http.StatusServiceUnavailable
	}
	h.fail(w, r, status, f)
}

func (h *Handler) fail(w http.ResponseWriter, r *http.Request, status int, f *wire.Failure) {
	h.Counted(string(f.Code))
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(wire.Object{"error": f})
}
