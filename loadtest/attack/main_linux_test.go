package attack

import (
	"os"
	"testing"
)

func TestMain(m *testing.M) { os.Exit(Inside(m.Run)) }
