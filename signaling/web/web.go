// Package web holds the bundled page inside the daemon.
//
//	*.ts, *.tsx, *.css ──► esbuild (make page) ──► dist/ ──► go:embed ──► signaling serves it
//
// dist is built, not committed: a daemon built without it has only the place holder, and Built says so.
package web

import (
	"embed"
	"io/fs"
)

// Index is the file that the browser opens.
const Index = "index.html"

//go:embed all:dist
var embedded embed.FS

// FS is the bundle: index.html and the assets that it names.
func FS() fs.FS {
	sub, err := fs.Sub(embedded, "dist")
	if err != nil {
		panic(err) // the name above is a constant: this is a bug
	}
	return sub
}

// Built reports whether bundle holds the page.
func Built(bundle fs.FS) bool {
	_, err := fs.Stat(bundle, Index)
	return err == nil
}
