// Package config reads the configuration and the files it names:
//
//	file + environment ─► YAML nodes ─► known keys, types ─► Config ─► ranges, contradictions ─► LoadSecrets: keys, policies, texts
//
// Reading is strict: an unknown key, a key that comes twice, a wrong type or a value out of its range is an error. Every error names the
// line or the variable and says what to do, and all of them are reported at once. Nothing is read that the configuration does not name.
package config
