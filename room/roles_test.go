package room

import (
	"maps"
	"slices"
	"testing"
	"time"

	"alcove/auth"
)

// acts holds every request of the wire in a form that group allows to the right role.
var acts = map[string]func(by ParticipantID) []Command{
	"admit":         func(by ParticipantID) []Command { return []Command{as(by, Admit{All: true})} },
	"deny":          func(by ParticipantID) []Command { return []Command{as(by, Deny{Target: "wait"})} },
	"send back":     func(by ParticipantID) []Command { return []Command{as(by, SendBack{Target: "ben"})} },
	"remove":        func(by ParticipantID) []Command { return []Command{as(by, Remove{Target: "ben"})} },
	"remove cohost": func(by ParticipantID) []Command { return []Command{as(by, Remove{Target: "cohost"})} },
	"remove host":   func(by ParticipantID) []Command { return []Command{as(by, Remove{Target: "host"})} },
	"lift":          func(by ParticipantID) []Command { return []Command{as(by, Unbar{Target: "gone"})} },
	"lock":          func(by ParticipantID) []Command { return []Command{as(by, Lock{})} },
	"unlock":        func(by ParticipantID) []Command { return []Command{as(by, Unlock{})} },
	"end":           func(by ParticipantID) []Command { return []Command{as(by, End{})} },
	"mute":          func(by ParticipantID) []Command { return []Command{as(by, Mute{Target: "ben", Source: Camera})} },
	"mute all":      func(by ParticipantID) []Command { return []Command{as(by, MuteAll{Source: Microphone})} },
	"lower hands":   func(by ParticipantID) []Command { return []Command{as(by, LowerHands{All: true})} },
	"ask to unmute": func(by ParticipantID) []Command { return []Command{as(by, AskUnmute{Target: "quiet", Source: Camera})} },
	"grant": func(by ParticipantID) []Command {
		return []Command{as(by, SetPermission{Target: "ben", Source: Screen, Allowed: true})}
	},
	"answer waiting":    func(by ParticipantID) []Command { return []Command{as(by, Message{Target: "wait", Text: "soon"})} },
	"ask for screen":    func(by ParticipantID) []Command { return []Command{as(by, AskScreen{})} },
	"raise hand":        func(by ParticipantID) []Command { return []Command{as(by, SetHand{Raised: true})} },
	"offer":             func(by ParticipantID) []Command { return []Command{offer(by, 2)} },
	"unmute microphone": func(by ParticipantID) []Command { return []Command{as(by, SetMuted{Source: Microphone})} },
	"unmute camera":     func(by ParticipantID) []Command { return []Command{as(by, SetMuted{Source: Camera})} },
	"unmute screen":     func(by ParticipantID) []Command { return []Command{as(by, SetMuted{Source: Screen})} },
	"write to hosts":    func(by ParticipantID) []Command { return []Command{as(by, Message{Text: "hello"})} },
	"leave":             func(by ParticipantID) []Command { return []Command{as(by, Leave{})} },
	"confirm":           func(by ParticipantID) []Command { return []Command{as(by, Confirm{})} },
	"disconnect":        func(by ParticipantID) []Command { return []Command{as(by, Disconnect{})} },
	"set role": func(by ParticipantID) []Command {
		return []Command{as(by, SetRole{Target: "ben", Role: auth.Observer})}
	},
	"rename":         func(by ParticipantID) []Command { return []Command{as(by, Rename{Target: "ben", DisplayName: "B."})} },
	"rename host":    func(by ParticipantID) []Command { return []Command{as(by, Rename{Target: "host", DisplayName: "H."})} },
	"rename oneself": func(by ParticipantID) []Command { return []Command{as(by, Rename{DisplayName: "Me"})} },
	"verify and admit": func(by ParticipantID) []Command {
		return []Command{as(by, Admit{Targets: ids("wait"), Verify: true})}
	},
	"answer help":     func(by ParticipantID) []Command { return []Command{as(by, ReplyHelp{Target: "quiet", Text: "soon"})} },
	"take help back":  func(by ParticipantID) []Command { return []Command{as(by, WithdrawHelp{})} },
	"leave alone":     func(by ParticipantID) []Command { return []Command{as(by, Leave{AloneMinutes: 5})} },
	"verify":          func(by ParticipantID) []Command { return []Command{as(by, Verify{Target: "ben", Verified: true})} },
	"open side room":  func(by ParticipantID) []Command { return []Command{as(by, OpenSideRoom{Target: "ben"})} },
	"close side room": func(by ParticipantID) []Command { return []Command{as(by, CloseSideRoom{})} },
	"help":            func(by ParticipantID) []Command { return []Command{as(by, RequestHelp{})} },
	"clear help":      func(by ParticipantID) []Command { return []Command{as(by, ClearHelp{Target: "quiet"})} },
	"record": func(by ParticipantID) []Command {
		return []Command{as(by, AskConsent{Scopes: []Scope{RecordingVideo}})}
	},
	"remind":         func(by ParticipantID) []Command { return []Command{as(by, ShowAgreement{})} },
	"stop recording": func(by ParticipantID) []Command { return []Command{as(by, StopRecording{})} },
	"consent": func(by ParticipantID) []Command {
		return []Command{as(by, AnswerConsent{Scope: RecordingAudio, TextHash: audioText.Hash, Granted: true})}
	},
	"refuse": func(by ParticipantID) []Command {
		return []Command{as(by, AnswerConsent{Scope: RecordingAudio, TextHash: audioText.Hash})}
	},
	"withdraw":     func(by ParticipantID) []Command { return []Command{as(by, WithdrawConsent{})} },
	"extend":       func(by ParticipantID) []Command { return []Command{as(by, Extend{Minutes: 10})} },
	"acknowledge":  func(by ParticipantID) []Command { return []Command{as(by, Acknowledge{TextHash: houseRules.Hash})} },
	"passcode":     func(by ParticipantID) []Command { return []Command{as(by, PasscodeEntered{OK: true})} },
	"mute oneself": func(by ParticipantID) []Command { return []Command{as(by, SetMuted{Source: Microphone, Muted: true})} },
	"send file": func(by ParticipantID) []Command {
		to := slices.DeleteFunc(ids("host", "cohost", "ben"), func(id ParticipantID) bool { return id == by })
		return []Command{as(by, SendFile{To: to})}
	},
	"seal": func(by ParticipantID) []Command { return []Command{as(by, SendFile{Clinic: Journal})} },
	"key package": func(by ParticipantID) []Command {
		return []Command{as(by, SetKeyPackage{KeyPackage{Sealed: "key", TokenHash: "hash"}})}
	},
	"make group": func(by ParticipantID) []Command {
		return []Command{as(by, CreateGroup{Group: "next", Replaces: "main"})}
	},
	"commit": func(by ParticipantID) []Command {
		return []Command{as(by, CommitGroup{Group: "main", After: 1, Commit: "c"})}
	},
	"commit that adds": func(by ParticipantID) []Command { return []Command{as(by, addition("ben"))} },
	"send to group": func(by ParticipantID) []Command {
		return []Command{as(by, SendToGroup{Group: "main", After: 1, Message: "m"})}
	},
	"sync group": func(by ParticipantID) []Command { return []Command{as(by, SyncGroup{})} },
	"release keys": func(by ParticipantID) []Command {
		return []Command{as(by, ReleaseKeys{Scope: RecordingAudio, Number: 1, Sealed: "s", Keys: []ReleasedKey{{KID: 1, Key: "k"}}})}
	},
}

