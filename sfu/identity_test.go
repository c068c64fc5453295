package sfu

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/webrtc/v4"
)

// TestCertificateAge sets connections up for more than a year of one engine: pion refuses an expired certificate.
func TestCertificateAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &Engine{}
		began := time.Now()
		prints := map[string]bool{}
		for _, day := range []int{0, 1, 20, 31, 400} {
			time.Sleep(began.AddDate(0, 0, day).Sub(time.Now()))
			tr, err := e.newTransport()
			if err != nil {
				t.Fatalf("day %d: %v", day, err)
			}
			if own := e.identities.current; own.cert.Expires().Sub(time.Now()) < certLifetime-certRenewal || own.fingerprint != tr.local.fingerprint {
				t.Errorf("day %d: the certificate expires at %v, now %v", day, own.cert.Expires(), time.Now())
			}
			prints[tr.local.fingerprint.Value] = true
			tr.close()
		}
		if len(prints) != 5 {
			t.Errorf("%d certificates for 5 days", len(prints))
		}
		time.Sleep(time.Minute)
	})
}

// TestCertificateClock moves the clock by hand: within a day the certificate stays, a clock that is set back brings another.
func TestCertificateClock(t *testing.T) {
	var all identities
	noon := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	var last webrtc.DTLSFingerprint
	for _, c := range []struct {
		at    time.Time
		fresh bool
	}{
		{noon, true}, {noon.Add(23 * time.Hour), false}, {noon.Add(24 * time.Hour), true}, {noon.AddDate(-2, 0, 0), true},
		{noon.AddDate(-2, 0, 0).Add(time.Hour), false}, {noon.AddDate(9, 0, 0), true},
	} {
		i, err := all.at(c.at)
		if err != nil {
			t.Fatal(err)
		}
		if fresh := i.fingerprint != last; fresh != c.fresh {
			t.Errorf("%v: another certificate: %v", c.at, fresh)
		}
		if i.cert.Expires().Before(c.at.Add(certLifetime - certRenewal)) {
			t.Errorf("%v: expires at %v", c.at, i.cert.Expires())
		}
		last = i.fingerprint
	}
}

// TestCertificateOfRunningConnection makes another offer of a connection whose certificate is old: the answer must name the one that its DTLS
// used, and a new connection gets the new one.
func TestCertificateOfRunningConnection(t *testing.T) {
	inBubble(t, func(t *testing.T, v *virtualNet) {
		r := v.room()
		r.applyPlan(fullPlan("a", "b"))
		a := newClient(r, "a", 1)
		a.join()
		was := fingerprintOf(t, a.pc.RemoteDescription().SDP)
		r.e.identities.mu.Lock()
		r.e.identities.current.issued = time.Now().Add(-2 * certRenewal)
		r.e.identities.mu.Unlock()
		if _, err := a.offer(1); err != nil {
			t.Fatal(err)
		}
		if now := fingerprintOf(t, a.pc.RemoteDescription().SDP); now != was {
			t.Error("another fingerprint for a running connection")
		}
		b := newClient(r, "b", 1)
		b.join()
		if now := fingerprintOf(t, b.pc.RemoteDescription().SDP); now == was {
			t.Error("the old fingerprint for a new connection")
		}
	})
}

func fingerprintOf(t *testing.T, sdp string) string {
	t.Helper()
	for line := range strings.Lines(sdp) {
		if value, ok := strings.CutPrefix(line, "a=fingerprint:"); ok {
			return strings.TrimSpace(value)
		}
	}
	t.Fatal("no fingerprint")
	return ""
}
