// Package doctor looks at a host and a configuration, and changes nothing: doctor, doctor --probe and check. What is seen comes from a host,
// what it means from the functions in diagnose.go, which are pure. Every finding that is not fine says how to mend it.
package doctor
