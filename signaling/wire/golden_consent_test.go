package wire

import (
	"time"

	"alcove/auth"
	"alcove/room"
	"alcove/room/live"
)

const goldenHash = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

var goldenText = room.Text{ID: "rules", Version: "4", Locale: "en", Text: "What is said here stays here.", Hash: goldenHash}

// consentRequestContents holds the contents of the requests about requirements, consent and safety.
func consentRequestContents() map[string][]any {
	return map[string][]any{
		"passcode.enter":        {PasscodeGuess{auth.NewSecret("ab2c-d3ef-g4hi")}},
		"agreement.acknowledge": {room.Acknowledge{TextHash: goldenHash}},
		"consent.respond": {
			room.AnswerConsent{Scope: room.RecordingAudio, TextHash: goldenHash, Granted: true},
			room.AnswerConsent{Scope: room.RecordingVideo, TextHash: goldenHash},
		},
		"consent.withdraw": {room.WithdrawConsent{Scope: room.RecordingVideo}, room.WithdrawConsent{}},
		"recording.start": {
			room.AskConsent{Scopes: []room.Scope{room.RecordingAudio}},
			room.AskConsent{Scopes: []room.Scope{room.RecordingAudio, room.RecordingVideo}},
		},
		"recording.stop": {room.StopRecording{}, room.StopRecording{}},
		"mod.verify":     {room.Verify{Target: p1, Verified: true}, room.Verify{Target: p1}},
		"mod.setRole": {
			room.SetRole{Target: p1, Role: auth.Cohost}, room.SetRole{Target: p1, Role: auth.Participant},
			room.SetRole{Target: p1, Role: auth.Observer},
		},
		"mod.sideRoom":       {room.OpenSideRoom{Target: p1}, room.OpenSideRoom{Target: p1, Message: "I am back in five minutes."}},
		"sideRoom.leave":     {room.CloseSideRoom{}, room.CloseSideRoom{}},
		"help.signal":        {room.RequestHelp{}, room.RequestHelp{}},
		"agreement.remind":   {room.ShowAgreement{}, room.ShowAgreement{}},
		"help.clear":         {room.ClearHelp{Target: p1}},
		"help.withdraw":      {room.WithdrawHelp{}, room.WithdrawHelp{}},
		"help.reply":         {room.ReplyHelp{Target: p1, Text: "I see you. One minute."}},
		"self.rename":        {room.Rename{DisplayName: "Robin"}, room.Rename{DisplayName: "Robin M."}},
		"participant.rename": {room.Rename{Target: p1, DisplayName: "Maria"}},
		"room.extend":        {room.Extend{Minutes: 15}},
	}
}

// consentNotices holds the notices about requirements, consent and safety.
func consentNotices() map[string][]live.Notice {
	german := goldenText
	german.Locale, german.Text = "de", "Was hier gesagt wird, bleibt hier."
	asked := room.ConsentView{Scope: room.RecordingAudio, Purpose: "supervision", Texts: []room.Text{
		{ID: "audio", Version: "2", Locale: "en", Text: "Sound of this session.", Hash: goldenHash}}}
	withdrawn := asked
	withdrawn.Answer = room.Withdrawn
	encrypted := asked
	encrypted.Answer, encrypted.Recipients = room.Granted, []string{"age1clinic"}
	state := func(locked bool, recording room.RecordingState, ends int64) room.RoomView {
		v := room.RoomView{Name: "Tuesday group", Locked: locked, Recording: recording}
		if ends != 0 {
			v.EndsAt, v.EndsFor = time.UnixMilli(ends), "limit"
		}
		return v
	}
	absent := state(true, room.RecordingPaused, 1790000600000)
	absent.AbsenceLock, absent.HostAbsent, absent.EndsFor = true, true, "absent"
	return map[string][]live.Notice{
		"self.updated": {
			live.SelfUpdated{Self: room.Self{Needs: room.Needs{Agreement: true, Passcode: true, Verification: true, MFA: true},
				Agreement: []room.Text{goldenText, german}}},
			live.SelfUpdated{},
			live.SelfUpdated{Self: room.Self{Consents: []room.ConsentView{asked}}},
			live.SelfUpdated{Self: room.Self{Consents: []room.ConsentView{encrypted}}},
			live.SelfUpdated{Self: room.Self{Consents: []room.ConsentView{withdrawn}, SideRoom: p2, HelpRaised: true}},
			live.SelfUpdated{Self: room.Self{DisplayName: "Maria", VerifiedName: "Maria Schmidt"}},
		},
		"help.raised":        {live.EffectNotice{Effect: room.HelpRequested{Participant: p1}}},
		"help.replied":       {live.EffectNotice{Effect: room.HelpReplied{Participant: p1, Text: "I see you. One minute."}}},
		"agreement.reminder": {live.EffectNotice{Effect: room.AgreementShown{Texts: []room.Text{goldenText, german}}}},
		"room.warning":       {live.EffectNotice{Effect: room.Warning{Minutes: 10}}, live.EffectNotice{Effect: room.Warning{Minutes: 1}}},
		"recording.failed": {
			live.EffectNotice{Effect: room.RecorderFailed{Fault: room.DiskFull}}, live.EffectNotice{Effect: room.RecorderFailed{Fault: room.SealFailed}},
		},
		"quality": {
			live.EffectNotice{Effect: room.QualityWarned{Participant: p1, Source: room.Camera}},
			live.EffectNotice{Effect: room.QualityWarned{Participant: p1, Source: room.Microphone, Withheld: true}},
			live.EffectNotice{Effect: room.QualityWarned{Participant: p1, Source: room.Microphone, Withheld: true, Taken: true}},
		},
		"room.updated": {
			live.RoomUpdated{Room: state(false, room.RecordingOff, 0)},
			live.RoomUpdated{Room: state(true, room.RecordingAsking, 1790002700000)},
			live.RoomUpdated{Room: absent}, live.RoomUpdated{Room: state(true, room.RecordingStarting, 0)},
			live.RoomUpdated{Room: state(true, room.RecordingOn, 0)},
		},
	}
}
