package main

import (
	"fmt"
	"io"
	"os"
	"sync"

	"alcove/loadtest/run"
	"alcove/loadtest/scenario"
)

// A progressView shows a run while it goes on: one line that is written again and again on a terminal, a line a second elsewhere.
type progressView struct {
	out      io.Writer
	terminal bool
	mu       sync.Mutex
	open     bool // Guarded by mu: a line is unfinished
}

func newProgressView(out io.Writer, s scenario.Scenario) *progressView {
	v := &progressView{out: out, terminal: isTerminal(out)}
	clients := "real"
	if s.Light {
		clients = "light"
	}
	fmt.Fprintf(out, "%s: %d room(s) of %d, %s clients, %s\n", s.Name, s.Rooms, s.Size, clients, s.Network)
	return v
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
}

func (v *progressView) progress(p run.Progress) {
	s := p.Second
	line := fmt.Sprintf("%5.0f s  %-13s %4d people  %6d audio/s p99 %6.2f ms  %6d video/s p99 %6.2f ms  lost %-4d cpu %3.0f %%  lag %5.2f ms",
		s.At, p.Phase, s.People, s.Audio, s.AudioP99, s.Video, s.VideoP99, s.Lost, 100*s.ServerCPU, s.SendLag)
	if p.Failed > 0 {
		line += fmt.Sprintf("  %d failed", p.Failed)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.terminal {
		fmt.Fprintf(v.out, "\r\x1b[K%s", line)
		v.open = true
		return
	}
	fmt.Fprintln(v.out, line)
}

// end finishes the line.
func (v *progressView) end() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.open {
		fmt.Fprintln(v.out)
		v.open = false
	}
}
