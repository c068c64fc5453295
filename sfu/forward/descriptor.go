package forward

import (
	"encoding/binary"
	"errors"
)

// ErrTemplate answers a descriptor that names a template of no structure the caller has seen: the packet that brought it was
// lost or is late (AV1 RTP, section A.8.3).
var ErrTemplate = errors.New("forward: unknown dependency template")

// Bounds of the Dependency Descriptor ("RTP Payload Format For AV1", v1.0.0, appendix A).
const (
	mandatoryBytes = 3  // start, end, template id and frame number (section A.8.2)
	maxTemplates   = 64 // a template id has six bits (section A.8.2, mandatory_descriptor_fields)
	maxSpatial     = 4  // layers: a spatial id has two bits (AV1, section 5.3.3, obu_extension_header)
	maxTemporal    = 8  // layers: a temporal id has three bits (there too)
)

// Values of next_layer_idc (section A.8.3, table A.2). Zero is the same layer again.
const (
	nextTemporal = 1
	nextSpatial  = 2
	noMoreLayers = 3
)

// A Structure describes the frames after a key frame: template_dependency_structure (section A.8.2). It is valid until the next
// one of its encoding. The zero value has no template.
type Structure struct {
	offset    uint8 // template id of the first template
	templates uint8
	spatial   [maxTemplates]uint8
	temporal  [maxTemplates]uint8
	targets   uint8 // decode targets, up to 32
	layers    uint8 // spatial, from 1
	hasSize   bool  // width and height were given
	width     [maxSpatial]uint16
	height    [maxSpatial]uint16 // pixels, minus one
}

// A Descriptor is the part of the Dependency Descriptor of one packet that forwarding needs: it identifies frames and layers even if the
// payload is encrypted.
type Descriptor struct {
	Start, End        bool // of a frame
	KeyFrame          bool // first packet of one: it carries a structure (section A.8.3)
	FrameNumber       uint16
	Template          uint8 // id
	Spatial, Temporal uint8
	Width, Height     int // pixels at most, of the frame's spatial layer; 0 if the structure does not say
}

// ParseDescriptor parses the body of a Dependency Descriptor extension and stores a structure in it into s. On error, ErrMalformed or
// ErrTemplate, s is unchanged. Indications, differences and chains of single frames are not parsed. Parse late packets with a copy of s,
// because their structure may be older.
func ParseDescriptor(b []byte, s *Structure) (Descriptor, error) {
	if len(b) < mandatoryBytes {
		return Descriptor{}, ErrMalformed
	}
	d := Descriptor{
		Start: b[0]&0x80 != 0, End: b[0]&0x40 != 0, Template: b[0] & 0x3f, FrameNumber: binary.BigEndian.Uint16(b[1:]),
	}
	if len(b) == mandatoryBytes {
		return d, d.describe(s)
	}
	r := bits{b: b, at: 8 * mandatoryBytes}
	attached, active := r.read(1) == 1, r.read(1) == 1
	r.skip(3) // custom_dtis_flag, custom_fdiffs_flag, custom_chains_flag
	known := s
	var next Structure
	if attached {
		if !next.read(&r) {
			return Descriptor{}, ErrMalformed
		}
		known = &next
	}
	if err := d.describe(known); err != nil {
		return Descriptor{}, err
	}
	if active {
		r.skip(int(known.targets)) // active_decode_targets_bitmask
	}
	if r.truncated {
		return Descriptor{}, ErrMalformed
	}
	if attached {
		*s, d.KeyFrame = next, d.Start
	}
	return d, nil
}

// describe fills in the fields of the template (section A.8.2, frame_dependency_definition).
func (d *Descriptor) describe(s *Structure) error {
	i := (d.Template + maxTemplates - s.offset) % maxTemplates
	if i >= s.templates {
		*d = Descriptor{}
		return ErrTemplate
	}
	d.Spatial, d.Temporal = s.spatial[i], s.temporal[i]
	if s.hasSize {
		d.Width, d.Height = int(s.width[d.Spatial])+1, int(s.height[d.Spatial])+1
	}
	return nil
}

// read reports whether a structure is there, whole.
func (s *Structure) read(r *bits) bool {
	s.offset = uint8(r.read(6))
	s.targets = uint8(r.read(5)) + 1
	if !s.readLayers(r) {
		return false
	}
	r.skip(2 * int(s.templates) * int(s.targets)) // template_dtis
	for range s.templates {                       // template_fdiffs
		for r.read(1) == 1 {
			r.skip(4)
		}
	}
	if chains := r.nonSymmetric(uint32(s.targets) + 1); chains > 0 { // template_chains
		for range s.targets {
			r.nonSymmetric(chains)
		}
		r.skip(4 * int(s.templates) * int(chains))
	}
	if s.hasSize = r.read(1) == 1; s.hasSize {
		for i := range s.layers {
			s.width[i], s.height[i] = uint16(r.read(16)), uint16(r.read(16))
		}
	}
	return !r.truncated
}

// readLayers reads the layer of every template (template_layers).
func (s *Structure) readLayers(r *bits) bool {
	var spatial, temporal uint8
	for s.templates < maxTemplates && !r.truncated {
		s.spatial[s.templates], s.temporal[s.templates] = spatial, temporal
		s.templates++
		switch r.read(2) {
		case nextTemporal:
			temporal++
		case nextSpatial:
			spatial, temporal = spatial+1, 0
		case noMoreLayers:
			s.layers = spatial + 1
			return true
		}
		if spatial == maxSpatial || temporal == maxTemporal {
			return false
		}
	}
	return false
}

// bits reads from high to low. Behind the end everything is zero, and cut.
type bits struct {
	b         []byte
	at        int // next bit
	truncated bool
}

// read is f(n), n up to 32.
func (r *bits) read(n int) (v uint32) {
	from := r.at
	if r.skip(n); r.truncated {
		return 0
	}
	for i := from; i < r.at; i++ {
		v = v<<1 | uint32(r.b[i/8]>>(7-i%8)&1)
	}
	return v
}

func (r *bits) skip(n int) {
	if r.truncated = r.truncated || n > 8*len(r.b)-r.at; !r.truncated {
		r.at += n
	}
}

// nonSymmetric is ns(n): a value below n, in one bit less where n leaves room for it.
func (r *bits) nonSymmetric(n uint32) uint32 {
	w := 0
	for x := n; x != 0; x >>= 1 {
		w++
	}
	m := uint32(1)<<w - n
	v := r.read(w - 1)
	if v < m {
		return v
	}
	return v<<1 - m + r.read(1)
}
