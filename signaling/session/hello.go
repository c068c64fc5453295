package session

import (
	"context"
	"errors"
	"net/http"

	"alcove/auth"
	"alcove/room"
	"alcove/room/live"
	"alcove/signaling/conns"
	"alcove/signaling/internal/report"
	"alcove/signaling/wire"
)

// awaitHello waits for hello, takes a seat and answers. It reports whether the session has a seat.
func (s *Session) awaitHello(onSeated func()) bool {
	raw, err := s.readMessage(s.svc.timing.hello)
	if err != nil {
		s.closeOnReadError(err, wire.CloseHelloTimeout)
		return false
	}
	r, err := wire.ParseRequest(raw)
	if err == nil && r.Type != "hello" {
		err = errNoHello
	}
	if err != nil {
		s.out.rejectFrame(err)
		return false
	}
	s.beginRequest()
	defer s.endRequest()
	for _, lease := range []*conns.Lease{s.peer.Lease, s.peer.PreAuthLease} {
		lease.SetState(http.StateActive) // the client waits for the server now
	}
	content, f := r.Decode()
	var w live.Welcome
	if f == nil {
		hello, began := content.(wire.Hello), s.svc.cfg.Now()
		w, f = s.openSeat(hello)
		s.svc.cfg.Metrics.HelloAnswered(helloResult(hello, w, f), s.svc.cfg.Now().Sub(began))
	}
	s.svc.cfg.Metrics.RequestAnswered(r.Type, f)
	if f != nil {
		s.out.open(wire.EncodeAnswer(r.ID, nil, f))
		s.Close(wire.HelloCloseCode(f))
		return false
	}
	s.peer.Lease.MarkSeated(true)
	onSeated() // before the answer: the server must count every seat whose client knows of it
	s.out.open(wire.EncodeAnswer(r.ID, wire.WelcomeData(w, s.svc.timing.ping.Milliseconds()), nil))
	return true
}

// speaksE2EE reports whether the client speaks this version of end-to-end encryption.
func speaksE2EE(h wire.Hello) bool { return h.E2EE == wire.E2EEVersion }

// helloResult names the result of a hello for the metrics.
func helloResult(h wire.Hello, w live.Welcome, f *wire.Failure) string {
	switch {
	case f != nil:
		return "refused"
	case h.Session != "":
		return "resumed"
	}
	return string(w.Self.Access)
}

// openSeat turns a hello into a seat, new or resumed. A panic is answered with internal and a ref.
func (s *Session) openSeat(h wire.Hello) (w live.Welcome, f *wire.Failure) {
	defer func() {
		if p := recover(); p != nil {
			f = wire.NewFailure(room.Internal, "our fault")
			f.Ref = s.svc.cfg.Faults.Panic("hello", p)
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), s.svc.timing.request)
	defer cancel()
	token := s.bearer
	s.bearer = auth.Secret{}
	if h.Session != "" {
		w, f = s.resume(ctx, live.ResumeRequest{Session: h.Session, Secret: h.Secret, E2EE: speaksE2EE(h)})
	} else if token, f = selectToken(h, token); f == nil {
		w, f = s.join(ctx, h, token)
	}
	if f != nil {
		return w, f
	}
	s.passcodeScope, s.session = passcodeScopeOf(w), w.Session
	s.updateState(w.Self, false)
	return w, nil
}

// selectToken returns the token of the hello or of the Authorization header; there must be exactly one.
func selectToken(h wire.Hello, bearer auth.Secret) (auth.Secret, *wire.Failure) {
	switch {
	case h.Token.Empty() && bearer.Empty():
		return auth.Secret{}, wire.NewFailure(room.BadRequest, "token: a token or a resume is needed")
	case h.Token.Empty():
		return bearer, nil
	case !bearer.Empty():
		return auth.Secret{}, wire.NewFailure(room.BadRequest, "token: in the frame or in Authorization, not both")
	}
	return h.Token, nil
}

