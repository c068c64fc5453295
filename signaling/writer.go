package signaling

import (
	"time"

	"github.com/gorilla/websocket"
)

// write sends what the outbox holds until it holds a close code. A write that fails closes the connection, which ends the
// reader.
func (s *session) write() {
	for {
		frame, closeCode := s.out.next()
		switch {
		case frame != nil:
			s.conn.SetWriteDeadline(time.Now().Add(s.srv.timing.write))
			if s.conn.WriteMessage(websocket.TextMessage, frame) != nil {
				s.conn.Close()
				s.countClose(s.out.close(CloseGoingAway))
				return
			}
		case closeCode != 0:
			s.countClose(closeCode)
			s.startClosing()
			payload := websocket.FormatCloseMessage(closeCode, s.out.reason())
			s.conn.WriteControl(websocket.CloseMessage, payload, time.Now().Add(s.srv.timing.closing))
			return
		default:
			<-s.out.wake
		}
	}
}

// count counts the end of the connection, whether or not its code could be told.
func (s *session) countClose(code int) { s.srv.metrics.closes.WithLabelValues(closeLabel(code)).Inc() }

// answerPing answers a WebSocket ping (RFC 6455, section 5.5.2). It costs as much as a ping of the protocol, so that nobody can keep
// us busy beside the pace. It runs in the reader.
func (s *session) answerPing(data string) error {
	if _, flood := s.messages.takePing(s.srv.now(), s.srv.timing.ping); flood {
		s.out.close(CloseRateLimited)
		return errFlood
	}
	s.conn.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(s.srv.timing.closing))
	return nil
}
