// Package cli is what all commands share: the terminal, the flags, the exit codes, and the choice of a command by its name.
package cli