// refuseToken answers that a token is refused; only the log and the audit log say why. A valid token that cannot be marked as
// used now may be sent again.
func (s *Session) refuseToken(err error) *wire.Failure {
	var refusal auth.Refusal
	f := wire.NewFailure(wire.InvalidToken, "the token was refused")
	reason := "unknown"
	if errors.As(err, &refusal) {
		reason = string(refusal.Reason)
	}
	if refusal.Reason == auth.UsedTokensFull || refusal.Reason == auth.UsedTokensFailed {
		f = wire.NewFailure(room.Unavailable, "the token cannot be marked as used now")
	}
	f.Ref = report.NewRef()
	s.svc.cfg.Log.Warn("token refused", "ref", f.Ref, "reason", reason)
	s.svc.cfg.Refusals.Token(reason)
	if s.svc.cfg.ExplainTokens {
		f.Message += ": " + reason
	}
	s.svc.cfg.Metrics.Joined(string(f.Code))
	return f
}

// resume takes a seat back by its secret.
func (s *Session) resume(ctx context.Context, a live.ResumeRequest) (w live.Welcome, f *wire.Failure) {
	// The cache is acquired before the older connection releases it: its answers must not be forgotten in between.
	cache, release := s.svc.caches.acquire(a.Session, false)
	var err error
	s.seat, w, err = s.svc.rooms.resume(ctx, a, s)
	if err != nil {
		release()
		s.seat = nil
		return w, s.failure("hello", err)
	}
	if cache == nil {
		cache, release = s.svc.caches.acquire(w.Session, true)
	}
	s.setCache(cache, release)
	return w, nil
}

// newSeat joins the room. It checks the token again after everything that takes time, so that a revocation meanwhile counts.
func (s *Session) newSeat(ctx context.Context, h wire.Hello, token auth.Secret, grant auth.Grant) (w live.Welcome, f *wire.Failure) {
	arrival, f := s.admission(ctx, h, grant)
	if f != nil {
		s.svc.cfg.Refusals.Entry(grant, f.Code)
		return w, f
	}
	if _, err := s.svc.cfg.Tokens.Recheck(s.svc.cfg.Now(), token); err != nil {
		return w, s.refuseToken(err)
	}
	if !s.peer.Lease.MarkSeated(false) {
		f = wire.NewFailure(room.Unavailable, "the last connections are reserved for resumes")
		s.svc.cfg.Metrics.Joined(string(f.Code))
		return w, f
	}
	var err error
	s.seat, w, err = s.svc.rooms.join(ctx, arrival, s)
	if err != nil {
		s.seat = nil
		f = s.failure("hello", err)
		s.svc.cfg.Refusals.Entry(grant, f.Code)
		return w, f
	}
	s.setCache(s.svc.caches.acquire(w.Session, true))
	return w, nil
}

// admission collects the data from which the room decides about a client with a valid token.
func (s *Session) admission(ctx context.Context, h wire.Hello, g auth.Grant) (live.JoinRequest, *wire.Failure) {
	a := live.JoinRequest{Grant: g, DisplayName: h.DisplayName, E2EE: speaksE2EE(h), NotBefore: g.NotBefore, NotAfter: g.NotAfter}
	if !h.Passcode.Empty() {
		policy := g.Policy
		if policy == "" {
			policy = "default"
		}
		if f := s.checkPasscode(ctx, passcodeScope{policy, g.Room}, h.Passcode); f != nil {
			return a, f
		}
		a.PasscodeOK = true
	}
	if acknowledged := s.svc.cfg.Acknowledged; acknowledged != nil {
		hashes, err := acknowledged(ctx, g.Person)
		if err != nil { // the person acknowledges again
			s.svc.cfg.Log.Warn("earlier agreements cannot be read", "type", report.TypeName(err))
		}
		a.Acknowledged = hashes
	}
	return a, nil
}
