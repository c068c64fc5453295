package room

import "testing"

// TestTextFor checks that the hash of a text depends on the recipients that recordings are sealed to. The page computes the same hash
// (recipients.ts).
func TestTextFor(t *testing.T) {
	text := NewText("audio", "1", "en", "We record.")
	const want = "4f302f2f911a877528c76377a64fb760192e05b78e9d53334ea10a90aaf62aee"
	if got := text.For([]string{"age1clinic", "age1other"}).Hash; got != want {
		t.Errorf("hash %s, want %s", got, want)
	}
	if text.For(nil) != text || text.For([]string{"age1clinic"}).Hash == text.For([]string{"age1other"}).Hash {
		t.Error("the hash does not depend on the recipients")
	}
}
