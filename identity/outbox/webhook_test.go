package outbox_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/identity/outbox"
)

var anEvent = identity.Event{
	ID: "v1.first", Realm: "main", Seq: 7, Type: identity.EventReplaced, Phase: identity.PhaseFirst, Old: "v1", New: "r1", Via: "h5", Cause: "E3",
	Subject: "acme", AppID: "wx0123456789abcdef", At: time.Date(2026, 1, 2, 11, 4, 5, 6000, time.FixedZone("CST", 8*3600)), Trace: "t1",
}

// codeOf is the code of a failure; empty for success.
func codeOf(t testing.TB, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	var f *outbox.Failure
	if !errors.As(err, &f) {
		t.Fatalf("%v is no failure", err)
	}
	return f.Code
}

func TestWebhook(t *testing.T) {
	t.Parallel()
	var body []byte
	var header http.Header
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ = io.ReadAll(r.Body)
		header = r.Header
	}))
	defer server.Close()
	w := webhook(t, server.URL+"/hooks?tenant=1", time.Now, func(c *outbox.WebhookConfig) { c.Secrets = []string{secretB, secretA} })
	if err := w.Send(t.Context(), anEvent); err != nil {
		t.Fatal(err)
	}
	t.Run("it is a CloudEvent in structured mode", func(t *testing.T) {
		const want = `{"specversion":"1.0","id":"v1.first","source":"https://www.example.com/wsite/-/realms/main","type":"userid.replaced","subject":"v1","time":"2026-01-02T03:04:05.000006Z","datacontenttype":"application/json",` +
			`"data":{"event_id":"v1.first","realm":"main","seq":7,"type":"userid.replaced","phase":"first","old":"v1","new":"r1","via":"h5","cause":"E3","subject":"acme","appid":"wx0123456789abcdef","at":"2026-01-02T03:04:05.000006Z","trace":"t1"}}`
		if string(body) != want || !json.Valid(body) || header.Get("Content-Type") != "application/cloudevents+json" {
			t.Errorf("it sent %s\n%s", header.Get("Content-Type"), body)
		}
	})
	t.Run("both secrets of a rotation sign", func(t *testing.T) {
		for _, secret := range []string{secretA, secretB} {
			key, err := webhooks.NewWebhook(secret)
			if err == nil {
				err = key.Verify(body, header)
			}
			if err != nil {
				t.Error(err)
			}
		}
		if other, _ := webhooks.NewWebhook("whsec_AAAA"); other.Verify(body, header) == nil {
			t.Error("any secret verifies")
		}
		if header.Get("webhook-id") != anEvent.ID {
			t.Errorf("the webhook-id is %s", header.Get("webhook-id"))
		}
	})
}

func TestWebhook_answers(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]string{200: "", 201: "", 204: "", 299: "", 301: "redirect", 304: "redirect", 307: "redirect", 400: "status_400", 410: "status_410", 429: "status_429", 500: "status_500", 503: "status_503"} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
		if got := codeOf(t, webhook(t, server.URL, time.Now).Send(t.Context(), anEvent)); got != want {
			t.Errorf("status %d is %q, want %q", status, got, want)
		}
		server.Close()
	}
	t.Run("a consumer that never answers is given up", func(t *testing.T) {
		t.Parallel()
		release := make(chan struct{})
		server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
		defer server.Close()
		defer close(release)
		w := webhook(t, server.URL, time.Now, func(c *outbox.WebhookConfig) { c.Timeout = 50 * time.Millisecond })
		if got := codeOf(t, w.Send(t.Context(), anEvent)); got != "timeout" {
			t.Errorf("it is %q", got)
		}
	})
	t.Run("an answer that never ends is not read to its end", func(t *testing.T) {
		t.Parallel()
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			for err := error(nil); err == nil; {
				_, err = w.Write(make([]byte, 1<<20))
			}
		}))
		defer server.Close()
		if err := webhook(t, server.URL, time.Now).Send(t.Context(), anEvent); err != nil {
			t.Error(err)
		}
	})
}

