package daemon

import (
	"errors"
	"fmt"
	"testing"

	"alcove/room"
	"alcove/room/live"
	"alcove/sfu"
)

// TestOfferRefusal checks that a refused offer returns its code, and a detail that does not repeat the code.
func TestOfferRefusal(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err    error
		code   room.Code
		detail string
	}{
		{fmt.Errorf("%w: mid missing", sfu.ErrSDP), live.SDPInvalid, "mid missing"},
		{sfu.ErrStale, room.StaleGeneration, sfu.ErrStale.Error()},
		{errors.New("something else"), room.Unavailable, "the media plane is busy"},
	} {
		var got *room.Error
		if err := offerError(c.err); !errors.As(err, &got) || got.Code != c.code || got.Detail != c.detail {
			t.Errorf("%v: %v", c.err, err)
		}
	}
	if offerError(nil) != nil {
		t.Error("a refusal of nothing")
	}
}
