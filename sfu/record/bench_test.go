package record

import (
	"io"
	"testing"
	"time"
)

// BenchmarkPut measures the worker's cost per packet: a copy into the queue, drained concurrently without sealing.
func BenchmarkPut(b *testing.B) {
	for _, size := range []struct {
		name  string
		bytes int
	}{{"audio", 80}, {"video", 1100}} {
		b.Run(size.name, func(b *testing.B) {
			c := newClinic(b, nil)
			track := c.start(videoOf("person-a"))
			track.Stop()
			<-track.Done()
			track.stopped.Store(false) // nobody drains it but this loop
			u := Unit{Payload: make([]byte, size.bytes), Arrived: time.Now()}
			b.ReportAllocs()
			for b.Loop() {
				u.Seq++
				if !track.Put(u) {
					b.Fatal("refused")
				}
				if u.Seq%512 == 0 {
					track.queue.tail.Store(track.queue.head.Load())
				}
			}
		})
	}
}

// BenchmarkSeal measures the cost in the track's goroutine: draining, sealing and writing to a disk that costs nothing.
func BenchmarkSeal(b *testing.B) {
	c := newClinic(b, func(cfg *Config) { cfg.Storage = discardStorage{}; cfg.SegmentBytes = maxSegment / 2 })
	track := c.start(videoOf("person-a"))
	u := Unit{Payload: make([]byte, 1100), Arrived: time.Now()}
	track.Stop()
	<-track.Done()
	out := newSegmentWriter(track, track.out.header, newKey())
	if err := out.open(out.header); err != nil {
		b.Fatal(err)
	}
	track.stopped.Store(false)
	const batch = 512
	b.SetBytes(batch * 1100)
	b.ReportAllocs()
	for b.Loop() {
		for range batch {
			track.Put(u)
		}
		if cause := out.flush(); cause != nil {
			b.Fatal(*cause)
		}
	}
}

// discardStorage is a Storage that keeps nothing.
type discardStorage struct{}

func (discardStorage) Create(string) (File, error)        { return discardFile{io.Discard}, nil }
func (discardStorage) Open(string) (io.ReadCloser, error) { return nil, io.EOF }
func (discardStorage) List() ([]string, error)            { return nil, nil }
func (discardStorage) Lock() (LockedStorage, error)       { return nil, io.EOF }

type discardFile struct{ io.Writer }

func (discardFile) Sync() error    { return nil }
func (discardFile) Close() error   { return nil }
func (discardFile) Discard() error { return nil }