func TestNewWebhook(t *testing.T) {
	t.Parallel()
	for sentence, c := range map[string]struct {
		url      string
		secrets  []string
		networks []string
		want     string // in the error; empty if it is fine
	}{
		"https to a name":                        {"https://orders.example.com/hooks", []string{secretA}, nil, ""},
		"https to a public address":              {"https://93.184.216.34/hooks", []string{secretA}, nil, ""},
		"two secrets":                            {"https://orders.example.com", []string{secretA, secretB}, nil, ""},
		"http to a name where networks allow":    {"http://orders.internal:8080/x", []string{secretA}, []string{"10.0.0.0/8"}, ""},
		"http to an allowed address":             {"http://10.1.2.3/", []string{secretA}, []string{"10.0.0.0/8"}, ""},
		"localhost where it is allowed":          {"http://localhost:3000/", []string{secretA}, []string{"private"}, ""},
		"http to a name without networks":        {"http://orders.example.com", []string{secretA}, nil, "webhook: this has to be https"},
		"http to a public address":               {"http://93.184.216.34/", []string{secretA}, []string{"private"}, "webhook: this has to be https"},
		"a loopback address":                     {"https://127.0.0.1/", []string{secretA}, nil, "webhook_networks"},
		"a loopback address of IPv6":             {"https://[::1]/", []string{secretA}, []string{"10.0.0.0/8"}, "webhook_networks"},
		"a mapped address":                       {"https://[::ffff:10.0.0.1]/", []string{secretA}, nil, "webhook_networks"},
		"an address with a zone":                 {"https://[fe80::1%25eth0]/", []string{secretA}, nil, "webhook_networks"},
		"localhost":                              {"https://localhost/", []string{secretA}, nil, "webhook_networks"},
		"a name below localhost":                 {"https://a.LOCALHOST./", []string{secretA}, nil, "webhook_networks"},
		"the metadata of a cloud":                {"https://169.254.169.254/", []string{secretA}, []string{"private"}, "webhook_networks"},
		"another scheme":                         {"ftp://orders.example.com", []string{secretA}, nil, "no address such as"},
		"no scheme":                              {"orders.example.com/hooks", []string{secretA}, nil, "no address such as"},
		"a password":                             {"https://a:b@orders.example.com", []string{secretA}, nil, "no address such as"},
		"a fragment":                             {"https://orders.example.com/#a", []string{secretA}, nil, "no address such as"},
		"nonsense":                               {"https://%zz", []string{secretA}, nil, "no address such as"},
		"no secret":                              {"https://orders.example.com", nil, nil, "secret: one is needed"},
		"three secrets":                          {"https://orders.example.com", []string{secretA, secretB, secretA}, nil, "secret: one is needed"},
		"the same secret twice":                  {"https://orders.example.com", []string{secretA, secretA}, nil, "two different ones"},
		"a secret without whsec_":                {"https://orders.example.com", []string{"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="}, nil, "secret: a secret is `whsec_`"},
		"a secret that is no base64":             {"https://orders.example.com", []string{"whsec_hunter2!"}, nil, "secret: a secret is `whsec_`"},
		"a secret that is too short":             {"https://orders.example.com", []string{"whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY="}, nil, "24 to 64"},
		"a secret that is too long":              {"https://orders.example.com", []string{"whsec_" + strings.Repeat("MDEy", 22)}, nil, "24 to 64"},
		"a network that is none of the networks": {"https://orders.example.com", []string{secretA}, []string{"10.0.0.0"}, "is no network"},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			networks, err := outbox.ParseNetworks(c.networks)
			if err == nil {
				_, err = outbox.NewWebhook(outbox.WebhookConfig{URL: c.url, Secrets: c.secrets, Networks: networks, Now: time.Now})
			}
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if err != nil && slices.ContainsFunc(append(c.secrets, "hunter2", "a:b@"), func(s string) bool { return strings.Contains(err.Error(), s) }) {
				t.Errorf("the error tells a secret: %v", err)
			}
		})
	}
}

func TestNetworks(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"127.0.0.1", "127.255.0.1", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "100.100.100.200", "169.254.169.254",
		"192.0.0.192", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "168.63.129.16",
		"::", "::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::",
		"3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1%eth0", "fec0::1", "ff02::1",
	} {
		if outbox.Networks(nil).Allow(netip.MustParseAddr(text)) {
			t.Errorf("%s is allowed", text)
		}
	}
	for _, text := range []string{"1.1.1.1", "8.8.8.8", "100.63.255.255", "172.15.0.1", "172.32.0.1", "93.184.216.34", "2606:4700::1111", "2a00:1450::1", "::ffff:8.8.8.8"} {
		if !outbox.Networks(nil).Allow(netip.MustParseAddr(text)) {
			t.Errorf("%s is refused", text)
		}
	}
	if outbox.Networks(nil).Allow(netip.Addr{}) {
		t.Error("no address is allowed")
	}
	some, err := outbox.ParseNetworks([]string{"private", "100.64.0.0/10"})
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{"127.0.0.1": true, "::ffff:10.0.0.1": true, "fd12::1%eth0": true, "100.64.1.1": true, "8.8.8.8": true, "169.254.169.254": false, "0.0.0.0": false} {
		if got := some.Allow(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
}
