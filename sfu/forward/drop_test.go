package forward

import (
	"regexp"
	"testing"
)

func TestEveryDropHasAName(t *testing.T) {
	label := regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`) // it becomes a label of a counter
	of := map[string]Drop{}
	for d := Kept; d < NumDrops; d++ {
		name := d.String()
		if other, taken := of[name]; taken || !label.MatchString(name) {
			t.Errorf("drop %d is called %q, like drop %d", d, name, other)
		}
		of[name] = d
	}
	if len(of) != int(NumDrops) || Kept.String() != "kept" || Panic.String() != "panic" {
		t.Errorf("%d names for %d reasons", len(of), NumDrops)
	}
}
