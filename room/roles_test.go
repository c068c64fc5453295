package room

import (
	"maps"
	"slices"
	"testing"

	"alcove/auth"
)

// acts has every act of the wire in a form that is allowed in group once the role is right. By is filled in.
var acts = map[string]func(by ParticipantID) []Command{
	"admit":             func(by ParticipantID) []Command { return []Command{Admit{By: by, All: true}} },
	"deny":              func(by ParticipantID) []Command { return []Command{Deny{By: by, Target: "wait"}} },
	"send back":         func(by ParticipantID) []Command { return []Command{SendBack{By: by, Target: "ben"}} },
	"remove":            func(by ParticipantID) []Command { return []Command{Remove{By: by, Target: "ben"}} },
	"remove cohost":     func(by ParticipantID) []Command { return []Command{Remove{By: by, Target: "cohost"}} },
	"remove host":       func(by ParticipantID) []Command { return []Command{Remove{By: by, Target: "host"}} },
	"lift":              func(by ParticipantID) []Command { return []Command{Lift{By: by, Target: "gone"}} },
	"lock":              func(by ParticipantID) []Command { return []Command{Lock{By: by}} },
	"unlock":            func(by ParticipantID) []Command { return []Command{Unlock{By: by}} },
	"end":               func(by ParticipantID) []Command { return []Command{End{By: by}} },
	"mute":              func(by ParticipantID) []Command { return []Command{Mute{By: by, Target: "ben", Source: Camera}} },
	"ask to unmute":     func(by ParticipantID) []Command { return []Command{AskUnmute{By: by, Target: "quiet", Source: Camera}} },
	"grant":             func(by ParticipantID) []Command { return []Command{GrantScreen{By: by, Target: "ben", Granted: true}} },
	"answer waiting":    func(by ParticipantID) []Command { return []Command{Message{By: by, Target: "wait", Text: "soon"}} },
	"ask for screen":    func(by ParticipantID) []Command { return []Command{AskScreen{By: by}} },
	"raise hand":        func(by ParticipantID) []Command { return []Command{SetHand{By: by, Raised: true}} },
	"offer":             func(by ParticipantID) []Command { return []Command{offer(by, 2)} },
	"unmute microphone": func(by ParticipantID) []Command { return []Command{SetMuted{By: by, Source: Microphone}} },
	"unmute camera":     func(by ParticipantID) []Command { return []Command{SetMuted{By: by, Source: Camera}} },
	"unmute screen":     func(by ParticipantID) []Command { return []Command{SetMuted{By: by, Source: Screen}} },
	"write to hosts":    func(by ParticipantID) []Command { return []Command{Message{By: by, Text: "hello"}} },
	"leave":             func(by ParticipantID) []Command { return []Command{Leave{By: by}} },
	"confirm":           func(by ParticipantID) []Command { return []Command{Confirm{By: by}} },
	"disconnect":        func(by ParticipantID) []Command { return []Command{Disconnect{By: by}} },
}

// matrix is written by hand, apart from the table of the code: the code of the answer, "" if allowed, for each of them.
var matrix = map[string]map[ParticipantID]Code{
	"admit":             {"ann": Forbidden, "obs": Forbidden, "wait": NotAdmitted},
	"deny":              {"ann": Forbidden, "obs": Forbidden, "wait": NotAdmitted},
	"send back":         {"ann": Forbidden, "obs": Forbidden, "wait": NotAdmitted},
	"remove":            {"ann": Forbidden, "obs": Forbidden, "wait": NotAdmitted},
	"remove cohost":     {"cohost": InvalidState, "ann": Forbidden, "obs": Forbidden, "wait": NotAdmitted},
	"remove host":       {"host": InvalidState, "cohost": Forbidden, "ann": Forbidden, "obs": Forbidden, "wait": NotAdmitted},
	"lift":              {"ann": Forbidden, "obs": Forbidden, "wait": NotAdmitted},
	"lock":              {"ann": Forbidden, "obs": Forbidden, "wait": NotAdmitted},
	"unlock":            {"ann": Forbidden, "obs": Forbidden, "wait": NotAdmitted},
	"end":               {"cohost": Forbidden, "ann": Forbidden, "obs": Forbidden, "wait": NotAdmitted},
	"mute":              {"ann": Forbidden, "obs": Forbidden, "wait": NotAdmitted},
	"ask to unmute":     {"ann": Forbidden, "obs": Forbidden, "wait": NotAdmitted},
	"grant":             {"ann": Forbidden, "obs": Forbidden, "wait": NotAdmitted},
	"answer waiting":    {"ann": Forbidden, "obs": Forbidden}, // one who waits writes to the hosts, in their own name
	"ask for screen":    {"host": Forbidden, "cohost": Forbidden, "obs": Forbidden, "wait": NotAdmitted},
	"raise hand":        {"wait": NotAdmitted},
	"offer":             {"wait": NotAdmitted},
	"unmute microphone": {"obs": Forbidden, "wait": NotAdmitted},
	"unmute camera":     {"obs": Forbidden, "wait": NotAdmitted},
	"unmute screen":     {"ann": Forbidden, "obs": Forbidden, "wait": NotAdmitted},
	"write to hosts":    {"host": BadRequest, "cohost": BadRequest, "ann": Forbidden, "obs": Forbidden},
	"leave":             {},
	"confirm":           {},
	"disconnect":        {},
}

