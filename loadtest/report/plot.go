package report

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// Sizes of a plot, in units of its view box.
const (
	plotWidth   = 620
	plotHeight  = 250
	plotLeft    = 58
	plotRight   = 92 // room for the names at the ends of lines
	plotTop     = 14
	plotBottom  = 34
	labelHeight = 14 // between two names
)

// A line is one series of a plot. Its class gives it a colour.
type line struct {
	name, class string
	points      [][2]float64
}

// A plot is a chart of lines over one horizontal axis.
type plot struct {
	title, note string
	unit        string  // of the vertical axis
	log         bool    // vertical
	from, to    float64 // horizontal
	ticks       []tick  // horizontal
	shade       [2]float64
	shaded      bool
	lines       []line
	low, high   float64 // vertical, found by scale
	verticals   []tick
}

// A tick is a mark on an axis.
type tick struct {
	at   float64
	text string
}

// x and y map values to the coordinates of the chart.
func (p *plot) x(v float64) float64 {
	return plotLeft + (v-p.from)/(p.to-p.from)*(plotWidth-plotLeft-plotRight)
}

func (p *plot) y(v float64) float64 {
	low, high := p.low, p.high
	if p.log {
		v, low, high = math.Log10(max(v, p.low)), math.Log10(low), math.Log10(high)
	}
	return plotTop + (1-(v-low)/(high-low))*(plotHeight-plotTop-plotBottom)
}

// scale finds the vertical axis: round numbers around what there is.
func (p *plot) scale() {
	least, most := math.Inf(1), math.Inf(-1)
	for _, l := range p.lines {
		for _, v := range l.points {
			if !p.log || v[1] > 0 {
				least, most = min(least, v[1]), max(most, v[1])
			}
		}
	}
	if math.IsInf(least, 1) {
		least, most = 0.1, 1 // nothing was measured: an axis all the same
	}
	if p.log {
		p.low, p.high = math.Pow(10, math.Floor(math.Log10(least))), math.Pow(10, math.Ceil(math.Log10(most)))
		if p.low == p.high {
			p.high *= 10
		}
		for v := p.low; v <= p.high*1.001; v *= 10 {
			p.verticals = append(p.verticals, tick{v, number(v)})
		}
		return
	}
	p.low = 0
	if most <= 0 {
		most = 1 // all zero: an axis all the same
	}
	step := roundUp(most / 4)
	p.high = step * max(math.Ceil(most/step), 1)
	for v := 0.0; v <= p.high*1.001; v += step {
		p.verticals = append(p.verticals, tick{v, number(v)})
	}
}

// roundUp returns 1, 2 or 5 times a power of ten, not below v.
func roundUp(v float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, f := range []float64{1, 2, 5} {
		if v <= f*power*1.0001 {
			return f * power
		}
	}
	return 10 * power
}

// number writes a figure as short as it can be read.
func number(v float64) string {
	switch a := math.Abs(v); {
	case a >= 1e6:
		return fmt.Sprintf("%.3gM", v/1e6)
	case a >= 1e4:
		return fmt.Sprintf("%.3gk", v/1e3)
	case a >= 100:
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.3g", v)
}

// svg draws the plot.
func (p *plot) svg() string {
	p.scale()
	var b strings.Builder
	fmt.Fprintf(&b, `<svg viewBox="0 0 %d %d" role="img" aria-label="%s">`, plotWidth, plotHeight, html.EscapeString(p.title))
	bottom := float64(plotHeight - plotBottom)
	if p.shaded {
		fmt.Fprintf(&b, `<rect class="window" x="%.1f" y="%d" width="%.1f" height="%.1f"/>`,
			p.x(p.shade[0]), plotTop, max(p.x(p.shade[1])-p.x(p.shade[0]), 0), bottom-plotTop)
	}
	for _, t := range p.verticals {
		y := p.y(t.at)
		fmt.Fprintf(&b, `<line class="grid" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/><text class="tick end" x="%d" y="%.1f">%s</text>`,
			plotLeft, plotWidth-plotRight, y, y, plotLeft-8, y+4, t.text)
	}
	for _, t := range p.ticks {
		fmt.Fprintf(&b, `<line class="axis" x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f"/><text class="tick middle" x="%.1f" y="%.1f">%s</text>`,
			p.x(t.at), p.x(t.at), bottom, bottom+4, p.x(t.at), bottom+18, t.text)
	}
	fmt.Fprintf(&b, `<line class="axis" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/>`, plotLeft, plotWidth-plotRight, bottom, bottom)
	for _, l := range p.lines {
		fmt.Fprintf(&b, `<path class="%s" d="%s"/>`, l.class, p.path(l))
	}
	p.names(&b)
	b.WriteString("</svg>")
	return b.String()
}

// path leaves gaps where a logarithm has no value.
func (p *plot) path(l line) string {
	var b strings.Builder
	pen := "M"
	for _, v := range l.points {
		if p.log && v[1] <= 0 {
			pen = "M"
			continue
		}
		fmt.Fprintf(&b, "%s%.1f %.1f", pen, p.x(v[0]), p.y(v[1]))
		pen = "L"
	}
	return b.String()
}

// names writes each line's name at its end, without one over the other.
func (p *plot) names(b *strings.Builder) {
	type place struct {
		y float64
		line
	}
	var all []place
	for _, l := range p.lines {
		for i := len(l.points) - 1; i >= 0; i-- {
			if v := l.points[i][1]; !p.log || v > 0 {
				all = append(all, place{p.y(v), l})
				break
			}
		}
	}
	for range all { // few: bubbles are enough
		for i := 1; i < len(all); i++ {
			if all[i].y < all[i-1].y {
				all[i], all[i-1] = all[i-1], all[i]
			}
		}
	}
	last := float64(plotTop) - labelHeight
	for i, n := range all {
		room := float64(plotHeight-plotBottom) - float64(len(all)-1-i)*labelHeight
		last = max(min(n.y, room), last+labelHeight)
		fmt.Fprintf(b, `<text class="name %s" x="%d" y="%.1f">%s</text>`, n.class, plotWidth-plotRight+8, last+4, html.EscapeString(n.name))
	}
}