// matrix is written by hand, independently of roleTable: the expected code of each act, "" if allowed.
var matrix = map[string]map[ParticipantID]Code{
	"admit":             {"ann": Forbidden, "obs": Forbidden, "wait": NotAdmitted},
	"deny":              {"ann": Forbidden, "obs": Forbidden, "wait": NotAdmitted},
	"send back":         {"ann": Forbidden, "obs": Forbidden, "wait": NotAdmitted, "clinic": Forbidden},
	"remove":            {"ann": Forbidden, "obs": Forbidden, "wait": NotAdmitted},
	"remove cohost":     {"cohost": InvalidState, "ann": Forbidden, "obs": Forbidden, "wait": NotAdmitted},
	"remove host":       {"host": InvalidState, "cohost": Forbidden, "ann": Forbidden, "obs": Forbidden, "wait": NotAdmitted, "clinic": Forbidden},
	"lift":              {"ann": Forbidden, "obs": Forbidden, "wait": NotAdmitted},
	"lock":              {"ann": Forbidden, "obs": Forbidden, "wait": NotAdmitted},
	"unlock":            {"ann": Forbidden, "obs": Forbidden, "wait": NotAdmitted},
	"end":               {"cohost": Forbidden, "ann": Forbidden, "obs": Forbidden, "wait": NotAdmitted},
	"mute":              {"ann": Forbidden, "obs": Forbidden, "wait": NotAdmitted, "clinic": Forbidden},
	"mute all":          {"ann": Forbidden, "obs": Forbidden, "wait": NotAdmitted, "clinic": Forbidden},
	"lower hands":       {"ann": Forbidden, "obs": Forbidden, "wait": NotAdmitted, "clinic": Forbidden},
	"ask to unmute":     {"ann": Forbidden, "obs": Forbidden, "wait": NotAdmitted, "clinic": Forbidden},
	"grant":             {"ann": Forbidden, "obs": Forbidden, "wait": NotAdmitted, "clinic": Forbidden},
	"answer waiting":    {"ann": Forbidden, "obs": Forbidden, "clinic": InvalidState}, // one who waits writes to the hosts, in their own name
	"ask for screen":    {"host": Forbidden, "cohost": Forbidden, "obs": Forbidden, "wait": NotAdmitted, "clinic": Forbidden},
	"raise hand":        {"wait": NotAdmitted, "clinic": Forbidden},
	"offer":             {"wait": NotAdmitted, "clinic": Forbidden},
	"unmute microphone": {"obs": Forbidden, "wait": NotAdmitted, "clinic": Forbidden},
	"unmute camera":     {"obs": Forbidden, "wait": NotAdmitted, "clinic": Forbidden},
	"unmute screen":     {"ann": Forbidden, "obs": Forbidden, "wait": NotAdmitted, "clinic": Forbidden},
	"write to hosts":    {"host": BadRequest, "cohost": BadRequest, "ann": Forbidden, "obs": Forbidden, "clinic": InvalidState},
	"leave":             {"clinic": InvalidState},
	"confirm":           {"clinic": InvalidState},
	"disconnect":        {"clinic": InvalidState},
	"set role":          {"cohost": Forbidden, "ann": Forbidden, "obs": Forbidden, "wait": NotAdmitted, "clinic": Forbidden},
	"rename":            {"ann": Forbidden, "obs": Forbidden, "wait": NotAdmitted, "clinic": Forbidden},
	"rename host":       {"host": InvalidState, "cohost": Forbidden, "ann": Forbidden, "obs": Forbidden, "wait": NotAdmitted, "clinic": Forbidden},
	"rename oneself":    {"clinic": InvalidState},
	"verify and admit":  {"ann": Forbidden, "obs": Forbidden, "wait": NotAdmitted, "clinic": Forbidden},
	"answer help":       {"ann": Forbidden, "obs": Forbidden, "wait": NotAdmitted, "clinic": Forbidden},
	"take help back":    {"clinic": InvalidState},
	"leave alone":       {"clinic": InvalidState},
	"verify":            {"ann": Forbidden, "obs": Forbidden, "wait": NotAdmitted, "clinic": Forbidden},
	"open side room":    {"ann": Forbidden, "obs": Forbidden, "wait": NotAdmitted, "clinic": Forbidden},
	"close side room":   {"host": InvalidState, "cohost": InvalidState, "ann": InvalidState, "obs": InvalidState, "wait": InvalidState, "clinic": InvalidState},
	"help":              {"host": Forbidden, "cohost": Forbidden, "wait": NotAdmitted, "clinic": Forbidden},
	"clear help":        {"ann": Forbidden, "obs": Forbidden, "wait": NotAdmitted, "clinic": Forbidden},
	"record":            {"ann": Forbidden, "obs": Forbidden, "wait": NotAdmitted, "clinic": Forbidden},
	"stop recording":    {"ann": Forbidden, "obs": Forbidden, "wait": NotAdmitted, "clinic": Forbidden},
	"consent":           {"wait": NotAdmitted, "clinic": Forbidden},
	"refuse":            {"wait": NotAdmitted, "clinic": Forbidden},
	"withdraw":          {"clinic": InvalidState},
	"remind":            {"ann": Forbidden, "obs": Forbidden, "wait": NotAdmitted, "clinic": Forbidden},
	"extend":            {"ann": Forbidden, "obs": Forbidden, "wait": NotAdmitted},
	"acknowledge":       {"clinic": InvalidState},
	"passcode":          {"host": InvalidState, "cohost": InvalidState, "ann": InvalidState, "obs": InvalidState, "wait": InvalidState, "clinic": InvalidState},
	"key package":       {"clinic": InvalidState},
	"make group":        {"ann": Forbidden, "obs": Forbidden, "wait": NotAdmitted, "clinic": Forbidden},
	"commit":            {"wait": NotAdmitted, "clinic": Forbidden},
	"commit that adds":  {"ann": Forbidden, "obs": Forbidden, "wait": NotAdmitted, "clinic": Forbidden},
	"send to group":     {"wait": NotAdmitted, "clinic": Forbidden},
	"sync group":        {"wait": NotAdmitted, "clinic": Forbidden},
	"release keys":      {"wait": NotAdmitted, "clinic": Forbidden},
	"mute oneself":      {"obs": Forbidden, "wait": NotAdmitted, "clinic": Forbidden},
	"send file":         {"obs": Forbidden, "wait": NotAdmitted, "clinic": Forbidden},
	"seal":              {"wait": NotAdmitted, "clinic": Forbidden},
}

