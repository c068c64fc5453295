package demotest

import (
	"bytes"
	"testing"

	"alcove/cmd/alcove/internal/cli"
	"alcove/cmd/alcove/internal/operator"
)

// Command runs an operator's command to its end.
func Command(t *testing.T, args ...string) (said string, code int) {
	t.Helper()
	var out, err bytes.Buffer
	code = cli.Run(cli.Terminal{Out: &out, Err: &err}, operator.Commands(), args)
	return out.String() + err.String(), code
}
