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
func (s *session) read(onSeated func()) {
	defer s.recoverPanic("reader", func() { s.out.close(CloseInternal) })
	if !s.awaitHello(onSeated) {
		return
	}
	for !s.out.closed() {
		raw, err := s.readMessage(s.srv.timing.ping * silentPings)
		if err != nil {
			s.closeOnReadError(err, CloseGoingAway)
			return
		}
		if !s.confirmed {
			s.confirmed = true
			s.seat.Confirm()
			s.srv.attempts.remove(s.attempt)
		}
		if code := s.handleFrame(raw); code != 0 {
			s.out.close(code)
			return
		}
	}
}

// next reads one text message within the limit of the present state. A longer one is not kept.
func (s *session) readMessage(timeout time.Duration) ([]byte, error) {
	s.setReadDeadline(timeout)
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
func (s *session) closeOnReadError(err error, timeoutCode int) {
	var network net.Error // the WebSocket library hides os.ErrDeadlineExceeded
	switch {
	case errors.Is(err, errTooLarge):
		s.out.close(CloseTooLarge)
	case errors.Is(err, errBinary):
		s.out.rejectFrame(err)
	case errors.Is(err, errFlood):
		s.out.close(CloseRateLimited)
	case errors.As(err, &network) && network.Timeout():
		s.out.close(timeoutCode)
	default:
		s.out.close(CloseGoingAway)
	}
}

// drain reads on and throws away, until the peer has closed or the last deadline passes: closing a socket with unread bytes
// would reset it and take our close frame along.
func (s *session) discardUntilClosed() {
	defer s.recoverPanic("drain", func() {})
	for {
		if _, _, err := s.conn.NextReader(); err != nil {
			return
		}
	}
}

// greet waits for hello and takes a seat. greeted is called before the client hears that it is no stranger any more.
func (s *session) awaitHello(onSeated func()) bool {
	raw, err := s.readMessage(s.srv.timing.hello)
	if err != nil {
		s.closeOnReadError(err, CloseHelloTimeout)
		return false
	}
	r, err := ParseRequest(raw)
	if err == nil && r.Type != "hello" {
		err = errNoHello
	}
	if err != nil {
		s.out.rejectFrame(err)
		return false
	}
	s.beginRequest()
	defer s.endRequest()
	for _, place := range []*conns.Lease{s.lease, s.preAuthLease} {
		place.SetState(http.StateActive) // it waits for us now
	}
	asked, f := r.Decode()
	var w live.Welcome
	if f == nil {
		began := s.srv.now()
		w, f = s.openSeat(asked.(Hello))
		s.srv.metrics.helloAnswered(asked.(Hello), w, f, s.srv.now().Sub(began))
	}
	s.srv.metrics.requestAnswered(r.Type, f)
	if f != nil {
		s.out.open(EncodeAnswer(r.ID, nil, f))
		s.out.close(errorRules[f.Code].closeCode)
		return false
	}
	s.lease.MarkSeated(true)
	onSeated()
	s.srv.markSeated(s) // before they hear of it: whom nobody counts, nobody waits for
	s.out.open(EncodeAnswer(r.ID, WelcomeData(w, s.srv.timing.ping.Milliseconds()), nil))
	return true
}

// enter turns a hello into a seat, through the one gate of the room. A bug on the way is an answer and a ref.
func (s *session) openSeat(h Hello) (w live.Welcome, f *Failure) {
	defer func() {
		if p := recover(); p != nil {
			f = NewFailure(room.Internal, "our fault")
			f.Ref = s.srv.reportPanic("hello", p)
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), s.srv.timing.request)
	defer cancel()
	token := s.bearer
	s.bearer = auth.Secret{}
	if h.Session != "" {
		w, f = s.resume(ctx, h.Session, h.Secret)
	} else if token, f = s.selectToken(h, token); f == nil {
		w, f = s.join(ctx, h, token)
	}
	if f != nil {
		return w, f
	}
	s.passcodeScope, s.session = passcodeScopeOf(w), w.Session
	s.updateLimits(w.Self, false)
	return w, nil
}

// only finds the one token.
func (s *session) selectToken(h Hello, bearer auth.Secret) (auth.Secret, *Failure) {
	switch {
	case h.Token.Empty() && bearer.Empty():
		return auth.Secret{}, NewFailure(room.BadRequest, "token: a token or a resume is needed")
	case h.Token.Empty():
		return bearer, nil
	case !bearer.Empty():
		return auth.Secret{}, NewFailure(room.BadRequest, "token: in the frame or in Authorization, not both")
	}
	return h.Token, nil
}

// refuseToken tells that a token is refused, and only the log why. A good one whose use we cannot remember now is no fault of its
// bearer, and may come again.
func (s *session) refuseToken(err error) *Failure {
	var refusal auth.Refusal
	f := NewFailure(InvalidToken, "the token was refused")
	reason := "unknown"
	if errors.As(err, &refusal) {
		reason = string(refusal.Reason)
	}
	if refusal.Reason == auth.UsedTokensFull || refusal.Reason == auth.UsedTokensFailed {
		f = NewFailure(room.Unavailable, "the token cannot be marked as used now")
	}
	f.Ref = newRef()
	s.srv.log.Warn("token refused", "ref", f.Ref, "reason", reason)
	s.srv.refusals.tokenRefused(reason)
	if s.srv.cfg.Dev {
		f.Message += ": " + reason
	}
	s.srv.metrics.Joined(string(f.Code))
	return f
}

// handle answers one frame, or returns the code to close with.
func (s *session) handleFrame(raw []byte) int {
	r, err := ParseRequest(raw)
	if err != nil {
		s.out.rejectFrame(err)
		return CloseProtocol
	}
	pay := s.messages.take
	if r.Type == "ping" {
		pay = func(now time.Time) (time.Duration, bool) { return s.messages.takePing(now, s.srv.timing.ping) }
	}
	if wait, flood := pay(s.srv.now()); wait > 0 {
		f := NewRateLimited("too many messages", wait)
		s.out.answer(EncodeAnswer(r.ID, nil, f))
		s.srv.metrics.requestAnswered(r.Type, f)
		if flood {
			return CloseRateLimited
		}
		return 0
	}
	if r.Type == "ping" {
		s.srv.metrics.requestAnswered(r.Type, nil)
		s.out.answer(EncodeAnswer(r.ID, nil, nil))
		return 0
	}
	answer, first := s.cache.begin(r)
	switch {
	case answer == nil:
		f := NewFailure(room.BadRequest, "id: used for another request")
		s.srv.metrics.requestAnswered(r.Type, f)
		s.out.answer(EncodeAnswer(r.ID, nil, f))
		return 0
	case !first:
		// An answer under way on the connection before this one comes within the time of a request.
		<-answer.done
		if answer.frame == nil { // a bug kept it from being written
			return CloseInternal
		}
		s.out.answer(answer.frame)
		return 0
	}
	return s.answerRequest(r, answer)
}

// perform does what a request asks and answers. A panic is answered "internal", unless the answer stood before it, and closes the
// connection. Whatever happens, the request is finished: the next connection may be waiting for its answer.
func (s *session) answerRequest(r Request, answer *cachedAnswer) (code int) {
	s.beginRequest()
	defer s.endRequest()
	var frame []byte
	complete := s.cache.complete
	defer func() {
		complete(answer, frame)
		s.out.answer(frame)
	}()
	defer func() {
		if p := recover(); p != nil {
			code = CloseInternal
			ref := s.srv.reportPanic("request", p)
			if frame == nil {
				f := NewFailure(room.Internal, "our fault")
				f.Ref = ref
				frame = EncodeAnswer(r.ID, nil, f)
			}
		}
	}()
	data, f := s.dispatch(r)
	if f != nil {
		s.srv.refusals.requestRefused(s.session, r.Type, f.Code)
	}
	if f != nil && f.Code == RateLimited {
		complete = s.cache.retract
	}
	frame = EncodeAnswer(r.ID, data, f)
	s.srv.metrics.requestAnswered(r.Type, f)
	if r.Type == "leave" && f == nil {
		return CloseNormal
	}
	return 0
}

// ask passes a request to the seat. The time limit does not depend on the connection: what was begun is finished, and
// remembered for the next connection.
func (s *session) dispatch(r Request) (Object, *Failure) {
	asked, f := r.Decode()
	if f != nil {
		return nil, f
	}
	if wait := s.cache.reserve(asked, s.helpRaised.Load(), s.srv.now()); wait > 0 {
		return nil, NewRateLimited("too many of these: others see each", wait)
	}
	ctx, cancel := context.WithTimeout(context.Background(), s.srv.timing.request)
	defer cancel()
	switch a := asked.(type) {
	case Hello:
		return nil, NewFailure(room.InvalidState, "hello was said already")
	case live.Offer:
		answer, err := s.seat.Offer(ctx, a)
		if err != nil {
			return nil, s.explain(r.Type, err)
		}
		return AnswerData(answer), nil
	case PasscodeGuess:
		return nil, s.enterPasscode(ctx, a)
	case live.View:
		if err := s.seat.View(ctx, a); err != nil {
			return nil, s.explain(r.Type, err)
		}
		return nil, nil
	case room.Command:
		outcome, err := s.seat.Do(ctx, a)
		if err != nil {
			return nil, s.explain(r.Type, err)
		}
		if _, many := a.(room.Admit); many {
			return OutcomeData(outcome), nil
		}
		return nil, nil
	}
	panic("a request of the table is neither a command nor of the media")
}

// explain turns an error into the wire; what is our fault gets a ref in the log. Its text stays out: an error from below
// may quote what a client sent.
func (s *session) explain(kind string, err error) *Failure { return s.srv.failure(kind, err) }

func (s *Server) failure(kind string, err error) *Failure {
	f, known := Translate(err)
	if !known {
		f.Ref = newRef()
		s.log.Error("internal error", "ref", f.Ref, "request", kind, "type", typeName(err))
	}
	return f
}

func typeName(v any) string { return fmt.Sprintf("%T", v) }
