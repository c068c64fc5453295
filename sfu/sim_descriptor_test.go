package sfu

import "encoding/binary"

// descriptor is the Dependency Descriptor of a packet (AV1 RTP, appendix A) as a header extension of one-byte form. A key
// frame brings the structure: two temporal layers in three templates.
func (st *simStream) descriptor(payload []byte) []byte {
	s, _ := readStamp(payload)
	template := uint32(1)
	switch {
	case s.flags&stampTemporal != 0:
		template = 2
	case s.flags&stampKey != 0:
		template = 0
	}
	w := simBits{}
	w.put(1, uint32(s.flags)&stampStart)
	w.put(1, uint32(s.flags)&stampEnd>>1)
	w.put(6, template)
	w.put(16, s.frame&0xffff)
	if s.flags&stampKey != 0 {
		w.put(5, 0b10000)    // template_dependency_structure_present_flag
		w.put(6, 0)          // template_id_offset
		w.put(5, 0)          // dt_cnt_minus_one
		w.put(6, 0b00_01_11) // next_layer_idc: same, next temporal, none
		w.put(6, 0b10_10_10) // template_dtis: switch
		w.put(1, 0)          // template_fdiffs of the key frame,
		w.put(6, 0b1_0001_0) // of the lower
		w.put(6, 0b1_0000_0) // and of the upper layer
		w.put(1, 0)          // chain_cnt
		w.put(1, 1)          // resolutions_present_flag
		height := uint32(180) << st.index
		w.put(16, height*16/9-1)
		w.put(16, height-1)
	}
	return append([]byte{st.source.line.ddExt<<4 | byte(len(w.b)-1)}, w.b...)
}

// simBits are written from high to low.
type simBits struct {
	b []byte
	n int
}

func (w *simBits) put(n int, v uint32) {
	v <<= 32 - n
	var raw [4]byte
	binary.BigEndian.PutUint32(raw[:], v)
	for i := range n {
		if w.n%8 == 0 {
			w.b = append(w.b, 0)
		}
		w.b[w.n/8] |= raw[i/8] >> (7 - i%8) & 1 << (7 - w.n%8)
		w.n++
	}
}
