package live

import (
	"slices"

	"alcove/room"
)

// withoutNewRecordings leaves out of a plan what is not recorded yet: all participants are notified before.
func (r *roomActor) withoutNewRecordings(plan room.Plan) room.Plan {
	return filterRecordings(plan, func(rec room.RecordedPublication) bool { return slices.Contains(r.plan.Record, rec) })
}

// toldOnly leaves out participants who were not notified: their connection was lost before, and their resume notifies them.
func (r *roomActor) toldOnly(plan room.Plan) room.Plan {
	return filterRecordings(plan, func(rec room.RecordedPublication) bool {
		c := r.connections[rec.Participant]
		return c != nil && c.toldRecording
	})
}

func filterRecordings(plan room.Plan, keep func(room.RecordedPublication) bool) room.Plan {
	var list []room.RecordedPublication
	for _, rec := range plan.Record {
		if keep(rec) {
			list = append(list, rec)
		}
	}
	plan.Record = list
	return plan
}

// noteRecording notes what a connection was just told of the recording. A connection that was told keeps that until the recording ends.
func (c *connection) noteRecording(v room.View) {
	on := v.Room != nil && v.Room.Recording.Records()
	c.toldRecording = on && (c.toldRecording || c.connected)
}
