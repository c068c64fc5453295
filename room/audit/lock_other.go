//go:build !unix

package audit

import "os"

// flock is a no-op on systems without such locks: there, only the next check of the log detects two daemons on one folder.
func flock(*os.File) error { return nil }

// funlock is a no-op, as flock is.
func funlock(*os.File) error { return nil }