// full is group with everything that the acts need: a requested recording, an end to extend, a request for help.
func full(t *testing.T) *script {
	t.Helper()
	r := group(t)
	r.seatOf("quiet", auth.Participant)
	r.do(offer("quiet", 1))
	r.do(as("host", Mute{Target: "quiet", Source: Camera}))
	r.do(as("quiet", RequestHelp{}))
	r.s.Policy.Recording, r.s.Policy.Consents = WithEach, forms
	r.s.Policy.Agreement = []Text{houseRules}
	r.s.Policy.Files, r.s.Policy.ClinicPapers = ReachAll, true
	for _, p := range r.s.Participants {
		r.s = Apply(r.s, TextAcknowledged{ID: p.ID, Person: p.Person, Hash: houseRules.Hash})
	}
	r.s.EndsAt = r.now.Add(time.Hour)
	r.do(as("host", AskConsent{Scopes: []Scope{RecordingAudio}}))
	r.s.Policy.E2EE = E2EERequired
	r.do(as("host", CreateGroup{Group: "main"}))
	return r
}

func TestEveryActByEveryRole(t *testing.T) {
	if a, b := slices.Sorted(maps.Keys(acts)), slices.Sorted(maps.Keys(matrix)); !slices.Equal(a, b) {
		t.Fatalf("acts %v, matrix %v", a, b)
	}
	r := full(t)
	for name, act := range acts {
		for _, by := range ids("host", "cohost", "ann", "obs", "wait", ByClinic) {
			for _, c := range act(by) {
				_, err := decide(r.now, r.s, c)
				if got, want := codeOf(err), matrix[name][by]; got != want {
					t.Errorf("%s by %s: %q, want %q", name, by, got, want)
				}
			}
		}
	}
}

