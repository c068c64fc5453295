// Package cli provides what all commands share: the terminal, the flags, the exit codes, and the selection of a command by its name.
package cli
