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
	case room.GrantScreen:
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
	return nil, &room.Error{Code: room.BadRequest, Detail: "not a wish of a seat"}
}