// actsByRow names the act that tests each row of the table.
var actsByRow = map[action]string{
	actPublishMicrophone: "unmute microphone", actPublishCamera: "unmute camera", actPublishScreen: "unmute screen",
	actRequestScreen: "ask for screen", actOffer: "offer", actSetMuted: "mute oneself", actHand: "raise hand", actHelp: "help",
	actConsent: "consent", actAdmit: "admit", actDeny: "deny", actSendBack: "send back", actAnswerWaiting: "answer waiting",
	actVerify: "verify", actMute: "mute", actLowerHands: "lower hands", actAskUnmute: "ask to unmute", actRemove: "remove", actUnbar: "lift", actGrant: "grant",
	actRole: "set role", actRename: "rename", actSideRoom: "open side room", actAnswerHelp: "clear help", actShowAgreement: "remind", actRecord: "record",
	actSendFile: "send file", actWriteClinic: "seal",
	actStopRecord: "stop recording", actExtend: "extend", actUseGroup: "send to group", actMakeGroup: "make group",
	actLock: "lock", actEnd: "end",
}

// TestEveryRowByEveryRole is generated from the table: the roles in a row are allowed, all others are refused.
func TestEveryRowByEveryRole(t *testing.T) {
	r := full(t)
	seats := map[auth.Role]ParticipantID{
		auth.Host: "host", auth.Cohost: "cohost", auth.Participant: "ann", auth.Observer: "obs", clinicRole: ByClinic,
	}
	for _, line := range roleTable {
		for role, by := range seats {
			act := acts[actsByRow[line.action]]
			if act == nil {
				t.Fatalf("nobody tries to %s", line.action)
			}
			_, err := decide(r.now, r.s, act(by)[0])
			if code := codeOf(err); (code == "") != line.roles[role] || code != "" && code != Forbidden && by != ByClinic {
				t.Errorf("%s by %s: %q, in the table %v", line.action, role, code, line.roles[role])
			}
		}
	}
	if len(RoleTable()) != len(roleTable) || len(allowed) != len(roleTable) {
		t.Errorf("%d rows printed, %d known, of %d", len(RoleTable()), len(allowed), len(roleTable))
	}
	if first := RoleTable()[0]; first.Action != string(actPublishMicrophone) || len(first.Roles) != 3 {
		t.Errorf("first row %+v", first)
	}
}

