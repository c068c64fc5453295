package session

import (
	"context"
	"time"

	"alcove/room"
	"alcove/room/live"
	"alcove/signaling/wire"
)

// A Checker connects seats to echoes, by which they measure their way to the media plane.
type Checker interface {
	// Begin returns the relay's servers for a check of this seat, and how long the check lasts.
	Begin(client wire.ICEClient) ([]wire.ICEServer, time.Duration, error)
	// Offer answers the offer of a connection to an echo.
	Offer(ctx context.Context, seat string, o live.Offer) (sdp string, err error)
}

// handleCheck answers a request about the check of a connection. ok is false for all other requests. Whoever has a seat may check,
// also who waits: an echo reaches nobody else.
func (s *Session) handleCheck(ctx context.Context, kind string, content any) (data wire.Object, f *wire.Failure, ok bool) {
	var err error
	switch c := content.(type) {
	case wire.CheckBegin:
		data, err = s.beginCheck()
	case wire.CheckOffer:
		data, err = s.offerCheck(ctx, c)
	default:
		return nil, nil, false
	}
	if err != nil {
		return nil, s.failure(kind, err), true
	}
	return data, nil, true
}

var errNoChecks = &room.Error{Code: room.Unavailable, Detail: "no checks here"}

func (s *Session) beginCheck() (wire.Object, error) {
	if s.svc.cfg.Checks == nil {
		return nil, errNoChecks
	}
	ice, lasts, err := s.svc.cfg.Checks.Begin(wire.ICEClient{Seat: string(s.session), Host: s.peer.Host})
	if err != nil {
		return nil, err
	}
	return wire.CheckBegunData(ice, lasts), nil
}

func (s *Session) offerCheck(ctx context.Context, c wire.CheckOffer) (wire.Object, error) {
	if s.svc.cfg.Checks == nil {
		return nil, errNoChecks
	}
	sdp, err := s.svc.cfg.Checks.Offer(ctx, string(s.session), c.Offer)
	if err != nil {
		return nil, err
	}
	return wire.CheckAnswerData(sdp), nil
}
