package forward

import (
	"regexp"
	"testing"
)

func TestEveryDropHasItsName(t *testing.T) {
	label := regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`) // it becomes a label of a counter
	of := map[string]Drop{}
	for d := Kept; d < DropCount; d++ {
		name := d.String()
		if other, taken := of[name]; taken || !label.MatchString(name) {
			t.Errorf("drop %d is called %q, like drop %d", d, name, other)
		}
		of[name] = d
	}
	if len(of) != int(DropCount) || Kept.String() != "kept" || PeerPanic.String() != "panic" {
		t.Errorf("%d names for %d reasons", len(of), DropCount)
	}
}
