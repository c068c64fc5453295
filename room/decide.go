package room

import "time"

// A Decision is all that follows from one command. The caller applies the Events in order, then performs the Effects.
type Decision struct {
	Events  []Event
	Effects []Effect
	Outcome Outcome
}

// An Outcome answers an act on many: who was let in, and who not and why.
type Outcome struct {
	Admitted []ParticipantID
	Refused  []Refusal
}

// A Refusal says why one of many was not let in.
type Refusal struct {
	Participant ParticipantID
	Code        Code
}

// Decide says what follows from a command. The error, if any, is an *Error; then nothing follows.
func Decide(now time.Time, s State, c Command) (Decision, error) {
	if s.EndedFor != "" {
		return Decision{}, refuse(RoomEnded, "the session is over")
	}
	d, err := dispatch(now, s, c)
	if err != nil {
		return Decision{}, err
	}
	return d.settle(now, s), nil
}

// dispatch finds the rule of a command. Rules return *Error, not error, so that nothing else can come out of them.
func dispatch(now time.Time, s State, c Command) (Decision, error) {
	var d Decision
	var err *Error
	switch c := c.(type) {
	case Join:
		d, err = join(now, s, c)
	case Resume:
		d, err = resume(now, s, c)
	case Confirm:
		d, err = confirm(s, c)
	case Disconnect:
		d, err = disconnect(now, s, c)
	case Leave:
		d, err = leave(s, c)
	case Admit:
		d, err = admit(now, s, c)
	case Deny:
		d, err = deny(s, c)
	case SendBack:
		d, err = sendBack(now, s, c)
	case Remove:
		d, err = remove(s, c)
	case Lift:
		d, err = lift(s, c)
	case Lock:
		d, err = setLock(s, c.By, true)
	case Unlock:
		d, err = setLock(s, c.By, false)
	case End:
		d, err = end(s, c)
	case Publish:
		d, err = publish(now, s, c)
	case SetMuted:
		d, err = setMuted(s, c)
	case Mute:
		d, err = mute(s, c)
	case AskUnmute:
		d, err = askUnmute(s, c)
	case SetPermission:
		d, err = setPermission(s, c)
	case SetRole:
		d, err = setRole(now, s, c)
	case AskScreen:
		d, err = askScreen(s, c)
	case SetHand:
		d, err = setHand(s, c)
	case Message:
		d, err = message(s, c)
	case Tick:
		d, err = tick(s, c)
	default:
		d, err = dispatchCare(now, s, c)
	}
	if err != nil {
		return Decision{}, err
	}
	return d, nil
}

// dispatchCare goes on with what people agree to, and with what keeps them safe.
func dispatchCare(now time.Time, s State, c Command) (Decision, *Error) {
	switch c := c.(type) {
	case Acknowledge:
		return acknowledge(s, c)
	case RemindAgreement:
		return remindAgreement(s, c)
	case PasscodeEntered:
		return passcodeEntered(s, c)
	case Verify:
		return verify(s, c)
	case AskConsent:
		return askConsent(now, s, c)
	case StopRecording:
		return stopRecording(s, c)
	case RespondConsent:
		return respondConsent(now, s, c)
	case WithdrawConsent:
		return withdrawConsent(now, s, c)
	case Extend:
		return extend(now, s, c)
	case OpenSideRoom:
		return openSideRoom(s, c)
	case CloseSideRoom:
		return closeSideRoom(s, c)
	case SignalHelp:
		return signalHelp(s, c)
	case ClearHelp:
		return clearHelp(s, c)
	case Revoke:
		return revoke(s, c)
	case Reinstate:
		return reinstate(s, c)
	case ConfirmRecording:
		return confirmRecording(s)
	case FailRecording:
		return failRecording(s, c)
	case RateExceeded:
		return rateExceeded(s, c)
	case Amend:
		return amend(s, c)
	}
	return Decision{}, refuse(BadRequest, "no such command")
}

func refuse(code Code, detail string) *Error { return &Error{Code: code, Detail: detail} }

// add appends events.
func (d *Decision) add(events ...Event) { d.Events = append(d.Events, events...) }

// tell appends effects.
func (d *Decision) tell(effects ...Effect) { d.Effects = append(d.Effects, effects...) }

// close ends a seat and tells it so.
func (d *Decision) close(id ParticipantID, a Access, reason, message string) {
	d.add(SeatEnded{ID: id, Access: a, Reason: reason})
	d.tell(Closing{To: id, Access: a, Reason: reason, Message: message})
}
