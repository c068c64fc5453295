package room

import (
	"testing"
	"time"

	"alcove/auth"
)

// TestMayEnter checks the admission rule against every requirement that a policy can have.
func TestMayEnter(t *testing.T) {
	mfa := Assurance{AMR: []string{"mfa", "hwk"}, MaxAuthAge: time.Hour}
	login := func(role auth.Role, ago time.Duration, amr ...string) Join {
		c := joinAs("new", "new", role)
		c.Grant.AMR, c.Grant.ACR, c.Grant.AuthTime = amr, "gold", start.Add(-ago)
		return c
	}
	withPasscode := joinAs("new", "new", auth.Host)
	withPasscode.PasscodeOK = true
	tests := map[string]struct {
		policy func(*Policy)
		join   Join
		joins  Code
		before []Command
		admits Code
	}{
		"nothing asked":          {join: joinAs("new", "new", auth.Participant)},
		"passcode missing":       {policy: func(p *Policy) { p.Passcode = true }, join: joinAs("new", "new", auth.Participant), admits: PasscodeWrong},
		"passcode entered":       {policy: func(p *Policy) { p.Passcode = true }, join: joinAs("new", "new", auth.Observer), before: []Command{as("new", PasscodeEntered{OK: true})}},
		"host without passcode":  {policy: func(p *Policy) { p.Passcode = true }, join: joinAs("new", "new", auth.Host)},
		"passcode for all":       {policy: func(p *Policy) { p.Passcode, p.PasscodeForAll = true, true }, join: joinAs("new", "new", auth.Host), joins: PasscodeWrong},
		"passcode of a host":     {policy: func(p *Policy) { p.Passcode, p.PasscodeForAll = true, true }, join: withPasscode},
		"unverified":             {policy: func(p *Policy) { p.Verify = true }, join: joinAs("new", "new", auth.Participant), admits: VerificationRequired},
		"verified":               {policy: func(p *Policy) { p.Verify = true }, join: joinAs("new", "new", auth.Participant), before: []Command{as("host", Verify{Target: "new", Verified: true})}},
		"verified and not":       {policy: func(p *Policy) { p.Verify = true }, join: joinAs("new", "new", auth.Participant), before: []Command{as("host", Verify{Target: "new", Verified: true}), as("host", Verify{Target: "new"})}, admits: VerificationRequired},
		"no login":               {policy: func(p *Policy) { p.Entry = mfa }, join: joinAs("new", "new", auth.Participant), joins: MFARequired},
		"weak login":             {policy: func(p *Policy) { p.Entry = mfa }, join: login(auth.Participant, 0, "pwd"), joins: MFARequired},
		"strong login":           {policy: func(p *Policy) { p.Entry = mfa }, join: login(auth.Participant, 0, "pwd", "mfa")},
		"old login":              {policy: func(p *Policy) { p.Entry = mfa }, join: login(auth.Participant, time.Hour, "mfa"), joins: MFARequired},
		"login of a class":       {policy: func(p *Policy) { p.Entry.ACR = []string{"silver", "gold"} }, join: login(auth.Participant, 0)},
		"another class":          {policy: func(p *Policy) { p.Entry.ACR = []string{"platinum"} }, join: login(auth.Participant, 0), joins: MFARequired},
		"host without login":     {policy: func(p *Policy) { p.Hosting = mfa }, join: joinAs("new", "new", auth.Cohost), joins: MFARequired},
		"host with login":        {policy: func(p *Policy) { p.Hosting = mfa }, join: login(auth.Host, 0, "hwk")},
		"hosting binds no guest": {policy: func(p *Policy) { p.Hosting = mfa }, join: joinAs("new", "new", auth.Participant)},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := newScript(t)
			r.seatOf("host", auth.Host)
			if tt.policy != nil {
				tt.policy(&r.s.Policy)
			}
			if tt.joins != "" {
				r.refused(tt.join, tt.joins)
				return
			}
			r.do(tt.join)
			for _, c := range tt.before {
				r.do(c)
			}
			if tt.join.Grant.Role.Hosts() {
				r.wantAccess("new", Admitted)
			} else if tt.admits != "" {
				r.refused(as("host", Admit{All: true}), tt.admits)
			} else {
				r.do(as("host", Admit{All: true}))
			}
		})
	}
}

// TestLoginAgeIsCheckedAtAdmission checks that the age of the login is checked again at admission.
func TestLoginAgeIsCheckedAtAdmission(t *testing.T) {
	r := newScript(t)
	r.seatOf("host", auth.Host)
	r.s.Policy.Entry.MaxAuthAge = time.Hour
	c := joinAs("ann", "ann", auth.Participant)
	c.Grant.AuthTime = start.Add(-59 * time.Minute)
	r.do(c)
	r.now = r.now.Add(2 * time.Minute)
	r.refused(as("host", Admit{All: true}), MFARequired)
}

func TestPasscode(t *testing.T) {
	r := newScript(t)
	r.seatOf("host", auth.Host)
	r.do(joinAs("ann", "ann", auth.Participant))
	r.refused(as("ann", PasscodeEntered{OK: true}), InvalidState)
	r.s.Policy.Passcode = true
	r.refused(as("ann", PasscodeEntered{}), PasscodeWrong)
	r.refused(as("gone", PasscodeEntered{OK: true}), InvalidState)
	r.do(as("ann", PasscodeEntered{OK: true}))
	if d := r.do(as("ann", PasscodeEntered{OK: true})); d.Events != nil {
		t.Fatalf("entered twice: %+v", d)
	}
}

func TestVerify(t *testing.T) {
	r := group(t)
	r.refused(as("ann", Verify{Target: "ben", Verified: true}), Forbidden)
	r.refused(as("host", Verify{Target: "nobody", Verified: true}), TargetNotFound)
	r.do(as("cohost", Verify{Target: "ann", Verified: true}))
	r.do(as("host", Verify{Target: "wait", Verified: true}))
	if d := r.do(as("host", Verify{Target: "ann", Verified: true})); d.Events != nil {
		t.Fatalf("verified twice: %+v", d)
	}
	if !ViewOf(r.s, "ben").Roster[2].Verified || !ViewOf(r.s, "host").Waiting[0].Verified {
		t.Fatal("nobody sees the mark")
	}
	r.do(as("host", Verify{Target: "ann"}))
	r.wantAccess("ann", Admitted)
	r.do(as("host", Verify{Target: "ann", Verified: true}))
	p := r.s.Policy
	p.Verify = true
	r.do(UpdatePolicy{Policy: p}) // ben is not verified
	r.wantAccess("ben", Waiting)
	r.wantAccess("ann", Admitted)
	r.do(as("host", Verify{Target: "ann"}))
	r.wantAccess("ann", Waiting)
}

func TestVerifiedNameIsForHosts(t *testing.T) {
	r := newScript(t)
	r.seatOf("host", auth.Host)
	c := joinAs("ann", "ann", auth.Participant)
	c.DisplayName, c.Grant.Name = "Sunny", "Ann Smith"
	r.do(c)
	r.do(as("host", Admit{All: true}))
	if p := ViewOf(r.s, "host").Roster[1]; p.DisplayName != "Sunny" || p.VerifiedName != "Ann Smith" {
		t.Fatalf("a host sees %+v", p)
	}
	if p := ViewOf(r.s, "ann").Roster[1]; p.VerifiedName != "" {
		t.Fatalf("the group sees %+v", p)
	}
}
