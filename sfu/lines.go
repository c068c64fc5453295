package sfu

import (
	"slices"
	"time"

	"alcove/sfu/forward"
)

// noteInbound keeps the worst stream: audio that suffers is not made good by video that does not.
func (p *peer) noteInbound(l forward.Loss) {
	if worst := &p.sample.Inbound; l.Lost*worst.Expected >= worst.Lost*l.Expected {
		*worst = l
	}
}

// noteOutbound adds what a receiver report says of our video.
func (p *peer) noteOutbound(sent, lost int) {
	p.sample.Outbound.Expected += sent
	p.sample.Outbound.Lost += lost
}

// rateLine rates the second since the last report.
func (p *peer) rateLine(now time.Time) {
	heard := p.heardAt
	if p.agent != nil && p.agent.consent.After(heard) {
		heard = p.agent.consent
	}
	p.sample.Silence = now.Sub(heard)
	p.line.Observe(now, p.sample)
	p.sample = forward.LineSample{}
}

// updateLines reports the lines that are not good, when the list changed.
func (r *Room) updateLines() {
	var troubled []PeerLine
	for _, m := range r.order {
		if m.peer == nil || m.peer.line.Level() == forward.LineGood {
			continue
		}
		troubled = append(troubled, PeerLine{Peer: m.id, Lost: m.peer.line.Level() == forward.LineLost})
	}
	if slices.Equal(troubled, r.troubled) {
		return
	}
	r.troubled = troubled
	r.events(LinesChanged{Lines: slices.Clone(troubled)})
}
