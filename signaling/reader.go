package signaling

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/gorilla/websocket"

	"alcove/auth"
	"alcove/room"
	"alcove/room/live"
	"alcove/signaling/conns"
)

var (
	errFlood    = errors.New("too many messages")
	errTooLarge = errors.New("message too large")
	errBinary   = errors.New("a binary message")
	errNoHello  = errors.New("the first request must be hello")
)

// read is the conversation: hello, then requests in order. It returns when the connection should close; the code stands in the
// outbox then.
func (s *session) read(greeted func()) {
	defer s.guard("reader", func() { s.out.finish(closeInternal) })
	if !s.greet(greeted) {
		return
	}
	for !s.out.finished() {
		raw, err := s.next(s.srv.timing.ping * silentPings)
		if err != nil {
			s.hangUp(err, closeSilent)
			return
		}
		if !s.proven {
			s.proven = true
			s.seat.Confirm()
			s.srv.greetings.forget(s.greeting)
		}
		if code := s.handle(raw); code != 0 {
			s.out.finish(code)
			return
		}
	}
}

// next reads one text message within the limit of the present state. A longer one is not kept.
func (s *session) next(patience time.Duration) ([]byte, error) {
	s.deadline(patience)
	kind, r, err := s.conn.NextReader()
	if err != nil {
		return nil, err
	}
	if kind != websocket.TextMessage {
		return nil, errBinary
	}
	limit := s.limit.Load()
	raw, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(raw)) > limit {
		return nil, errTooLarge
	}
	return raw, nil
}

// hangUp closes after a failed read; silent is the code for a deadline that passed.
func (s *session) hangUp(err error, silent int) {
	var network net.Error // the WebSocket library hides os.ErrDeadlineExceeded
	switch {
	case errors.Is(err, errTooLarge):
		s.out.finish(closeTooLarge)
	case errors.Is(err, errBinary):
		s.out.reject(err)
	case errors.Is(err, errFlood):
		s.out.finish(closeRate)
	case errors.As(err, &network) && network.Timeout():
		s.out.finish(silent)
	default:
		s.out.finish(closeSilent)
	}
}

// drain reads on and throws away, until the peer has closed or the last deadline passes: closing a socket with unread bytes
// would reset it and take our close frame along.
func (s *session) drain() {
	defer s.guard("drain", func() {})
	for {
		if _, _, err := s.conn.NextReader(); err != nil {
			return
		}
	}
}

// greet waits for hello and takes a seat. greeted is called before the client hears that it is no stranger any more.
func (s *session) greet(greeted func()) bool {
	raw, err := s.next(s.srv.timing.hello)
	if err != nil {
		s.hangUp(err, closeHelloLate)
		return false
	}
	r, err := parseRequest(raw)
	if err == nil && r.kind != "hello" {
		err = errNoHello
	}
	if err != nil {
		s.out.reject(err)
		return false
	}
	s.begin()
	defer s.settle()
	for _, place := range []*conns.Place{s.place, s.stranger} {
		place.Follow(http.StateActive) // it waits for us now
	}
	asked, f := r.decode()
	var w live.Welcome
	if f == nil {
		began := s.srv.now()
		w, f = s.enter(asked.(hello))
		s.srv.metrics.greeted(asked.(hello), w, f, s.srv.now().Sub(began))
	}
	s.srv.metrics.message(r.kind, f)
	if f != nil {
		s.out.start(encodeAnswer(r.id, nil, f))
		s.out.finish(codes[f.Code].closes)
		return false
	}
	s.place.Seat(true)
	greeted()
	s.srv.seated(s) // before they hear of it: whom nobody counts, nobody waits for
	s.out.start(encodeAnswer(r.id, welcomeData(w, s.srv.timing.ping.Milliseconds()), nil))
	return true
}

// enter turns a hello into a seat, through the one gate of the room. A bug on the way is an answer and a ref.
func (s *session) enter(h hello) (w live.Welcome, f *Failure) {
	defer func() {
		if p := recover(); p != nil {
			f = failure(room.Internal, "our fault")
			f.Ref = s.srv.panicked("hello", p)
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), s.srv.timing.request)
	defer cancel()
	token := s.bearer
	s.bearer = auth.Secret{}
	if h.session != "" {
		w, f = s.back(ctx, h.session, h.secret)
	} else if token, f = s.only(h, token); f == nil {
		w, f = s.come(ctx, h, token)
	}
	if f != nil {
		return w, f
	}
	s.door, s.session = doorOf(w), w.Session
	s.follow(w.Self, false)
	return w, nil
}

// only finds the one token.
func (s *session) only(h hello, bearer auth.Secret) (auth.Secret, *Failure) {
	switch {
	case h.token.Empty() && bearer.Empty():
		return auth.Secret{}, failure(room.BadRequest, "token: a token or a resume is needed")
	case h.token.Empty():
		return bearer, nil
	case !bearer.Empty():
		return auth.Secret{}, failure(room.BadRequest, "token: in the frame or in Authorization, not both")
	}
	return h.token, nil
}

