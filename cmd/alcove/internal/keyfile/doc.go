// Package keyfile makes and reads the files that hold keys. Made files overwrite nothing; a secret that others on this host can read is
// refused.
package keyfile