func TestEveryActByEveryRole(t *testing.T) {
	if a, b := slices.Sorted(maps.Keys(acts)), slices.Sorted(maps.Keys(matrix)); !slices.Equal(a, b) {
		t.Fatalf("acts %v, matrix %v", a, b)
	}
	for name, act := range acts {
		for _, by := range ids("host", "cohost", "ann", "obs", "wait") {
			r := group(t)
			r.seatOf("quiet", auth.Participant)
			r.do(offer("quiet", 1))
			r.do(Mute{By: "host", Target: "quiet", Source: Camera})
			for _, c := range act(by) {
				_, err := Decide(r.now, r.s, c)
				if got, want := codeOf(err), matrix[name][by]; got != want {
					t.Errorf("%s by %s: %q, want %q", name, by, got, want)
				}
			}
		}
	}
}

// TestPermissionsTellTheTruth compares what the wire says with what is then allowed.
func TestPermissionsTellTheTruth(t *testing.T) {
	of := map[Permission]string{
		PublishMicrophone: "unmute microphone", PublishCamera: "unmute camera", PublishScreen: "unmute screen",
		HandRaise: "raise hand", WaitingManage: "admit", ParticipantMute: "mute", ParticipantRemove: "remove",
		ParticipantGrant: "grant", RoomLock: "lock", RoomEnd: "end",
	}
	if len(of) != len(named) {
		t.Fatalf("%d permissions tested of %d", len(of), len(named))
	}
	r := group(t)
	for _, by := range ids("host", "cohost", "ann", "obs", "wait") {
		permitted := ViewOf(r.s, by).Self.Permissions
		for permission, act := range of {
			if got, want := matrix[act][by] == "", slices.Contains(permitted, permission); got != want {
				t.Errorf("%s: %s is allowed %v, told %v", by, permission, got, want)
			}
		}
	}
}

// statesOf are sessions in all kinds of state.
func statesOf(t *testing.T) map[string]State {
	after := func(commands ...Command) State {
		r := group(t)
		for _, c := range commands {
			r.do(c)
		}
		return r.s
	}
	return map[string]State{
		"new":       newScript(t).s,
		"group":     after(),
		"locked":    after(Lock{By: "host"}),
		"ended":     after(End{By: "host"}),
		"host lost": after(Disconnect{By: "host"}),
		"ben gone":  after(Remove{By: "host", Target: "ben"}),
		"ben back":  after(SendBack{By: "host", Target: "ben"}),
		"nobody":    after(Leave{By: "wait"}),
		"returning": after(Lock{By: "host"}, joinAs("ann2", "ann", auth.Participant)),
	}
}

func TestEveryCommandInEveryState(t *testing.T) {
	listed := []Code{
		PolicyMismatch, RoomEnded, RoomFull, RoomLocked, BarredPerson, NotAdmitted, Forbidden, TargetNotFound, InvalidState,
		BadRequest, StaleGeneration, ResumeExpired,
	}
	type strange struct{ Tick }
	for state, s := range statesOf(t) {
		commands := []Command{
			nil, strange{}, Tick{}, Tick{Now: start.AddDate(0, 0, 1)}, End{Reason: "draining"}, Join{}, Resume{},
			joinAs("new", "new", auth.Host), joinAs("new", "new", auth.Participant), joinAs("new", "gone", auth.Observer),
			Resume{Participant: "ann", Secret: hash("ann"), Next: hash("x")},
		}
		for _, act := range acts {
			for _, by := range ids("host", "cohost", "ann", "ben", "obs", "wait", "gone", "") {
				commands = append(commands, act(by)...)
			}
		}
		for _, c := range commands {
			d, err := Decide(start, s, c)
			if err != nil {
				if code := codeOf(err); !slices.Contains(listed, code) {
					t.Errorf("%s: %T: code %q is not listed", state, c, code)
				}
				continue
			}
			if s.EndedFor != "" {
				t.Errorf("%s: %T: %+v after the end", state, c, d)
			}
			checkState(t, ApplyAll(s, d.Events))
		}
	}
}