// refuseToken tells that a token is refused, and only the log why. A good one whose use we cannot remember now is no fault of its
// bearer, and may come again.
func (s *session) refuseToken(err error) *Failure {
	var refusal auth.Refusal
	f := failure(InvalidToken, "the token was refused")
	reason := "unknown"
	if errors.As(err, &refusal) {
		reason = string(refusal.Reason)
	}
	if refusal.Reason == auth.UsedTokensFull || refusal.Reason == auth.UsedTokensFailed {
		f = failure(room.Unavailable, "the token cannot be marked as used now")
	}
	f.Ref = newRef()
	s.srv.log.Warn("token refused", "ref", f.Ref, "reason", reason)
	s.srv.refusals.refusedToken(reason)
	if s.srv.cfg.Dev {
		f.Message += ": " + reason
	}
	s.srv.metrics.Joined(string(f.Code))
	return f
}

// handle answers one frame, or returns the code to close with.
func (s *session) handle(raw []byte) int {
	r, err := parseRequest(raw)
	if err != nil {
		s.out.reject(err)
		return closeProtocol
	}
	pay := s.bucket.take
	if r.kind == "ping" {
		pay = func(now time.Time) (time.Duration, bool) { return s.bucket.takePing(now, s.srv.timing.ping) }
	}
	if wait, flood := pay(s.srv.now()); wait > 0 {
		f := tooOften("too many messages", wait)
		s.out.answer(encodeAnswer(r.id, nil, f))
		s.srv.metrics.message(r.kind, f)
		if flood {
			return closeRate
		}
		return 0
	}
	if r.kind == "ping" {
		s.srv.metrics.message(r.kind, nil)
		s.out.answer(encodeAnswer(r.id, nil, nil))
		return 0
	}
	entry, mine := s.past.begin(r)
	switch {
	case entry == nil:
		f := failure(room.BadRequest, "id: used for another request")
		s.srv.metrics.message(r.kind, f)
		s.out.answer(encodeAnswer(r.id, nil, f))
		return 0
	case !mine:
		// An answer under way on the connection before this one comes within the time of a request.
		<-entry.done
		if entry.frame == nil { // a bug kept it from being written
			return closeInternal
		}
		s.out.answer(entry.frame)
		return 0
	}
	return s.perform(r, entry)
}

// perform does what a request asks and answers. A panic is answered "internal", unless the answer stood before it, and closes the
// connection. Whatever happens, the request is finished: the next connection may be waiting for its answer.
func (s *session) perform(r request, entry *remembered) (code int) {
	s.begin()
	defer s.settle()
	var frame []byte
	keep := s.past.finish
	defer func() {
		keep(entry, frame)
		s.out.answer(frame)
	}()
	defer func() {
		if p := recover(); p != nil {
			code = closeInternal
			ref := s.srv.panicked("request", p)
			if frame == nil {
				f := failure(room.Internal, "our fault")
				f.Ref = ref
				frame = encodeAnswer(r.id, nil, f)
			}
		}
	}()
	data, f := s.ask(r)
	if f != nil {
		s.srv.refusals.refusedAct(s.session, r.kind, f.Code)
	}
	if f != nil && f.Code == RateLimited {
		keep = s.past.retract
	}
	frame = encodeAnswer(r.id, data, f)
	s.srv.metrics.message(r.kind, f)
	if r.kind == "leave" && f == nil {
		return closeLeft
	}
	return 0
}

// ask passes a request to the seat. The time limit does not depend on the connection: what was begun is finished, and
// remembered for the next connection.
func (s *session) ask(r request) (object, *Failure) {
	asked, f := r.decode()
	if f != nil {
		return nil, f
	}
	if wait := s.past.hold(asked, s.helpRaised.Load(), s.srv.now()); wait > 0 {
		return nil, tooOften("too many of these: others see each", wait)
	}
	ctx, cancel := context.WithTimeout(context.Background(), s.srv.timing.request)
	defer cancel()
	switch a := asked.(type) {
	case hello:
		return nil, failure(room.InvalidState, "hello was said already")
	case live.Offer:
		answer, err := s.seat.Offer(ctx, a)
		if err != nil {
			return nil, s.explain(r.kind, err)
		}
		return answerData(answer), nil
	case passcode:
		return nil, s.enterPasscode(ctx, a)
	case live.View:
		if err := s.seat.View(ctx, a); err != nil {
			return nil, s.explain(r.kind, err)
		}
		return nil, nil
	case room.Command:
		outcome, err := s.seat.Do(ctx, a)
		if err != nil {
			return nil, s.explain(r.kind, err)
		}
		if _, many := a.(room.Admit); many {
			return outcomeData(outcome), nil
		}
		return nil, nil
	}
	panic("a request of the table is neither a command nor of the media")
}

// explain turns an error into the wire; what is our fault gets a ref in the log. Its text stays out: an error from below
// may quote what a client sent.
func (s *session) explain(kind string, err error) *Failure { return s.srv.explain(kind, err) }

func (s *Server) explain(kind string, err error) *Failure {
	f, known := translate(err)
	if !known {
		f.Ref = newRef()
		s.log.Error("internal error", "ref", f.Ref, "request", kind, "type", typeName(err))
	}
	return f
}

func typeName(v any) string { return fmt.Sprintf("%T", v) }
