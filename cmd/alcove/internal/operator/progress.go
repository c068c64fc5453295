package operator

import (
	"fmt"
	"io"
	"os"
	"strings"
)

// A progressBar shows progress on a terminal, and nothing anywhere else.
type progressBar struct {
	w    io.Writer // nil: not a terminal
	unit string
	last int64 // percent shown, -1 for none
}

const barWidth = 30 // characters: leaves room for the numbers on 80 columns

func newProgressBar(w io.Writer, unit string) *progressBar {
	b := &progressBar{unit: unit, last: -1}
	if isTerminal(w) {
		b.w = w
	}
	return b
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
}

func (b *progressBar) progress(done, total int64) {
	if b.w == nil || total <= 0 {
		return
	}
	percent := 100 * done / total
	if percent == b.last {
		return
	}
	b.last = percent
	full := int(min(percent, 100)) * barWidth / 100
	fmt.Fprintf(b.w, "\r\x1b[K[%s%s] %3d %%  %d of %d %s", strings.Repeat("#", full), strings.Repeat(" ", barWidth-full), percent, done, total, b.unit)
}

// end clears the line.
func (b *progressBar) end() {
	if b.w != nil && b.last >= 0 {
		fmt.Fprint(b.w, "\r\x1b[K")
		b.last = -1
	}
}
