package main

import (
	"context"
	"time"

	"alcove/loadtest/client"
)

// An implementation is a server that can be measured.
type implementation interface {
	name() string
	start(ctx context.Context, folder string) (server, error)
}

// A server is a running one.
type server interface {
	guest(rooms *env, s position) participant
	process() *process
	tasks(ctx context.Context) (float64, error) // goroutines, or threads where there are none
}

// A participant is one participant of a room.
type participant interface {
	// enter returns when the guest is in, and sends if it is one who sends.
	enter(ctx context.Context) error
	// complete says when the first audio packet and the first key frame of each of the others had come; zero: not yet.
	complete(others int) (time.Duration, error)
	// offered is when the guest sent its first offer.
	offered() time.Duration
	leave()
}

// An env is what the guests of one measurement share.
type env struct {
	lab   *client.Env
	group *client.Group
}

// A position says where a guest sits.
type position struct {
	room, number int // the first of a room has number 0 and opens it
	sends        bool
}

// shapes are what a seat's guest sends.
func (s position) shapes() (audio, video *client.MediaProfile) {
	if !s.sends {
		return nil, nil
	}
	a, v := client.Microphone(), client.Camera()
	return &a, &v
}

// allMediaAt finds the moment by which all sources had shown themselves: one audio packet and one key frame of each of the others.
func allMediaAt(firsts map[string]client.FirstArrival, others int) time.Duration {
	var last time.Duration
	whole := 0
	for _, f := range firsts {
		if f.Packet != 0 && f.KeyFrame != 0 {
			whole++
			last = max(last, f.Packet, f.KeyFrame)
		}
	}
	if whole < others {
		return 0
	}
	return last
}

// allSourcesAt does so where sources have no owner: half of them carry audio, half video.
func allSourcesAt(firsts map[uint32]client.FirstArrival, others int) time.Duration {
	var last time.Duration
	videos := 0
	for _, f := range firsts {
		if f.KeyFrame != 0 {
			videos++
		}
		last = max(last, f.Packet, f.KeyFrame)
	}
	if videos < others || len(firsts) < 2*others {
		return 0
	}
	return last
}
