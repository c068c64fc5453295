package live

import "alcove/room"

// own makes a wish that of the seat id, whatever it says of itself. Wishes that have ways of their own are refused.
func own(c room.Command, id room.ParticipantID) (room.Command, error) {
	switch c := c.(type) {
	case room.Leave:
		c.By = id
		return c, nil
	case room.Admit:
		c.By = id
		return c, nil
	case room.Deny:
		c.By = id
		return c, nil
	case room.SendBack:
		c.By = id
		return c, nil
	case room.Remove:
		c.By = id
		return c, nil
	case room.Lift:
		c.By = id
		return c, nil
	case room.Lock:
		c.By = id
		return c, nil
	case room.Unlock:
		c.By = id
		return c, nil
	case room.End:
		c.By = id
		return c, nil
	case room.SetMuted:
		c.By = id
		return c, nil
	case room.Mute:
		c.By = id
		return c, nil
	case room.AskUnmute:
		c.By = id
		return c, nil
	case room.SetPermission:
		c.By = id
		return c, nil
	case room.SetRole:
		c.By = id
		return c, nil
	case room.AskScreen:
		c.By = id
		return c, nil
	case room.SetHand:
		c.By = id
		return c, nil
	case room.Message:
		c.By = id
		return c, nil
	}
	return ownCare(c, id)
}

// ownCare goes on with what people agree to, and with what keeps them safe.
func ownCare(c room.Command, id room.ParticipantID) (room.Command, error) {
	switch c := c.(type) {
	case room.Acknowledge:
		c.By = id
		return c, nil
	case room.PasscodeEntered:
		c.By = id
		return c, nil
	case room.Verify:
		c.By = id
		return c, nil
	case room.AskConsent:
		c.By = id
		return c, nil
	case room.StopRecording:
		c.By = id
		return c, nil
	case room.RespondConsent:
		c.By = id
		return c, nil
	case room.WithdrawConsent:
		c.By = id
		return c, nil
	case room.Extend:
		c.By = id
		return c, nil
	case room.OpenSideRoom:
		c.By = id
		return c, nil
	case room.CloseSideRoom:
		c.By = id
		return c, nil
	case room.SignalHelp:
		c.By = id
		return c, nil
	case room.RemindAgreement:
		c.By = id
		return c, nil
	case room.ClearHelp:
		c.By = id
		return c, nil
	}
	return nil, &room.Error{Code: room.BadRequest, Detail: "not a wish of a seat"}
}
