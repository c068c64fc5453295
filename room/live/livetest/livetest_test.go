package livetest

import (
	"testing"

	"alcove/auth"
	"alcove/room"
)

func TestAGuestComesAndGoes(t *testing.T) {
	rooms := Rooms(nil, nil)
	host, err := Join(rooms, "g", "host", auth.Host)
	if err != nil {
		t.Fatal(err)
	}
	if host, err = host.Resume(rooms); err != nil {
		t.Fatal(err)
	}
	if _, err := host.Do(t.Context(), room.Lock{}); err != nil {
		t.Fatal(err)
	}
	if told, end := host.Client.Delivered(); len(told) == 0 || end != nil {
		t.Fatalf("told %v, end %v", told, end)
	}
	if err := rooms.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, end := host.Client.Delivered(); end == nil {
		t.Fatal("no end")
	}
}
