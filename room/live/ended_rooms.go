package live

import "time"

// endedRooms remembers rooms that ended, so that tokens and secrets from before the end are refused. The zero time is long ago.
type endedRooms struct {
	byName map[string]time.Time // the last end of the room
	byKey  map[string]bool
	queue  []endedRoom // oldest first, at most maxEndedRooms
}

type endedRoom struct {
	name, key string
	ended     time.Time
}

func newEndedRooms() endedRooms {
	return endedRooms{byName: map[string]time.Time{}, byKey: map[string]bool{}}
}

// remember adds an end.
func (e *endedRooms) remember(name, key string, now time.Time) {
	e.byName[name] = now
	e.byKey[key] = true
	e.queue = append(e.queue, endedRoom{name, key, now})
	e.purge(now)
}

// endedAfter reports whether the room last ended after a token of it was issued, or at that moment.
func (e *endedRooms) endedAfter(name string, issued, now time.Time) bool {
	e.purge(now)
	ended, ok := e.byName[name]
	return ok && !issued.After(ended)
}

// has reports whether the room of a SessionID ended a short time ago.
func (e *endedRooms) has(key string, now time.Time) bool {
	e.purge(now)
	return e.byKey[key]
}

// purge forgets rooms that ended too long ago, and the oldest beyond maxEndedRooms.
func (e *endedRooms) purge(now time.Time) {
	for len(e.queue) > 0 && (len(e.queue) > maxEndedRooms || now.Sub(e.queue[0].ended) > endedRoomLife) {
		old := e.queue[0]
		e.queue = e.queue[1:]
		delete(e.byKey, old.key)
		if e.byName[old.name].Equal(old.ended) {
			delete(e.byName, old.name)
		}
	}
}
