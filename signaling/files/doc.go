// Package files serves the content of files over HTTP: uploads in pieces by tus 1.0 (https://tus.io/protocols/resumable-upload), and
// downloads (PROTOCOL.md, section 6d). What a file is and who may have it is decided in package room/files.
package files
