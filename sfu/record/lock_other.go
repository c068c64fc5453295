//go:build !unix

package record

import "os"

// lockFile is a no-op on systems without flock: there, the daemon must not run while an operator erases, holds or removes.
func lockFile(string) (unlock func(), err error) { return func() {}, nil }

func waitForLock(*os.File) error { return nil }
