package wire

import (
	"time"

	"alcove/room/live"
)

// Requests about the check of a connection (PROTOCOL.md, section 6e).
type (
	// A CheckBegin begins a check.
	CheckBegin struct{}
	// A CheckOffer is the offer of a connection to an echo.
	CheckOffer struct{ live.Offer }
)

func decodeCheckOffer(c Reader) any {
	o := live.Offer{Generation: 1, SDP: c.Text("sdp", MaxFrameWaiting, anyRune)}
	if failed, ok := c.offered(&o).(*Failure); ok {
		return failed
	}
	return CheckOffer{o}
}

// CheckBegunData returns the data of the answer to check.begin.
func CheckBegunData(ice []ICEServer, lasts time.Duration) Object {
	return Object{"iceServers": List(ice, identity), "lastsMs": lasts.Milliseconds()}
}

// CheckAnswerData returns the data of the answer to check.offer.
func CheckAnswerData(sdp string) Object { return Object{"sdp": sdp} }
