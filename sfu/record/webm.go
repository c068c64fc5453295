package record

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/at-wat/ebml-go"
	"github.com/at-wat/ebml-go/webm"
)

// A webmTrack is one track of a file.
type webmTrack struct {
	source        string // Info.Source, which becomes the track's name
	kind          Kind
	width, height int
}

// A webmFile writes WebM (Matroska, RFC 9559): a place for the index at the beginning, clusters as they come, cues at the end. The
// library's own writer begins at the first frame and can therefore not leave a gap in front of it, so only its encoding is used.
type webmFile struct {
	w        io.WriteSeeker
	at       int64 // bytes written
	zero     int64 // ns since 1970: the time 0 of the file
	tracks   []webmTrack
	video    bool
	cluster  webm.Cluster
	size     int   // of the cluster's blocks
	last     []int // ms, of each track's last block
	end      int   // ms
	cues     []webm.CuePoint
	infoAt   int64
	tracksAt int64
}

const (
	segmentID    = "\x18\x53\x80\x67"
	unknownSize  = "\x01\xff\xff\xff\xff\xff\xff\xff"
	voidID       = 0xec
	seekHeadRoom = 128 // bytes: three entries take 63
)

func newWebM(w io.WriteSeeker, zero int64, tracks []webmTrack) (*webmFile, error) {
	f := &webmFile{w: w, zero: zero, tracks: tracks, last: make([]int, len(tracks))}
	for i, t := range tracks {
		f.last[i] = -1
		f.video = f.video || t.kind == Video
	}
	header := struct {
		EBML webm.EBMLHeader `ebml:"EBML"`
	}{*webm.DefaultEBMLHeader}
	if err := f.element(&header); err != nil {
		return nil, err
	}
	if err := f.write([]byte(segmentID + unknownSize)); err != nil {
		return nil, err
	}
	if err := f.write(void(seekHeadRoom)); err != nil {
		return nil, err
	}
	f.infoAt = f.at
	if err := f.element(f.info(1)); err != nil {
		return nil, err
	}
	f.tracksAt = f.at
	return f, f.element(f.entries())
}

type infoElement struct {
	Info webm.Info `ebml:"Info"`
}

// info has the same length whatever the duration.
func (f *webmFile) info(milliseconds float64) *infoElement {
	return &infoElement{webm.Info{TimecodeScale: uint64(time.Millisecond), MuxingApp: "alcove", WritingApp: "alcove",
		Duration: milliseconds, DateUTC: time.Unix(0, f.zero).UTC()}}
}

func (f *webmFile) entries() any {
	var t webm.Tracks
	for i, track := range f.tracks {
		n := uint64(i + 1)
		e := webm.TrackEntry{Name: track.source, TrackNumber: n, TrackUID: n}
		if track.kind == Audio {
			e.CodecID, e.TrackType = "A_OPUS", 2
			e.CodecPrivate, e.SeekPreRoll = opusHead(), uint64(80*time.Millisecond)
			e.Audio = &webm.Audio{SamplingFrequency: 48000, Channels: 2}
		} else {
			e.CodecID, e.TrackType = "V_VP8", 1
			e.Video = &webm.Video{PixelWidth: uint64(max(track.width, 1)), PixelHeight: uint64(max(track.height, 1))}
		}
		t.TrackEntry = append(t.TrackEntry, e)
	}
	return &struct {
		Tracks webm.Tracks `ebml:"Tracks"`
	}{t}
}

// opusHead is the identification header (RFC 7845, section 5.1). WebRTC's Opus is always announced as stereo at 48 kHz (RFC 7587,
// section 7); nothing is skipped, because a recording begins in the middle of a stream.
func opusHead() []byte {
	b := append([]byte("OpusHead"), 1, 2, 0, 0)
	b = binary.LittleEndian.AppendUint32(b, 48000)
	return append(b, 0, 0, 0)
}

