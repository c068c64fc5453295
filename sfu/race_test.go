//go:build race

package sfu

const underRace = true
