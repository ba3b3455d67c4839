package caddymodule

import (
	"bufio"
	"cmp"
	"encoding/json"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// h2c lets a gateway speak HTTP/2 without TLS, beside HTTP/1.1.
var h2c = []string{"\tadmin off", "\tadmin off\n\tservers {\n\t\tprotocols h1 h2c\n\t}"}

// sender sends a request and reads the answer.
type sender func(*gateway, testing.TB, request) wire

// protocols are the ways in which a request of the suite is sent: HTTP/1.1 byte by
// byte, since clients tidy up what they send, and HTTP/2.
var protocols = map[string]sender{"h1": (*gateway).overH1, "h2": (*gateway).overH2}

// over runs a test over both protocols.
func over(t *testing.T, test func(t *testing.T, send sender)) {
	for _, name := range slices.Sorted(maps.Keys(protocols)) {
		t.Run(name, func(t *testing.T) { test(t, protocols[name]) })
	}
}

// request is a request as an attacker writes it: nothing in it is checked or
// tidied up. Header names and values come in pairs.
type request struct {
	Method, Target string
	Host           string // the gateway's if empty
	Headers        []string
	Trailers       []string // sent behind a chunked body
}

// wire is an answer as it came.
type wire struct {
	Status int
	Header http.Header
	Body   string
}

func (req request) method() string { return cmp.Or(req.Method, http.MethodGet) }

// with is the request with more headers.
func (req request) with(pairs ...string) request {
	req.Headers = append(slices.Clone(req.Headers), pairs...)
	return req
}

// overH1 writes the request onto a socket.
func (g *gateway) overH1(t testing.TB, req request) wire {
	t.Helper()
	host := req.Host
	if host == "" {
		host = strings.TrimPrefix(g.url, "http://")
	}
	var b strings.Builder
	b.WriteString(req.method() + " " + req.Target + " HTTP/1.1\r\nHost: " + host + "\r\n")
	for i := 0; i+1 < len(req.Headers); i += 2 {
		b.WriteString(req.Headers[i] + ": " + req.Headers[i+1] + "\r\n")
	}
	if req.Trailers != nil {
		b.WriteString("Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n")
		for i := 0; i+1 < len(req.Trailers); i += 2 {
			b.WriteString(req.Trailers[i] + ": " + req.Trailers[i+1] + "\r\n")
		}
	}
	b.WriteString("\r\n")
	return g.raw(t, req.method(), b.String())
}

// raw writes bytes onto a socket and reads the answer.
func (g *gateway) raw(t testing.TB, method, text string) wire {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(g.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		t.Fatalf("reading the answer to %.300q: %v", text, err)
	}
	return readWire(t, resp)
}

// overH2 sends the request over HTTP/2. What a client refuses to send, such as
// Connection, has to be tried with overH1.
func (g *gateway) overH2(t testing.TB, req request) wire {
	t.Helper()
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: &protocols}
	defer transport.CloseIdleConnections()
	host := strings.TrimPrefix(g.url, "http://")
	r := &http.Request{
		Method: req.method(), Host: req.Host, Header: http.Header{},
		// Opaque is sent as it is.
		URL: &url.URL{Scheme: "http", Host: host, Opaque: "//" + cmp.Or(req.Host, host) + req.Target},
	}
	for i := 0; i+1 < len(req.Headers); i += 2 {
		r.Header[req.Headers[i]] = append(r.Header[req.Headers[i]], req.Headers[i+1])
	}
	if req.Trailers != nil {
		r.Body, r.ContentLength, r.Trailer = io.NopCloser(strings.NewReader("hi")), -1, http.Header{}
		for i := 0; i+1 < len(req.Trailers); i += 2 {
			r.Trailer[req.Trailers[i]] = []string{req.Trailers[i+1]}
		}
	}
	resp, err := transport.RoundTrip(r.WithContext(t.Context()))
	if err != nil {
		t.Fatalf("%s %q over HTTP/2: %v", req.Method, req.Target, err)
	}
	if resp.ProtoMajor != 2 {
		t.Fatalf("the gateway answered by %s", resp.Proto)
	}
	return readWire(t, resp)
}

func readWire(t testing.TB, resp *http.Response) wire {
	t.Helper()
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return wire{resp.StatusCode, resp.Header, string(body)}
}

// site is the request as the site saw it; false if the gateway answered itself.
func (w wire) site() (seen, bool) {
	var s seen
	err := json.Unmarshal([]byte(w.Body), &s)
	return s, err == nil && s.URI != ""
}

// page is the answer as the phone of the kit knows it.
func (w wire) page(target string) seenPage {
	return seenPage{Status: w.Status, URL: target, Header: w.Header, Body: w.Body}
}

// cookieLine is what a phone sends as Cookie to the gateway.
func (p *phone) cookieLine(g *gateway) string {
	held := p.cookies(g.url + "/")
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(held)) {
		pairs = append(pairs, name+"="+held[name])
	}
	return strings.Join(pairs, "; ")
}

// signedIn is the Cookie line of somebody who has signed in to a site.
func (g *gateway) signedIn(t testing.TB, person, appID, ptid string) string {
	t.Helper()
	p := g.phone(person)
	if page := p.open(g.at(appID, ptid, "/")); page.Status != http.StatusOK {
		t.Fatalf("signing %s in: %d %.200s", person, page.Status, page.Body)
	}
	return p.cookieLine(g)
}

// inWeChat are the headers of a navigation in WeChat's browser.
func inWeChat(pairs ...string) []string {
	return append([]string{"User-Agent", uaAndroid, "Accept", "text/html", "X-Requested-With", "com.tencent.mm"}, pairs...)
}
