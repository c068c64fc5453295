package attack

import (
	"os"
	"testing"
)

func TestMain(m *testing.M) { os.Exit(RunInNamespace(m.Run)) }