// TestPermissionsMatchActs compares the permissions on the wire with the acts that are allowed.
func TestPermissionsMatchActs(t *testing.T) {
	of := map[Permission]string{
		PublishMicrophone: "unmute microphone", PublishCamera: "unmute camera", PublishScreen: "unmute screen",
		HandRaise: "raise hand", WaitingManage: "admit", ParticipantMute: "mute", ParticipantRemove: "remove",
		ParticipantGrant: "grant", RoomLock: "lock", RoomEnd: "end", HelpSignal: "help", ParticipantVerify: "verify",
		ParticipantRole: "set role", SideRoomOpen: "open side room", RecordingManage: "record", RoomExtend: "extend",
		ParticipantRename: "rename", AgreementRemind: "remind", FileSend: "send file", ClinicWrite: "seal",
	}
	if len(of) != len(wirePermissions) {
		t.Fatalf("%d permissions tested of %d", len(of), len(wirePermissions))
	}
	r := full(t)
	for _, by := range ids("host", "cohost", "ann", "obs", "wait") {
		permitted := ViewOf(r.s, by).Self.Permissions
		for permission, act := range of {
			if got, want := matrix[act][by] == "", slices.Contains(permitted, permission); got != want {
				t.Errorf("%s: %s is allowed %v, told %v", by, permission, got, want)
			}
		}
	}
}

// statesOf returns sessions in many states.
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
		"locked":    after(as("host", Lock{})),
		"ended":     after(as("host", End{})),
		"host lost": after(as("host", Disconnect{})),
		"ben gone":  after(as("host", Remove{Target: "ben"})),
		"ben back":  after(as("host", SendBack{Target: "ben"})),
		"nobody":    after(as("wait", Leave{})),
		"absent":    after(as("host", Leave{}), as("cohost", Leave{})),
		"aside":     after(as("host", OpenSideRoom{Target: "ann"}), as("ben", RequestHelp{})),
		"full":      full(t).s,
		"revoked":   after(Revoke{Persons: []PersonID{"ann", "host"}}),
		"amended":   after(UpdatePolicy{Policy: strictPolicy}),
		"returning": after(as("host", Lock{}), joinAs("ann2", "ann", auth.Participant)),
	}
}

// strictPolicy has every requirement that a policy can have.
var strictPolicy = Policy{
	Name: "default", MaxParticipants: 8, MaxWaiting: 4, ResumeWindow: time.Minute, Agreement: []Text{houseRules}, Verify: true,
	Passcode: true, PasscodeForAll: true, Entry: Assurance{AMR: []string{"mfa"}}, Hosting: Assurance{MaxAuthAge: time.Minute},
	Recording: WithEveryone, Consents: forms, NotBefore: start, NotAfter: start.Add(time.Hour), WaitingLimit: time.Minute,
	IdleLimit: time.Minute, SessionLimit: time.Minute, HostGrace: time.Minute,
}

func TestEveryCommandInEveryState(t *testing.T) {
	listed := []Code{
		PolicyMismatch, RoomEnded, RoomFull, RoomLocked, BarredPerson, NotAdmitted, Forbidden, TargetNotFound, InvalidState,
		BadRequest, StaleGeneration, ResumeExpired, RoomNotStarted, PasscodeWrong, AgreementRequired, VerificationRequired,
		MFARequired, ConsentRequired, RecordingUnavailable, NeedsE2EE, E2EEStale, E2EEGone,
	}
	type strange struct{ Tick }
	for state, s := range statesOf(t) {
		commands := []Command{
			nil, strange{}, Tick{}, Tick{Now: start.AddDate(0, 0, 1)}, End{Reason: "draining"}, Join{}, Resume{},
			joinAs("new", "new", auth.Host), joinAs("new", "new", auth.Participant), joinAs("new", "gone", auth.Observer),
			Resume{Participant: "ann", Secret: hash("ann"), Next: hash("x")}, Revoke{Persons: []PersonID{"ben"}}, Revoke{All: true},
			Revoke{}, UndoRevoke{}, UndoRevoke{Person: "ann"}, UpdatePolicy{}, UpdatePolicy{Policy: strictPolicy},
		}
		for _, act := range acts {
			for _, by := range ids("host", "cohost", "ann", "ben", "obs", "wait", "gone", ByClinic, "") {
				commands = append(commands, act(by)...)
			}
		}
		for _, c := range commands {
			d, err := decide(start, s, c)
			if err != nil {
				if code := codeOf(err); !slices.Contains(listed, code) {
					t.Errorf("%s: %s: code %q is not listed", state, commandName(c), code)
				}
				continue
			}
			if s.EndedFor != "" {
				t.Errorf("%s: %s: %+v after the end", state, commandName(c), d)
			}
			checkState(t, ApplyAll(s, d.Events))
		}
	}
}
