package wire

import (
	"time"

	"alcove/room"
	"alcove/room/live"
)

// fileRequestContents holds the contents of the requests about files.
func fileRequestContents() map[string][]any {
	sealed, id := []byte("an age file"), "fM3v8kQz1nXw5tYb2dRc7A"
	return map[string][]any{
		"check.begin": {CheckBegin{}},
		"check.offer": {CheckOffer{live.Offer{Generation: 1, SDP: goldenSDP, Tracks: []live.Track{{MID: "0", Source: room.Microphone}, {MID: "1", Source: room.Camera}}}}},
		"file.access": {FileAccess{}},
		"file.create": {
			FileCreate{Size: 40960, To: []room.ParticipantID{p1, p3}, Sealed: sealed},
			FileCreate{Size: 40960, To: []room.ParticipantID{p1}, Sealed: sealed, AtEnd: true},
			FileCreate{Size: 7, To: []room.ParticipantID{p1}, Sealed: sealed, At: time.UnixMilli(1790000060000), Replaces: id},
			FileCreate{Size: 3000, Clinic: room.Journal},
		},
		"file.withdraw": {FileWithdraw{ID: id}},
	}
}
