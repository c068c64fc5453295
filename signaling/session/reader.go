package session

import (
	"context"
	"errors"
	"io"
	"net"
	"time"

	"github.com/gorilla/websocket"

	"alcove/room"
	"alcove/room/live"
	"alcove/signaling/wire"
)

var (
	errFlood    = errors.New("too many messages")
	errTooLarge = errors.New("message too large")
	errBinary   = errors.New("a binary message")
	errNoHello  = errors.New("the first request must be hello")
)

// read handles the hello and then requests in order. It returns when the connection should close; the outbox has the close code
// then.
func (s *Session) read(onSeated func()) {
	defer s.recoverPanic("reader", func() { s.Close(wire.CloseInternal) })
	if !s.awaitHello(onSeated) {
		return
	}
	for !s.out.closed() {
		raw, err := s.readMessage(s.svc.timing.ping * silentPings)
		if err != nil {
			s.closeOnReadError(err, wire.CloseGoingAway)
			return
		}
		if !s.confirmed {
			s.confirmed = true
			s.seat.Confirm()
			s.svc.attempts.remove(s.attempt)
		}
		if code := s.handleFrame(raw); code != 0 {
			s.Close(code)
			return
		}
	}
}

// readMessage reads one text message within the limit of the current state.
func (s *Session) readMessage(timeout time.Duration) ([]byte, error) {
	s.setReadDeadline(timeout)
	kind, r, err := s.conn.NextReader()
	if err != nil {
		return nil, err
	}
	if kind != websocket.TextMessage {
		return nil, errBinary
	}
	limit := s.frameLimit.Load()
	raw, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(raw)) > limit {
		return nil, errTooLarge
	}
	return raw, nil
}

// closeOnReadError closes after a failed read; timeoutCode is the code for an exceeded deadline.
func (s *Session) closeOnReadError(err error, timeoutCode int) {
	var network net.Error // the WebSocket library hides os.ErrDeadlineExceeded
	switch {
	case errors.Is(err, errTooLarge):
		s.Close(wire.CloseTooLarge)
	case errors.Is(err, errBinary):
		s.out.rejectFrame(err)
	case errors.Is(err, errFlood):
		s.Close(wire.CloseRateLimited)
	case errors.As(err, &network) && network.Timeout():
		s.Close(timeoutCode)
	default:
		s.Close(wire.CloseGoingAway)
	}
}

// discardUntilClosed reads and discards until the peer has closed or the final deadline passes: closing a socket with unread
// bytes would reset it, and the peer would lose our close frame.
func (s *Session) discardUntilClosed() {
	defer s.recoverPanic("discard", func() {})
	for {
		if _, _, err := s.conn.NextReader(); err != nil {
			return
		}
	}
}

// handleFrame answers one frame, or returns the code to close with.
func (s *Session) handleFrame(raw []byte) int {
	r, err := wire.ParseRequest(raw)
	if err != nil {
		s.out.rejectFrame(err)
		return wire.CloseProtocol
	}
	charge := s.messages.take
	if r.Type == "ping" {
		charge = s.messages.takePing
	}
	if wait, flood := charge(s.svc.cfg.Now()); wait > 0 {
		s.answer(r, wire.NewRateLimited("too many messages", wait))
		if flood {
			return wire.CloseRateLimited
		}
		return 0
	}
	if r.Type == "ping" {
		s.answer(r, nil)
		return 0
	}
	answer, first := s.cache.begin(r)
	switch {
	case answer == nil:
		s.answer(r, wire.NewFailure(room.BadRequest, "id: used for another request"))
		return 0
	case !first:
		// A request that is still in progress on the connection before this one ends within the request timeout.
		<-answer.done
		if answer.frame == nil { // a bug prevented it
			return wire.CloseInternal
		}
		s.out.answer(answer.frame)
		return 0
	}
	return s.answerRequest(r, answer)
}

// answer answers a request without data and without the idempotency cache.
func (s *Session) answer(r wire.Request, f *wire.Failure) {
	s.svc.cfg.Metrics.RequestAnswered(r.Type, f)
	s.out.answer(wire.EncodeAnswer(r.ID, nil, f))
}

// answerRequest does a request and answers it. A panic is answered with internal, unless the answer was complete before it, and
// closes the connection. In every case the cached answer is completed, because the next connection may be waiting for it.
func (s *Session) answerRequest(r wire.Request, answer *cachedAnswer) (code int) {
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
			code = wire.CloseInternal
			ref := s.svc.cfg.Faults.Panic("request", p)
			if frame == nil {
				f := wire.NewFailure(room.Internal, "our fault")
				f.Ref = ref
				frame = wire.EncodeAnswer(r.ID, nil, f)
			}
		}
	}()
	data, f := s.dispatch(r)
	if f != nil && f.Code != room.E2EEStale { // of two who wanted the same number one was later: that is no refusal
		s.svc.cfg.Refusals.Request(s.session, r.Type, f.Code)
	}
	if f != nil && f.Code == wire.RateLimited {
		complete = s.cache.retract
	}
	frame = wire.EncodeAnswer(r.ID, data, f)
	s.svc.cfg.Metrics.RequestAnswered(r.Type, f)
	if r.Type == "leave" && f == nil {
		return wire.CloseNormal
	}
	return 0
}

// dispatch passes a request to the seat. Its timeout does not depend on the connection: a request that was begun is completed,
// and the next connection finds its answer.
func (s *Session) dispatch(r wire.Request) (wire.Object, *wire.Failure) {
	content, f := r.Decode()
	if f != nil {
		return nil, f
	}
	if wait := s.cache.takeLimit(content, s.helpRaised.Load(), s.svc.cfg.Now()); wait > 0 {
		return nil, wire.NewRateLimited("too many of these: others see each", wait)
	}
	ctx, cancel := context.WithTimeout(context.Background(), s.svc.timing.request)
	defer cancel()
	if data, f, ok := s.handleFiles(ctx, r.Type, content); ok {
		return data, f
	}
	if data, f, ok := s.handleCheck(ctx, r.Type, content); ok {
		return data, f
	}
	switch c := content.(type) {
	case wire.Hello:
		return nil, wire.NewFailure(room.InvalidState, "hello was said already")
	case live.Offer:
		answer, err := s.seat.Offer(ctx, c)
		if err != nil {
			return nil, s.failure(r.Type, err)
		}
		return wire.AnswerData(answer), nil
	case wire.PasscodeGuess:
		return nil, s.enterPasscode(ctx, c)
	case live.View:
		if err := s.seat.View(ctx, c); err != nil {
			return nil, s.failure(r.Type, err)
		}
		return nil, nil
	case room.Command:
		outcome, err := s.seat.Do(ctx, c)
		if err != nil {
			return nil, s.failure(r.Type, err)
		}
		switch c.(type) {
		case room.Admit:
			return wire.OutcomeData(outcome), nil
		case room.SyncGroup:
			return wire.SyncData(outcome), nil
		}
		return nil, nil
	}
	panic("a decoder returned a type that no request has")
}

// failure returns the error that the client gets for err.
func (s *Session) failure(request string, err error) *wire.Failure {
	return s.svc.cfg.Faults.Failure(request, err)
}
