package bwetest

import (
	"fmt"
	"html"
	"io"
	"strings"
	"time"
)

// Size of a picture, in pixels.
const (
	width, height = 720, 240
	left, bottom  = 46, 20
)

// WritePage writes a page with a picture of each result.
func WritePage(w io.Writer, results []*Result) error {
	var b strings.Builder
	b.WriteString(`<!doctype html><meta charset="utf-8"><title>Traces of the bandwidth estimator</title><style>
body { font: 14px system-ui, sans-serif; margin: 2em; max-inline-size: 100em }
main { display: grid; grid-template-columns: repeat(auto-fit, minmax(46em, 1fr)); gap: 2em }
h2 { font-size: 1em; margin: 0 } p { margin: .2em 0 .6em; color: #555 } svg { background: #fff; max-inline-size: 100% } text { font: 11px system-ui, sans-serif; fill: #555 }
.k { display: inline-block; inline-size: 2em; block-size: .3em; vertical-align: middle; margin: 0 .4em 0 1.2em }
</style><h1>Traces of the bandwidth estimator</h1><p><span class="k" style="background:#999"></span>capacity
<span class="k" style="background:#c2410c"></span>estimate <span class="k" style="background:#93c5fd"></span>sent
<span class="k" style="background:#1d4ed8"></span>video that arrived <span class="k" style="background:#86efac"></span>queue, right scale</p><main>`)
	for _, r := range results {
		r.draw(&b)
	}
	b.WriteString("</main>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *Result) draw(b *strings.Builder) {
	most, wait := 0.0, 100*time.Millisecond
	for _, s := range r.Samples {
		most, wait = max(most, s.Sent, s.Arrived), max(wait, s.Queue)
	}
	most = max(most*1.1, 5e5)
	length := r.Trace.Length
	x := func(at time.Duration) float64 {
		return left + (width-2*left)*at.Seconds()/length.Seconds()
	}
	y := func(v float64) float64 { return (height - bottom) * (1 - min(v/most, 1)) }
	line := func(colour string, stroke float64, value func(Sample) float64) {
		fmt.Fprintf(b, `<polyline fill="none" stroke="%s" stroke-width="%g" points="`, colour, stroke)
		for _, s := range r.Samples {
			fmt.Fprintf(b, "%.1f,%.1f ", x(s.At), y(value(s)))
		}
		b.WriteString(`"/>`)
	}
	end := r.Trace.Length
	fmt.Fprintf(b, "<section><h2>%s</h2><p>video %.0f kbit/s from 10 s on · audio p95 %d ms · queue p95 %d ms · frames whole %.1f %% · %d changes of layers · %d decreases, %d undone · seed %d</p>",
		html.EscapeString(r.Trace.Name), r.Video(10*time.Second, end)/1e3, r.AudioDelay(0, end, 0.95).Milliseconds(), r.QueueDelay(0, end, 0.95).Milliseconds(),
		100*r.Whole(), len(r.Changes), r.Counters.Decreases+r.Counters.LossDecreases, r.Counters.Undone+r.Counters.OwnLoss, r.Trace.Seed)
	fmt.Fprintf(b, `<svg viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-label="%s">`, width, height, width, height, html.EscapeString(r.Trace.Name))
	for i := range 5 {
		v := most * float64(i) / 4
		fmt.Fprintf(b, `<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#eee"/><text x="2" y="%.1f">%.1f M</text><text x="%d" y="%.1f">%d ms</text>`,
			left, width-left, y(v), y(v), y(v)+4, v/1e6, width-left+4, y(v)+4, int(float64(wait.Milliseconds())*float64(i)/4))
	}
	for at := time.Duration(0); at <= length; at += length / 6 {
		fmt.Fprintf(b, `<text x="%.1f" y="%d">%.0f s</text>`, x(at)-8, height-4, at.Seconds())
	}
	fmt.Fprintf(b, `<polygon fill="#86efac" opacity=".6" points="%d,%d `, left, height-bottom)
	for _, s := range r.Samples {
		fmt.Fprintf(b, "%.1f,%.1f ", x(s.At), y(most*s.Queue.Seconds()/wait.Seconds()))
	}
	fmt.Fprintf(b, `%.1f,%d"/>`, x(length), height-bottom)
	line("#93c5fd", 1, func(s Sample) float64 { return s.Sent })
	line("#999", 1.5, func(s Sample) float64 { return s.Capacity })
	line("#1d4ed8", 1, func(s Sample) float64 { return s.Arrived })
	for i := range max(r.Trace.Receivers, 1) {
		line("#c2410c", 1.5, func(s Sample) float64 { return s.Each[i] })
	}
	b.WriteString("</svg></section>\n")
}
