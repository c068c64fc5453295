package doctor

import (
	"maps"
	"slices"
	"strings"

	"alcove/cmd/alcove/internal/config"
	"alcove/sfu/record"
)

// browsersWithTransforms are the first versions that can encrypt frames in a worker (W3C WebRTC Encoded Transform, RTCRtpScriptTransform).
const browsersWithTransforms = "Chrome and Edge 141, Firefox 117, Safari 15.4, or later"

// encryptionPlan describes which audio and video this host can open, for check.
func encryptionPlan(c config.Config) []string {
	required, off := byEncryption(c)
	var all []string
	if len(required) > 0 {
		all = append(all, "encrypted end to end: the policies "+strings.Join(required, ", ")+", for "+browsersWithTransforms)
	}
	if len(off) > 0 {
		all = append(all, "not encrypted end to end: the policies "+strings.Join(off, ", ")+", whose audio and video this host can open")
	}
	return all
}

// byEncryption lists the policies by whether they are encrypted end to end.
func byEncryption(c config.Config) (required, off []string) {
	for _, name := range slices.Sorted(maps.Keys(c.Policies)) {
		if c.Policies[name].Encrypted() {
			required = append(required, name)
		} else {
			off = append(off, name)
		}
	}
	return required, off
}

// diagnoseEncryption reports which rooms this host could listen to, and whether recordings of the others are sealed equally well.
// recipients are those of recordings, empty if nothing is recorded or they cannot be read.
func diagnoseEncryption(c config.Config, recipients record.Recipients) []finding {
	const what = "encryption"
	required, off := byEncryption(c)
	var all []finding
	if len(required) > 0 {
		all = append(all, fine(what, "end to end in the rooms of %s; people need %s", strings.Join(required, ", "), browsersWithTransforms))
	}
	if len(off) > 0 {
		all = append(all, warning(what, "not end to end in the rooms of "+strings.Join(off, ", ")+": this host, and whoever takes it over, can open their audio and video",
			"set e2ee: required there, and the claim e2ee in their tokens"))
	}
	recorded := slices.ContainsFunc(required, func(name string) bool { return c.Policies[name].Recording.Mode != "none" })
	if recorded && !recipients.Empty() && !recipients.PostQuantum() {
		all = append(all, warning(what, "recordings of rooms that are encrypted end to end are for age1… keys, which a quantum computer may open one day; the rooms themselves resist it",
			"make age1pq… keys with `age-keygen -pq`, and put them into "+c.Recording.RecipientsFile))
	}
	return all
}
