package room

import "time"

// A Decision is the result of one command. The caller applies the Events in order, then performs the Effects.
type Decision struct {
	Events  []Event
	Effects []Effect
	Outcome Outcome
}

// An Outcome reports the result of admitting several participants.
type Outcome struct {
	Admitted []ParticipantID
	Refused  []Refusal
	Through  uint64 // of a SyncGroup: the number of the last entry that was told again
}

// A Refusal reports why one of several participants was not admitted.
type Refusal struct {
	Participant ParticipantID
	Code        Code
}

// Decide computes the result of a command of by: a participant, ByClinic or ByDaemon. An error is always an *Error; the Decision is
// empty then.
func Decide(now time.Time, s State, by ParticipantID, c Command) (Decision, error) {
	if s.EndedFor != "" {
		return Decision{}, refuse(RoomEnded, "the session is over")
	}
	d, err := ruleFor(now, s, by, c)
	if err != nil {
		return Decision{}, err
	}
	return d.enforceInvariants(now, s), nil
}

// ruleFor calls the rule of a command. Rules return *Error rather than error, so that the compiler excludes other errors.
func ruleFor(now time.Time, s State, by ParticipantID, c Command) (Decision, *Error) {
	switch c := c.(type) {
	case Join:
		return join(now, s, c)
	case Resume:
		return resume(now, s, c)
	case Confirm:
		return confirm(s, by)
	case Disconnect:
		return disconnect(now, s, by)
	case Leave:
		return leave(now, s, by, c)
	case Rename:
		return rename(s, by, c)
	case Admit:
		return admit(now, s, by, c)
	case Deny:
		return deny(s, by, c)
	case SendBack:
		return sendBack(now, s, by, c)
	case Remove:
		return remove(s, by, c)
	case Unbar:
		return unbar(s, by, c)
	case Lock:
		return setLock(s, by, true)
	case Unlock:
		return setLock(s, by, false)
	case End:
		return end(s, by, c)
	case Publish:
		return publish(now, s, by, c)
	case SetMuted:
		return setMuted(s, by, c)
	case Mute:
		return mute(s, by, c)
	case MuteAll:
		return muteAll(s, by, c)
	case AskUnmute:
		return askUnmute(s, by, c)
	case SetPermission:
		return setPermission(s, by, c)
	case SetRole:
		return setRole(now, s, by, c)
	case AskScreen:
		return askScreen(s, by)
	case SetHand:
		return setHand(now, s, by, c)
	case LowerHands:
		return lowerHands(s, by, c)
	case Message:
		return sendMessage(s, by, c)
	case Tick:
		return tick(s, c)
	case Acknowledge:
		return acknowledgeText(s, by, c)
	case ShowAgreement:
		return showAgreement(s, by)
	case PasscodeEntered:
		return passcodeEntered(s, by, c)
	case Verify:
		return verify(s, by, c)
	case AskConsent:
		return askConsent(now, s, by, c)
	case StopRecording:
		return stopRecording(s, by)
	case AnswerConsent:
		return answerConsent(now, s, by, c)
	case WithdrawConsent:
		return withdrawConsent(now, s, by, c)
	case Extend:
		return extend(now, s, by, c)
	case OpenSideRoom:
		return openSideRoom(s, by, c)
	case CloseSideRoom:
		return closeSideRoom(s, by)
	case RequestHelp:
		return requestHelp(s, by)
	case ClearHelp:
		return clearHelp(s, by, c)
	case WithdrawHelp:
		return withdrawHelp(s, by)
	case ReplyHelp:
		return replyHelp(s, by, c)
	case Revoke:
		return revoke(s, c)
	case UndoRevoke:
		return undoRevoke(s, c)
	case ConfirmRecording:
		return confirmRecording(s)
	case FailRecording:
		return failRecording(s, c)
	case RateExceeded:
		return rateExceeded(s, c)
	case MediaConnected:
		return setMedia(s, c.Target, MediaState{AES128: c.AES128})
	case MediaFailed:
		return setMedia(s, c.Target, MediaState{Failure: c.Code})
	case SendFile:
		return sendFile(s, by, c)
	case SetKeyPackage:
		return setKeyPackage(s, by, c)
	case CreateGroup:
		return createGroup(s, by, c)
	case CommitGroup:
		return commitGroup(s, by, c)
	case SendToGroup:
		return sendToGroup(s, by, c)
	case SyncGroup:
		return syncGroup(s, by, c)
	case ReleaseKeys:
		return releaseKeys(s, by, c)
	case UpdatePolicy:
		return updatePolicy(s, c)
	}
	return Decision{}, refuse(BadRequest, "no such command")
}

func refuse(code Code, detail string) *Error { return &Error{Code: code, Detail: detail} }

// add appends events.
func (d *Decision) add(events ...Event) { d.Events = append(d.Events, events...) }

// emit appends effects.
func (d *Decision) emit(effects ...Effect) { d.Effects = append(d.Effects, effects...) }

// endSeat ends a seat and notifies its participant.
func (d *Decision) endSeat(id ParticipantID, a Access, reason, message string) {
	d.add(SeatEnded{ID: id, Access: a, Reason: reason})
	d.emit(Closing{To: id, Access: a, Reason: reason, Message: message})
}
