package daemon

import (
	"context"
	"encoding/base64"
	"errors"
	"log/slog"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"alcove/cmd/alcove/internal/config"
	"alcove/cmd/alcove/internal/control"
	"alcove/cmd/alcove/internal/state"
	"alcove/room"
	"alcove/room/files"
	"alcove/room/live"
	"alcove/room/store"
	"alcove/sfu"
	"alcove/sfu/record"
	"alcove/sfu/relay"
	"alcove/signaling/wire"
)

// OpenMedia starts the media plane and the recorder. The closer stops both, and is the collector of their metrics.
func OpenMedia(all config.Config, log *slog.Logger) (live.Media, Plane, error) {
	c := all.Media
	rec, err := openRecorder(all.Recording, log)
	if err != nil {
		return nil, nil, err
	}
	at, second := c.Sockets(0), ""
	if len(at) > 1 {
		second = at[1]
	}
	e, err := sfu.New(sfu.Config{
		Listen: at[0], ListenIPv6: second, Workers: c.Workers, Advertise: c.Advertise,
		AllowAES128: c.AllowAES128, Log: log, MaxBitrates: allowed(),
	})
	if err != nil {
		return nil, nil, errors.Join(err, rec.close(context.Background()))
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	to := newRelay(all, e)
	return media{e, rec, to}, mediaPlane{newMediaMetrics(e), rec, to}, nil
}

// allowed lists the bitrates of video that clients may send, by source.
func allowed() map[sfu.Source][]int {
	all := map[sfu.Source][]int{}
	for _, source := range []room.Source{room.Camera, room.Screen} {
		all[sfu.Source(source)] = wire.MaxBitrates(source)
	}
	return all
}

// newEraser erases people in what the daemon has open.
func newEraser(s *store.Store, kept *files.Service, r *recorder) state.Eraser {
	e := state.Eraser{Store: s, Files: kept}
	if r != nil {
		e.Receipts = state.ReceiptsOf(r.keyring)
	}
	return e
}

// newAuditEntries enters into the audit log. With the receipt of an erasure the session files of the person go.
func newAuditEntries(ctx context.Context, e state.Eraser) auditEntries {
	return auditEntries{
		receipt: func(r record.ErasureReceipt) error { return e.Enter(ctx, state.ReceiptOf(r)) },
		track:   func(ctx context.Context, entry state.TrackEntry) error { return state.EnterTrack(ctx, e.Store, entry) },
	}
}

// sweeper removes expired recordings now, for an operator.
func (r *recorder) sweeper(e state.Eraser) func() (*control.SweepResult, error) {
	return func() (*control.SweepResult, error) {
		if r == nil {
			return nil, errors.New("recording.dir: is empty: nothing is recorded")
		}
		swept, err := r.sweep(newAuditEntries(context.Background(), e))
		return (*control.SweepResult)(&swept), err
	}
}

// media adapts the media plane to room/live: this is the only file that imports both.
type media struct {
	engine   *sfu.Engine
	recorder *recorder     // nil: nothing is recorded
	relay    *relay.Server // nil: there is none
}

// Open implements live.Media.
func (m media) Open(session live.MediaSession, events func(live.MediaEvent)) (live.MediaRoom, error) {
	r, err := m.engine.Open(func(e sfu.Event) { events(translateEvent(e)) })
	if err != nil {
		return nil, offerError(err)
	}
	tell := tapCallbacks{
		began:  func() { events(live.RecorderBegan{}) },
		failed: func(fault string) { events(live.RecorderFailed{Fault: room.Fault(fault)}) },
	}
	out := mediaRoom{room: r, key: session.Key, callbacks: tell}
	if m.relay != nil {
		out.relay = m.relay.Group()
	}
	if m.recorder != nil {
		out.tap = m.recorder.tap(session.Key, session.Policy, session.E2EE, tell)
		r.Tap(out.tap)
	}
	return out, nil
}

type mediaRoom struct {
	room      *sfu.Room
	key       string
	tap       *roomTap     // nil: nothing is recorded
	relay     *relay.Group // nil: there is none
	callbacks tapCallbacks
}

// echoOf lets one client hear itself.
func echoOf(e *sfu.Engine) func(live.Offer, time.Duration, func(live.Answer, error)) (end func(), err error) {
	return func(o live.Offer, lasts time.Duration, done func(live.Answer, error)) (func(), error) {
		o.Participant, o.Generation = "check", 1
		end, err := e.Echo(sfuOffer(o), lasts, func(a sfu.Answer, err error) { done(live.Answer{SDP: a.SDP}, offerError(err)) })
		return end, offerError(err)
	}
}

func sfuOffer(o live.Offer) sfu.Offer {
	offer := sfu.Offer{Peer: sfu.PeerID(o.Participant), Generation: o.Generation, SDP: o.SDP}
	for _, t := range o.Tracks {
		offer.Tracks = append(offer.Tracks, sfu.Track{MID: t.MID, Source: sfu.Source(t.Source)})
	}
	return offer
}

// Answer implements live.MediaRoom.
func (m mediaRoom) Answer(o live.Offer, accept func() error, done func(live.Answer, error)) {
	m.room.Answer(sfuOffer(o), accept, func(a sfu.Answer, err error) {
		answer := live.Answer{SDP: a.SDP}
		for _, s := range a.Slots {
			answer.Slots = append(answer.Slots, live.Slot(s))
		}
		done(answer, offerError(err))
	})
}

// Obey implements live.MediaRoom.
func (m mediaRoom) ApplyPlan(p room.Plan, done func()) {
	m.relayFor(p.Entries)
	if m.tap != nil {
		m.tap.releases.keep(participantsOf(p.Entries))
	}
	plan := sfu.Plan{Encrypted: p.Encrypted}
	for _, s := range p.Entries {
		seat := sfu.PlanEntry{Peer: sfu.PeerID(s.Participant), Priority: s.Host}
		for _, pub := range s.Sends {
			seat.Sends = append(seat.Sends, sfu.Send{
				ID: string(pub.ID), Source: sfu.Source(pub.Source), CSRC: pub.CSRC, Muted: pub.Muted,
			})
		}
		for _, id := range s.Receives {
			seat.Receives = append(seat.Receives, sfu.PeerID(id))
		}
		plan.Entries = append(plan.Entries, seat)
	}
	if len(p.Record) > 0 && m.tap == nil {
		m.callbacks.failed(faultWrite) // fail closed: without a recorder the room must not appear recorded
	}
	for _, rec := range p.Record {
		if m.tap != nil {
			m.tap.setSubject(string(rec.Publication), subject{person: string(rec.Person), scope: string(rec.Scope)})
			plan.Record = append(plan.Record, string(rec.Publication))
		}
	}
	m.room.Apply(plan, done)
}

func participantsOf(seats []room.PlanEntry) (list []string) {
	for _, s := range seats {
		list = append(list, string(s.Participant))
	}
	return list
}

// relayFor allows the relay to the participants of the plan only, and ends the allocations of all others.
func (m mediaRoom) relayFor(seats []room.PlanEntry) {
	if m.relay == nil {
		return
	}
	var all []string
	for _, s := range seats {
		all = append(all, string(live.SessionOf(m.key, s.Participant)))
	}
	m.relay.Allow(all)
}

// Release passes frame keys that a participant releases to the clinic to the present and later recordings of that participant.
func (m mediaRoom) Release(k room.KeysReleased) {
	if m.tap == nil {
		return
	}
	r := record.Release{Scope: string(k.Scope), Number: k.Number, Sealed: decoded(k.Sealed)}
	for _, key := range k.Keys {
		r.Keys = append(r.Keys, record.ReleasedKey{KID: key.KID, Blob: decoded(key.Key)})
	}
	m.tap.release(string(k.Participant), string(k.Scope), r)
}

// decoded decodes base64 and returns nil for anything else: the wire has checked it.
func decoded(s room.Sealed) []byte {
	b, err := base64.StdEncoding.DecodeString(string(s))
	if err != nil || len(b) == 0 {
		return nil
	}
	return b
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
func (m mediaRoom) Close() {
	m.relayFor(nil)
	m.room.Close()
	if m.tap != nil {
		m.tap.close()
	}
}

func translateEvent(e sfu.Event) live.MediaEvent {
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
	case sfu.LinesChanged:
		out := live.LinesChanged{}
		for _, l := range e.Lines {
			out.Lines = append(out.Lines, live.Line{Participant: room.ParticipantID(l.Peer), Lost: l.Lost})
		}
		return out
	case sfu.RateExceeded:
		return live.RateExceeded{Participant: room.ParticipantID(e.Peer), Publication: room.PublicationID(e.Publication), Withheld: e.Withheld}
	case sfu.Connected:
		return live.ConnectionMade{Participant: room.ParticipantID(e.Peer), AES128: e.AES128}
	case sfu.HandshakeFailed:
		return live.ConnectionFailed{Participant: room.ParticipantID(e.Peer), Code: string(e.Fault)}
	case sfu.VideosPaused:
		out := live.VideosPaused{Participant: room.ParticipantID(e.Peer)}
		for _, id := range e.Publications {
			out.Publications = append(out.Publications, room.PublicationID(id))
		}
		return out
	case sfu.EncodingsWanted:
		return live.EncodingsChanged{Participant: room.ParticipantID(e.Peer), Source: room.Source(e.Source), RIDs: e.RIDs}
	}
	return live.MediaFailed{}
}

// offerErrorCodes are the errors of an offer as the protocol names them.
var offerErrorCodes = map[error]room.Code{
	sfu.ErrSDP: live.SDPInvalid, sfu.ErrCodec: live.CodecUnsupported, sfu.ErrTracks: live.TrackLimit,
	sfu.ErrRefused: room.NotAdmitted, sfu.ErrStale: room.StaleGeneration,
}

func offerError(err error) error {
	if err == nil {
		return nil
	}
	if ours, ok := errors.AsType[*room.Error](err); ok {
		return ours // the room did not accept the offer
	}
	for cause, code := range offerErrorCodes {
		if errors.Is(err, cause) {
			return &room.Error{Code: code, Detail: strings.TrimPrefix(err.Error(), cause.Error()+": ")}
		}
	}
	return &room.Error{Code: room.Unavailable, Detail: "the media plane is busy"}
}
