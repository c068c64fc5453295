package attack

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"golang.org/x/crypto/argon2"

	"alcove/auth"
)

// cheapHash is a passcode hash with the lowest cost that the daemon accepts, because the result does not depend on the cost of a guess.
func cheapHash(passcode string) string {
	salt := []byte("12345678")
	sum := argon2.IDKey([]byte(passcode), salt, 2, 19<<10, 1, 32)
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=19$m=19456,t=2,p=1$%s$%s", b64(salt), b64(sum))
}

// An answer is the response to a hello.
type answer struct {
	OK    bool
	Error struct {
		Code         string
		RetryAfterMs int
	}
}

// helloWithPasscode sends a hello with a new token and a passcode from a host.
func helloWithPasscode(ctx context.Context, d *Daemon, host netip.Addr, subject, passcode string) (a answer, err error) {
	token, err := d.env.Minter.Token("calm", subject, subject, auth.Participant)
	if err != nil {
		return a, err
	}
	dialer := websocket.Dialer{NetDialContext: dialerFrom(host).DialContext, Subprotocols: []string{"alcove.v1"}, HandshakeTimeout: eventuallyTimeout}
	ws, _, err := dialer.DialContext(ctx, strings.Replace(d.HTTP, "http", "ws", 1)+"/v1/rtc", http.Header{"Origin": {d.HTTP}})
	if err != nil {
		return a, err
	}
	defer ws.Close()
	err = ws.WriteJSON(map[string]any{"id": "1", "type": "hello", "data": map[string]any{"token": token.Reveal(), "passcode": passcode,
		"client": map[string]any{"name": "guesser", "version": "1"}}})
	if err == nil {
		ws.SetReadDeadline(time.Now().Add(eventuallyTimeout))
		err = ws.ReadJSON(&a)
	}
	return a, err
}

// TestPasscodeGuessingDoesNotBlockJoins guesses passcodes with valid tokens from 45 addresses as fast as allowed. People without a failed
// guess must join at the first attempt, and the guesses must stay within the room's budget.
func TestPasscodeGuessingDoesNotBlockJoins(t *testing.T) {
	const guessers = 45
	d := NewDaemon(t, "policies: {default: {passcode_hash: \""+cheapHash("correct horse")+"\"}}\n")
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	for i := range guessers {
		wg.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				a, _ := helloWithPasscode(ctx, d, netip.AddrFrom4([4]byte{127, 1, byte(i), 7}), fmt.Sprint("guesser", i), fmt.Sprint("guess number ", n))
				select {
				case <-time.After(time.Duration(max(a.Error.RetryAfterMs, 200)) * time.Millisecond):
				case <-ctx.Done():
				}
			}
		})
	}
	wrong := func() int {
		return int(d.Metric(t, "alcove_messages_total", `type="hello"`, `result="passcode_wrong"`))
	}
	throttled := func() int {
		return int(d.Metric(t, "alcove_messages_total", `type="hello"`, `result="rate_limited"`))
	}
	Eventually(t, "all have failed, and some are made to wait", func() bool { return wrong() >= guessers && throttled() > 0 })
	for i := range 5 {
		begin := time.Now()
		a, err := helloWithPasscode(ctx, d, netip.AddrFrom4([4]byte{127, 3, byte(i), 1}), fmt.Sprint("guest", i), "correct horse")
		if err != nil || !a.OK {
			t.Errorf("one with the right passcode: %+v, %v", a, err)
		}
		t.Logf("one with the right passcode has entered after %v", time.Since(begin))
	}
}
