package signaling

import (
	"alcove/auth"
	"alcove/room"
)

// A passcode is what somebody entered: compared before the room hears of it.
type PasscodeGuess struct{ Guess auth.Secret }

// careRequests are the requests about what people agree to, and about what keeps them safe.
var careRequests = map[string]func(cursor) any{
	"passcode.enter":        func(c cursor) any { return PasscodeGuess{auth.NewSecret(c.text("code", maxPasscode, inWords))} },
	"agreement.acknowledge": func(c cursor) any { return room.Acknowledge{TextHash: c.hash("textHash")} },
	"consent.respond":       decodeConsent,
	"consent.withdraw": func(c cursor) any {
		if !c.has("scope") {
			return room.WithdrawConsent{}
		}
		return room.WithdrawConsent{Scope: c.scope("scope")}
	},
	"recording.start":  decodeRecording,
	"recording.stop":   func(cursor) any { return room.StopRecording{} },
	"mod.verify":       func(c cursor) any { return room.Verify{Target: c.target(), Verified: c.flag("verified")} },
	"mod.setRole":      func(c cursor) any { return room.SetRole{Target: c.target(), Role: c.role()} },
	"mod.sideRoom":     func(c cursor) any { return room.OpenSideRoom{Target: c.target()} },
	"sideRoom.leave":   func(cursor) any { return room.CloseSideRoom{} },
	"help.signal":      func(cursor) any { return room.RequestHelp{} },
	"agreement.remind": func(cursor) any { return room.ShowAgreement{} },
	"help.clear":       func(c cursor) any { return room.ClearHelp{Target: c.target()} },
	"room.extend":      func(c cursor) any { return room.Extend{Minutes: c.whole("minutes", maxExtension)} },
}

// hash reads a SHA-256 in hex.
func (c cursor) hash(name string) string {
	s := c.text(name, hashLength, inHex)
	if len(s) != hashLength {
		c.fail(name, "64 characters of 0-9 a-f")
	}
	return s
}

func (c cursor) scope(name string) room.Scope {
	return room.Scope(c.oneOf(name, string(room.RecordingAudio), string(room.RecordingVideo)))
}

func (c cursor) role() auth.Role {
	return auth.Role(c.oneOf("role", string(auth.Cohost), string(auth.Participant), string(auth.Observer)))
}

func decodeConsent(c cursor) any {
	granted := c.oneOf("decision", string(room.Granted), string(room.Refused)) == string(room.Granted)
	return room.AnswerConsent{Scope: c.scope("scope"), TextHash: c.hash("textHash"), Granted: granted}
}

func decodeRecording(c cursor) any {
	r := room.AskConsent{}
	items := c.list("scopes", maxScopes)
	if len(items) == 0 {
		c.fail("scopes", "1 or 2 scopes")
	}
	for _, item := range items {
		scope := (cursor{f: fields{"scopes[]": item}, path: c.path, fault: c.fault}).scope("scopes[]")
		if len(r.Scopes) == 1 && r.Scopes[0] == scope {
			c.fail("scopes", "each scope once")
		}
		r.Scopes = append(r.Scopes, scope)
	}
	return r
}