// put adds a block of a track. Blocks come in the order of their times; one that lies before the last of its track is moved there,
// so that no player sees time go back.
func (f *webmFile) put(track int, b block) error {
	at := max(int(math.Round(float64(b.at-f.zero)/1e6)), f.last[track], 0)
	if at > math.MaxInt32 {
		return errors.New("a recording of more than 24 days is not one file")
	}
	f.last[track] = at
	f.end = max(f.end, at+milliseconds(f.tracks[track].kind, b.data))
	begins := at - int(f.cluster.Timecode)
	keyed := f.tracks[track].kind == Video && b.key && begins >= int(cueEvery/time.Millisecond)
	if f.size == 0 || keyed || begins >= int(clusterTime/time.Millisecond) || f.size > clusterBytes || begins < 0 {
		if err := f.flush(); err != nil {
			return err
		}
		f.cluster = webm.Cluster{Timecode: uint64(at)}
		if !f.video || f.tracks[track].kind == Video && b.key {
			f.cues = append(f.cues, webm.CuePoint{CueTime: uint64(at), CueTrackPositions: []webm.CueTrackPosition{
				{CueTrack: uint64(track + 1), CueClusterPosition: uint64(f.at - f.begin())}}})
		}
	}
	f.size += len(b.data)
	f.cluster.SimpleBlock = append(f.cluster.SimpleBlock, ebml.Block{TrackNumber: uint64(track + 1),
		Timecode: int16(at - int(f.cluster.Timecode)), Keyframe: b.key, Data: [][]byte{b.data}})
	return nil
}

// begin is where positions count from: the content of the Segment.
func (f *webmFile) begin() int64 { return f.infoAt - seekHeadRoom }

func (f *webmFile) flush() error {
	if f.size == 0 {
		return nil
	}
	f.size = 0
	return f.element(&struct {
		Cluster webm.Cluster `ebml:"Cluster"`
	}{f.cluster})
}

// close writes the parts that are known only at the end.
func (f *webmFile) close() error {
	if err := f.flush(); err != nil {
		return err
	}
	seek := webm.SeekHead{Seek: []webm.Seek{
		{SeekID: ebml.ElementInfo.Bytes(), SeekPosition: uint64(f.infoAt - f.begin())},
		{SeekID: ebml.ElementTracks.Bytes(), SeekPosition: uint64(f.tracksAt - f.begin())},
	}}
	if len(f.cues) > 0 {
		seek.Seek = append(seek.Seek, webm.Seek{SeekID: ebml.ElementCues.Bytes(), SeekPosition: uint64(f.at - f.begin())})
		if err := f.element(&struct {
			Cues webm.Cues `ebml:"Cues"`
		}{webm.Cues{CuePoint: f.cues}}); err != nil {
			return err
		}
	}
	size := binary.BigEndian.AppendUint64(nil, uint64(f.at-f.begin())|1<<56)
	head, err := marshal(&struct {
		SeekHead webm.SeekHead `ebml:"SeekHead"`
	}{seek})
	if err != nil {
		return err
	}
	head = append(head, void(seekHeadRoom-len(head))...)
	info, err := marshal(f.info(float64(f.end)))
	if err != nil || int64(len(info)) != f.tracksAt-f.infoAt {
		return errors.Join(err, errors.New("the length of the info changed"))
	}
	if _, err := f.w.Seek(f.begin()-int64(len(size)), io.SeekStart); err != nil {
		return err
	}
	_, err = f.w.Write(append(append(size, head...), info...))
	return err
}

func (f *webmFile) element(v any) error {
	b, err := marshal(v)
	if err != nil {
		return err
	}
	return f.write(b)
}

func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	if err := ebml.Marshal(v, &b); err != nil {
		return nil, fmt.Errorf("cannot write WebM: %w", err)
	}
	return b.Bytes(), nil
}

func (f *webmFile) write(b []byte) error {
	n, err := f.w.Write(b)
	f.at += int64(n)
	return err
}

// void is an ignored element of that many bytes, at least two.
func void(n int) []byte {
	b := make([]byte, n)
	b[0], b[1] = voidID, 0x80|byte(n-2)
	return b
}

// milliseconds returns the duration of a block: for Opus from its first byte (RFC 6716, section 3.1), for video as long as most last.
func milliseconds(k Kind, data []byte) int {
	if k == Video || len(data) == 0 {
		return 33
	}
	config, frames := data[0]>>3, 1
	switch data[0] & 3 {
	case 1, 2:
		frames = 2
	case 3:
		if len(data) > 1 {
			frames = int(data[1] & 0x3f)
		}
	}
	tenths := [...]int{100, 200, 400, 600}[config&3]
	switch {
	case config >= 16: // CELT
		tenths = [...]int{25, 50, 100, 200}[config&3]
	case config >= 12: // hybrid
		tenths = [...]int{100, 200}[config&1]
	}
	return tenths * frames / 10
}
