package room

import "testing"

func TestFailRecording(t *testing.T) {
	r := recordScript(t, WithEach)
	if d := r.do(FailRecording{Fault: DiskFull}); d.Events != nil || d.Effects != nil {
		t.Fatalf("failed although nothing was asked: %+v", d)
	}
	r.do(as("host", AskConsent{Scopes: []Scope{RecordingAudio}}))
	r.consents("ann", RecordingAudio)
	r.seatOf("late", "participant")
	r.do(as("host", SendBack{Target: "late"}))
	before := r.s
	d := r.do(FailRecording{Fault: DiskFull})
	r.wantRecording(RecordingOff)
	told := map[ParticipantID]bool{}
	for _, e := range d.Effects {
		told[e.(RecorderFailed).To] = true
	}
	if len(told) != 3 || told["late"] {
		t.Fatalf("told %v", told)
	}
	if list := EntriesOf(EntryContext{}, before, d.Events); len(list) != 1 || list[0].Act != ActRecordFailed || list[0].Detail != "disk_full" {
		t.Fatalf("the log holds %+v", list)
	}
	if Opens(before, d.Events) || !NeedsRecord(d.Events) {
		t.Fatal("the end of a recording opens something, or is not kept")
	}
	r.do(as("host", AskConsent{Scopes: []Scope{RecordingAudio}}))
	r.wantRecordingStarts("ann/microphone") // a host asks again, and consent stands
}
