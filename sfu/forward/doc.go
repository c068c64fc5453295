// Package forward decides about packets: pure, standard library only. Time is an input.
package forward
