package live

import "time"

// tombs remember rooms that ended, so that tokens and secrets from before the end open nothing. The zero time is long ago.
type tombs struct {
	byName map[string]time.Time // the last end of the room
	byKey  map[string]bool
	queue  []tomb // oldest first, at most maxTombs
}

type tomb struct {
	name, key string
	ended     time.Time
}

func newTombs() tombs { return tombs{byName: map[string]time.Time{}, byKey: map[string]bool{}} }

// bury remembers an end.
func (t *tombs) bury(name, key string, now time.Time) {
	t.byName[name] = now
	t.byKey[key] = true
	t.queue = append(t.queue, tomb{name, key, now})
	t.purge(now)
}

// refuses reports whether a token of this room was made before the room last ended.
func (t *tombs) refuses(name string, issued, now time.Time) bool {
	t.purge(now)
	ended, ok := t.byName[name]
	return ok && !issued.After(ended)
}

// holds reports whether the room of a SessionID ended lately.
func (t *tombs) holds(key string, now time.Time) bool {
	t.purge(now)
	return t.byKey[key]
}

// purge forgets what is too old or too much.
func (t *tombs) purge(now time.Time) {
	for len(t.queue) > 0 && (len(t.queue) > maxTombs || now.Sub(t.queue[0].ended) > tombLife) {
		old := t.queue[0]
		t.queue = t.queue[1:]
		delete(t.byKey, old.key)
		if t.byName[old.name].Equal(old.ended) {
			delete(t.byName, old.name)
		}
	}
}
