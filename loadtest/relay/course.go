package relay

import (
	"maps"
	"slices"
	"time"
)

// A Course is what a network does over time, for each client from its first packet on. It has one stage at least.
type Course []Stage

// A Stage is a part of a course. The last one lasts for ever, whatever it says.
type Stage struct {
	Lasts    time.Duration
	Up, Down Profile
}

// Steady is a course that never changes, with the same each way.
func Steady(p Profile) Course { return Course{{Up: p, Down: p}} }

// courses are the networks that people have, by name.
var courses = map[string]Course{
	// Wi-Fi at home, some rooms from the router.
	"home": {{
		Up:   Profile{Delay: 15 * time.Millisecond, Jitter: 8 * time.Millisecond, Loss: 0.005, Rate: 5e6, Queue: 200 * time.Millisecond},
		Down: Profile{Delay: 15 * time.Millisecond, Jitter: 8 * time.Millisecond, Loss: 0.005, Rate: 25e6, Queue: 200 * time.Millisecond},
	}},
	// A phone: late, and slower while it changes cells.
	"mobile": {
		{20 * time.Second, mobile(2e6), mobile(8e6)},
		{5 * time.Second, mobile(300e3), mobile(600e3)},
		{0, mobile(2e6), mobile(8e6)},
	},
	// A firewall that lets no UDP through: what comes is the relay over TLS.
	"clinic-firewall": Steady(Profile{Loss: 1}),
	// A line whose router queues for a second.
	"bufferbloat": {{
		Up:   Profile{Delay: 20 * time.Millisecond, Rate: 1e6, Queue: time.Second},
		Down: Profile{Delay: 20 * time.Millisecond, Rate: 1e6, Queue: time.Second},
	}},
	// A line that falls from 2 Mbit/s to 300 kbit/s for ten seconds.
	"step": {
		{8 * time.Second, line(2e6), line(2e6)},
		{10 * time.Second, line(300e3), line(300e3)},
		{0, line(2e6), line(2e6)},
	},
	"loss20": Steady(Profile{Delay: 20 * time.Millisecond, Loss: 0.2}),
}

func mobile(rate int) Profile {
	return Profile{Delay: 45 * time.Millisecond, Jitter: 25 * time.Millisecond, Loss: 0.01, Rate: rate, Queue: 300 * time.Millisecond}
}

func line(rate int) Profile {
	return Profile{Delay: 20 * time.Millisecond, Rate: rate, Queue: 300 * time.Millisecond}
}

// Courses lists the names of the built-in courses.
func Courses() []string { return slices.Sorted(maps.Keys(courses)) }

// CourseNamed returns a built-in course.
func CourseNamed(name string) (c Course, ok bool) {
	c, ok = courses[name]
	return c, ok
}

// way returns the stages of one direction.
func (c Course) way(up bool) []linkStage {
	var all []linkStage
	for _, s := range c {
		p := s.Down
		if up {
			p = s.Up
		}
		all = append(all, linkStage{s.Lasts, p})
	}
	return all
}
