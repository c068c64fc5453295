package record

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"

	"alcove/sfu/record/sframe"
)

// TestReleasesOfThePage opens what the page's code released, to a recipient of each kind.
func TestReleasesOfThePage(t *testing.T) {
	var vectors struct {
		Releases []struct {
			Identity string
			Messages []json.RawMessage
			Keys     []struct {
				KID        uint32
				KeyAndSalt string
			}
		}
	}
	if err := json.Unmarshal(must(os.ReadFile("../../signaling/web/test/vectors/release_page.json"))(t), &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors.Releases) != 2 {
		t.Fatalf("%d releases", len(vectors.Releases))
	}
	c := newClinic(t, nil)
	for _, one := range vectors.Releases {
		o := must(NewOpener([]byte(one.Identity), c.keyring))(t)
		found := map[sframe.KID]string{}
		for source, scope := range map[string]string{"microphone": "recording.audio", "camera": "recording.video", "screen": "recording.video"} {
			keys := o.newFrameKeys(Header{Source: source})
			for _, message := range one.Messages {
				var r Release
				if err := json.Unmarshal(message, &r); err != nil {
					t.Fatal(err)
				}
				if r.Scope != scope {
					continue
				}
				if err := keys.add(message); err != nil {
					t.Errorf("%s: %v", source, err)
				}
			}
			for kid, list := range keys.keys {
				found[kid] = hex.EncodeToString([]byte(list[0].blob))
			}
		}
		for _, want := range one.Keys {
			if found[sframe.KID(want.KID)] != want.KeyAndSalt {
				t.Errorf("KID %x: key %s", want.KID, found[sframe.KID(want.KID)])
			}
		}
		if len(found) != 10 {
			t.Errorf("%d keys", len(found))
		}
	}
}
