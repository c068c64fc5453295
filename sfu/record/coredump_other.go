//go:build !linux

package record

import "errors"

// NoCoreDumps can be promised on Linux only.
func NoCoreDumps() error { return errors.ErrUnsupported }

// Dumpable can be asked on Linux only.
func Dumpable() (bool, error) { return true, errors.ErrUnsupported }
