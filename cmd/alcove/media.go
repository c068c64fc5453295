package main

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"strconv"

	"alcove/room"
	"alcove/room/live"
	"alcove/sfu"
)

// newMedia starts the media plane. The closer ends it, and is the collector of its metrics.
func newMedia(c mediaConfig, log *slog.Logger) (live.Media, io.Closer, error) {
	e, err := sfu.New(sfu.Config{
		Listen: net.JoinHostPort(c.Listen, strconv.Itoa(c.Port)), Workers: c.Workers, Advertise: c.Advertise,
		AllowAES128: c.AllowAES128, Log: log,
	})
	if err != nil {
		return nil, nil, err
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	return media{e}, newMediaMetrics(e), nil
}

// media shows the media plane to the rooms in their words: this file is the only one that sees both.
type media struct{ engine *sfu.Engine }

// Open implements live.Media.
func (m media) Open(_ live.MediaSession, events func(live.MediaEvent)) (live.MediaRoom, error) {
	r, err := m.engine.Open(func(e sfu.Event) { events(translated(e)) })
	if err != nil {
		return nil, refusal(err)
	}
	return mediaRoom{r}, nil
}

type mediaRoom struct{ room *sfu.Room }

// Answer implements live.MediaRoom.
func (m mediaRoom) Answer(o live.Offer, done func(live.Answer, error)) {
	offer := sfu.Offer{Peer: sfu.PeerID(o.Participant), Generation: o.Generation, SDP: o.SDP}
	for _, t := range o.Tracks {
		offer.Tracks = append(offer.Tracks, sfu.Track{MID: t.MID, Source: sfu.Source(t.Source)})
	}
	m.room.Answer(offer, func(a sfu.Answer, err error) {
		answer := live.Answer{SDP: a.SDP}
		for _, s := range a.Slots {
			answer.Slots = append(answer.Slots, live.Slot(s))
		}
		done(answer, refusal(err))
	})
}

// Obey implements live.MediaRoom.
func (m mediaRoom) Obey(p room.Plan, done func()) {
	var plan sfu.Plan
	for _, s := range p.Seats {
		seat := sfu.Seat{Peer: sfu.PeerID(s.Participant)}
		for _, pub := range s.Sends {
			seat.Sends = append(seat.Sends, sfu.Send{
				ID: string(pub.ID), Source: sfu.Source(pub.Source), CSRC: pub.CSRC, Muted: pub.Muted,
			})
		}
		for _, id := range s.Hears {
			seat.Hears = append(seat.Hears, sfu.PeerID(id))
		}
		plan.Seats = append(plan.Seats, seat)
	}
	m.room.Obey(plan, done)
}

// Announced implements live.MediaRoom.
func (m mediaRoom) Announced(p room.ParticipantID, version uint64) {
	m.room.Announced(sfu.PeerID(p), version)
}

// View implements live.MediaRoom.
func (m mediaRoom) View(p room.ParticipantID, v live.View) {
	heights := map[string]int{}
	for id, h := range v {
		heights[string(id)] = h
	}
	m.room.View(sfu.PeerID(p), sfu.View{Heights: heights})
}

// Close implements live.MediaRoom.
func (m mediaRoom) Close() { m.room.Close() }

func translated(e sfu.Event) live.MediaEvent {
	switch e := e.(type) {
	case sfu.SlotsMapped:
		out := live.SlotsMapped{Participant: room.ParticipantID(e.Peer), Version: e.Version}
		for _, s := range e.Slots {
			out.Slots = append(out.Slots, live.SlotOwner{
				Kind: s.Kind, Index: s.Index, Publication: room.PublicationID(s.Publication),
				Participant: room.ParticipantID(s.Peer), CSRC: s.CSRC,
			})
		}
		return out
	case sfu.SpeakersChanged:
		out := live.SpeakersChanged{}
		for _, id := range e.Peers {
			out.IDs = append(out.IDs, room.ParticipantID(id))
		}
		return out
	case sfu.EncodingsWanted:
		return live.EncodingsChanged{Participant: room.ParticipantID(e.Peer), Source: room.Source(e.Source), RIDs: e.RIDs}
	}
	return live.MediaFailed{}
}

// refusals are the errors of an offer as the protocol names them.
var refusals = map[error]room.Code{
	sfu.ErrSDP: live.SDPInvalid, sfu.ErrCodec: live.CodecUnsupported, sfu.ErrTracks: live.TrackLimit,
	sfu.ErrRefused: room.NotAdmitted, sfu.ErrStale: room.StaleGeneration,
}

func refusal(err error) error {
	if err == nil {
		return nil
	}
	for cause, code := range refusals {
		if errors.Is(err, cause) {
			return &room.Error{Code: code, Detail: err.Error()}
		}
	}
	return &room.Error{Code: room.Unavailable, Detail: "the media plane is busy"}
}
