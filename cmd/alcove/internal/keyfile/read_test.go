package keyfile

import (
	"os"
	"testing"
)

func TestPrivate(t *testing.T) {
	for _, c := range []struct {
		what string
		mode os.FileMode
		ours bool
		want bool
	}{
		{"ours alone", 0o600, true, true},
		{"ours, read only", 0o400, true, true},
		{"ours, lent to a group", 0o640, true, false},
		{"ours, open", 0o644, true, false},
		{"lent by systemd or Kubernetes", 0o440, false, true},
		{"lent, and writable by the group", 0o460, false, false},
		{"somebody's, open", 0o444, false, false},
		{"somebody's, others may write", 0o442, false, false},
	} {
		if got := IsPrivate(c.mode, c.ours); got != c.want {
			t.Errorf("%s, %04o: %t", c.what, c.mode, got)
		}
	}
}
