package config

import (
	"slices"
	"testing"
)

// TestMediaListen reads one address and one of each family, from the file and from the environment.
func TestMediaListen(t *testing.T) {
	for _, test := range []struct {
		file string
		env  []string
		want []string // sockets of the second worker
	}{
		{"", nil, []string{"0.0.0.0:50001"}},
		{"media: {listen: 192.0.2.7}\n", nil, []string{"192.0.2.7:50001"}},
		{"media: {listen: ['2001:db8::7']}\n", nil, []string{"[2001:db8::7]:50001"}},
		{"media: {listen: [0.0.0.0, '::']}\n", nil, []string{"0.0.0.0:50001", "[::]:50001"}},
		{"media: {listen: ['::', 0.0.0.0], advertise: ['2001:db8::1', 203.0.113.7]}\n", nil, []string{"0.0.0.0:50001", "[::]:50001"}},
		{"media: {listen: 192.0.2.7}\n", []string{"ALCOVE_MEDIA__LISTEN=[0.0.0.0, '::']"}, []string{"0.0.0.0:50001", "[::]:50001"}},
		{"media: {listen: 192.0.2.7}\n", []string{"ALCOVE_MEDIA__LISTEN=192.0.2.8"}, []string{"192.0.2.8:50001"}},
	} {
		c, _, err := parseWithEnv("a.yaml", []byte(minimal+test.file), test.env)
		if err != nil {
			t.Errorf("%q, %q: %v", test.file, test.env, err)
			continue
		}
		if got := c.Media.Sockets(1); !slices.Equal(got, test.want) {
			t.Errorf("%q, %q: %q, want %q", test.file, test.env, got, test.want)
		}
	}
}
