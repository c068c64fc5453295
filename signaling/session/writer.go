package session

import (
	"time"

	"github.com/gorilla/websocket"

	"alcove/signaling/wire"
)

// write sends the frames of the outbox until it returns a close code. A write that fails closes the connection, which ends the
// reader.
func (s *Session) write() {
	for {
		frame, closeCode := s.out.next()
		switch {
		case frame != nil:
			s.conn.SetWriteDeadline(time.Now().Add(s.svc.timing.write))
			if s.conn.WriteMessage(websocket.TextMessage, frame) != nil {
				s.conn.Close()
				s.svc.cfg.Metrics.ConnectionClosed(s.out.close(wire.CloseGoingAway))
				return
			}
		case closeCode != 0:
			s.svc.cfg.Metrics.ConnectionClosed(closeCode)
			s.startClosing()
			payload := websocket.FormatCloseMessage(closeCode, s.out.reason())
			s.conn.WriteControl(websocket.CloseMessage, payload, time.Now().Add(s.svc.timing.close))
			return
		default:
			<-s.out.wake
		}
	}
}

// answerPing answers a WebSocket ping (RFC 6455, section 5.5.2). It counts as a ping of the protocol, so that control frames do
// not get around the rate limit. It runs in the reader.
func (s *Session) answerPing(data string) error {
	if _, flood := s.messages.takePing(s.svc.cfg.Now()); flood {
		s.Close(wire.CloseRateLimited)
		return errFlood
	}
	s.conn.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(s.svc.timing.close))
	return nil
}
