//go:build !race

package sfu

const underRace = false
