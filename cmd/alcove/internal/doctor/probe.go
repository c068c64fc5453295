package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/pion/stun/v4"
)

// probe looks at a daemon from outside. roots are the authorities to trust, nil for those of this machine.
//
// The media ports do not answer strangers, so from outside "nothing came back" is all there is to see of an open one; a port that
// is closed, or a firewall that refuses, says so. What arrived, the daemon counts.
func probe(ctx context.Context, target string, port int, roots *x509.CertPool) []finding {
	name, _, err := net.SplitHostPort(target)
	if err != nil {
		return []finding{fault("page", fmt.Sprintf("%q is no host with a port", target), "write it like video.example.org:443")}
	}
	page := probePage(ctx, target, roots)
	all := []finding{page}
	if page.grade == gradeOK {
		all = append(all, probeJoin(ctx, target, roots))
	}
	return append(all, probeMedia(ctx, joinPort(name, port)))
}

func probePage(ctx context.Context, target string, roots *x509.CertPool) finding {
	const what = "page"
	client := &http.Client{Timeout: probeTimeout, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, DisableKeepAlives: true,
	}}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+target+"/v1/page.json", nil)
	if err != nil {
		return fault(what, err.Error(), "write it like video.example.org:443")
	}
	answer, err := client.Do(request)
	if err != nil {
		return diagnosePage(target, err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxProbe))
	switch {
	case err != nil:
		return diagnosePage(target, err)
	case answer.StatusCode != http.StatusOK || !strings.HasPrefix(strings.TrimSpace(string(body)), "{"):
		return fault(what, target+" answers, but not as Alcove does: "+answer.Status, "another server has this name or port; or the proxy in front does not pass /v1/ on")
	}
	until := answer.TLS.PeerCertificates[0].NotAfter.UTC().Format(time.DateOnly)
	return fine(what, "Alcove answers at %s; its certificate is trusted here, until %s", target, until)
}

func diagnosePage(target string, err error) finding {
	const what = "page"
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	var timeout net.Error
	switch {
	case errors.As(err, &dns):
		return fault(what, target+" has no address: "+dns.Error(), "add an A or AAAA record")
	case errors.As(err, &cert):
		return fault(what, target+" has a certificate that this machine does not trust: "+cert.Err.Error(), "run `alcove doctor --config FILE` on the server to see what is wrong with it")
	case errors.Is(err, syscall.ECONNREFUSED):
		return fault(what, target+" refuses the connection: nothing listens there, or a firewall blocks it", "check that the daemon runs and that the port is forwarded")
	case errors.As(err, &timeout) && timeout.Timeout():
		return fault(what, target+" does not answer: a firewall on the way drops it", "let TCP to this port in")
	}
	return fault(what, err.Error(), "is it HTTPS, and is this the port?")
}

// probeMedia sends STUN binding requests (RFC 8489) with a username that belongs to no session.
func probeMedia(ctx context.Context, address string) finding {
	c, err := (&net.Dialer{}).DialContext(ctx, "udp", address)
	if err != nil {
		return fault("media", err.Error(), "see the finding above")
	}
	defer c.Close()
	message, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername("probe:probe"), stun.Fingerprint)
	if err != nil {
		return fault("media", err.Error(), "report it: this is a bug")
	}
	answer := make([]byte, maxProbe)
	for range probeDatagrams {
		if _, err = c.Write(message.Raw); err != nil {
			break
		}
		if err = c.SetReadDeadline(time.Now().Add(probeWait)); err != nil {
			break
		}
		if _, err = c.Read(answer); err == nil || errors.Is(err, syscall.ECONNREFUSED) {
			break
		}
	}
	return diagnoseMedia(address, err)
}

// diagnoseMedia: err is the result of waiting for an answer.
func diagnoseMedia(address string, err error) finding {
	const what = "media"
	var timeout net.Error
	switch {
	case err == nil:
		return warning(what, "udp "+address+" answers a stranger, which Alcove does not", "another program has this port: name Alcove's with --udp")
	case errors.Is(err, syscall.ECONNREFUSED):
		return fault(what, "udp "+address+" refuses the connection: nothing listens there, or a firewall blocks it", "check that the daemon runs and that media.port is forwarded to the same port")
	case errors.As(err, &timeout) && timeout.Timeout():
		return unknown(what, "udp "+address+" is silent, as Alcove is to strangers, and as a firewall that drops is",
			fmt.Sprintf("on the server, alcove_media_drops_total{reason=\"unknown_address\"} has risen by %d if they arrived: curl 127.0.0.1:9091/metrics", probeDatagrams))
	}
	return fault(what, fmt.Sprintf("udp %s cannot be reached: %v", address, err), "has this machine a way there?")
}
