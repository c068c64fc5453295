package wire

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"alcove/room"
	"alcove/room/live"
)

const (
	goldenKeyPackage room.Sealed  = "a2V5IHBhY2thZ2U="
	goldenDigest     room.Sealed  = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
	goldenProof      room.Sealed  = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="
	goldenGroup      room.GroupID = "Z3JvdXAgb25l"
	goldenGroup2     room.GroupID = "Z3JvdXAgdHdv"
	goldenCommit     room.Sealed  = "YSBjb21taXQ="
	goldenWelcome    room.Sealed  = "YSB3ZWxjb21l"
	goldenMessage    room.Sealed  = "YSBtZXNzYWdl"
	goldenSealed     room.Sealed  = "YW4gYWdlIGZpbGU="
	goldenKey        room.Sealed  = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7"
	goldenKey2       room.Sealed  = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyAhIiMkJSYnKCkqKywtLi8wMTIzNDU2Nzg5Ojs8"
)

// e2eeRequestContents holds the contents of the requests about end-to-end encryption.
func e2eeRequestContents() map[string][]any {
	return map[string][]any{
		"e2ee.key": {
			room.SetKeyPackage{KeyPackage: room.KeyPackage{Sealed: goldenKeyPackage, TokenHash: goldenDigest, Proof: goldenProof}},
			room.SetKeyPackage{KeyPackage: room.KeyPackage{Sealed: goldenKeyPackage, TokenHash: goldenDigest}},
		},
		"e2ee.create": {room.CreateGroup{Group: goldenGroup}, room.CreateGroup{Group: goldenGroup2, Replaces: goldenGroup}},
		"e2ee.commit": {
			room.CommitGroup{Group: goldenGroup, After: 4, Commit: goldenCommit},
			room.CommitGroup{Group: goldenGroup, After: 1, Commit: goldenCommit, Welcome: goldenWelcome,
				To: []room.ParticipantID{p1, p3}, Proofs: []room.Sealed{goldenDigest, goldenProof}},
			room.CommitGroup{Group: goldenGroup, After: 1, Commit: goldenCommit, Welcome: goldenWelcome, To: []room.ParticipantID{p1}},
		},
		"e2ee.app": {
			room.SendToGroup{Group: goldenGroup, After: 2, Message: goldenMessage},
			room.SendToGroup{Group: goldenGroup, After: 2, Message: goldenMessage, To: []room.ParticipantID{p2, p3}},
		},
		"e2ee.sync": {room.SyncGroup{After: 7}, room.SyncGroup{}},
		"e2ee.release": {
			room.ReleaseKeys{Scope: room.RecordingAudio, Number: 3, Sealed: goldenSealed, Keys: []room.ReleasedKey{{KID: 2147680259, Key: goldenKey}}},
			room.ReleaseKeys{Scope: room.RecordingVideo, Number: 3, Keys: []room.ReleasedKey{{KID: 2415919107, Key: goldenKey}, {KID: 2684354563, Key: goldenKey2}}},
		},
	}
}

// e2eeNotices holds the notices about end-to-end encryption.
func e2eeNotices() map[string][]live.Notice {
	entry := func(e room.GroupEntry) live.Notice {
		e.From = p2
		return live.EffectNotice{Effect: room.EntrySent{To: p1, Entry: e}}
	}
	welcome := func(to room.ParticipantID, proofs ...room.Sealed) live.Notice {
		return live.EffectNotice{Effect: room.WelcomeSent{To: to, Entry: room.GroupEntry{Group: goldenGroup, Number: 2, Previous: 1,
			Kind: room.EntryCommit, From: p2, Commit: goldenCommit, Welcome: goldenWelcome, To: []room.ParticipantID{p1, p3}, Proofs: proofs}}}
	}
	return map[string][]live.Notice{
		"e2ee.state": {
			live.GroupState{}, live.GroupState{Number: 12, Main: goldenGroup}, live.GroupState{Number: 14, Main: goldenGroup, SideRoom: goldenGroup2},
		},
		"e2ee.entry": {
			entry(room.GroupEntry{Group: goldenGroup, Number: 1, Kind: room.EntryCreate}),
			entry(room.GroupEntry{Group: goldenGroup, Number: 12, Previous: 9, Kind: room.EntryCommit, Commit: goldenCommit}),
			entry(room.GroupEntry{Group: goldenGroup2, Number: 13, Kind: room.EntryCreate, Replaces: goldenGroup}),
			entry(room.GroupEntry{Group: goldenGroup2, Number: 14, Kind: room.EntryCreate, SideRoom: true}),
		},
		"e2ee.welcome": {welcome(p3, goldenDigest, goldenProof), welcome(p1)},
		"e2ee.keys": {
			live.KeyPackageGiven{Participant: p1, KeyPackage: room.KeyPackage{Sealed: goldenKeyPackage, TokenHash: goldenDigest, Proof: goldenProof}},
			live.KeyPackageGiven{Participant: p3, KeyPackage: room.KeyPackage{Sealed: goldenKeyPackage, TokenHash: goldenDigest}},
		},
		"e2ee.app": {live.EffectNotice{Effect: room.GroupMessageSent{To: p2, From: p1, Group: goldenGroup, Number: 2, Message: goldenMessage}}},
	}
}

// TestE2EELimitsAreDocumented checks that section 6c of PROTOCOL.md states every limit.
func TestE2EELimitsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "## 6c. ")
	section, _, _ = strings.Cut(section, "\n## ")
	for what, limit := range map[string]int{
		"key package": maxKeyPackage, "group": maxGroupID, "commit": maxCommit, "newcomers": maxAdded, "message": maxGroupMessage,
		"recipients": maxTargets, "sealed": maxReleaseSealed, "keys": maxReleaseKeys, "key": maxReleaseKey, "digest": digestLength,
	} {
		if !strings.Contains(section, strconv.Itoa(limit)) {
			t.Errorf("%s: no %d", what, limit)
		}
	}
}
