package caddymodule

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// A mini program hands its session to the pages in its web-view with a ticket: good once,
// for a minute, for one account, site and host. It stands behind the # of the page's
// address, which no server and no log sees, and only a POST of our own page takes it, so
// that nothing that merely looks at an address can spend it.

const (
	ticketLife = time.Minute
	ticketSize = 24 // random bytes
)

type ticketIn struct {
	Path string `json:"path"` // inside the site, with query and fragment; default "/"
}

type ticketOut struct {
	Ticket    string `json:"ticket"`
	URL       string `json:"url"` // for the web-view
	ExpiresIn int64  `json:"expires_in"`
}

// giveTicket is `POST /-/ticket`. It takes a bearer token and no cookie: a page that was
// taken over could hand its visitor's session on.
func (a *App) giveTicket(w http.ResponseWriter, r *http.Request, rt route) error {
	var in ticketIn
	if ref := a.readDoor(w, r, &in); ref != nil {
		return a.problem(w, r, rt, ref)
	}
	s, ref := a.bearerSession(r, rt)
	if ref == nil {
		ref = a.tooManyCodes(r, s)
	}
	if ref != nil {
		return a.problem(w, r, rt, ref)
	}
	tg := target{Path: rt.base + "/"}
	if in.Path != "" {
		path, frag, _ := strings.Cut(in.Path, "#")
		if tg = (target{Path: rt.base + path, Fragment: fragment(frag)}); len(path) > maxTarget || !rt.contains(tg.Path) {
			return a.problem(w, r, rt, refuse(codeBadBody).because(errors.New("the path isn't one inside the site")))
		}
	}
	random := make([]byte, ticketSize)
	a.random(random)
	ticket := b64.EncodeToString(random)
	name := ticketName(ticket)
	value := append(appendString(nil, string(s.plain())), a.tickets.sealTarget(rt, tg)...)
	put, err := a.shared.PutNew(r.Context(), name, a.tickets.entrance.Seal(value, rt.entrance(name)), ticketLife)
	if err != nil || !put {
		return a.problem(w, r, rt, refuse(codeFactsDown).because(errors.Join(errors.New("keeping a ticket"), err)))
	}
	a.metrics.login("ticket")
	return writeJSON(w, ticketOut{Ticket: ticket, URL: a.originOf(rt) + rt.base + own + "enter#t=" + ticket, ExpiresIn: int64(ticketLife / time.Second)})
}

// bearerSession is the session of a bearer token that holds.
func (a *App) bearerSession(r *http.Request, rt route) (*session, *refusal) {
	if _, n := bearers(r); n == 0 {
		return nil, refuse(codeLoginRequired)
	}
	s, err := a.liveSession(r, rt)
	switch {
	case err != nil:
		return nil, refuse(codeFactsDown).because(err)
	case s == nil:
		return nil, refuse(codeLoginRequired)
	}
	claim, err := a.claim(rt, s, nil)
	if err == nil {
		err = a.notParted(r.Context(), claim, s.At)
	}
	switch {
	case errors.Is(err, errToken):
		return nil, refuse(codeLoginRequired)
	case err != nil:
		return nil, refuse(codeFactsDown).because(err)
	}
	return s, nil
}

// ticketName is where a ticket's session is kept: whoever reads the names can't use them.
func ticketName(ticket string) string {
	sum := sha256.Sum256([]byte(ticket))
	return "ticket/" + hex.EncodeToString(sum[:])
}

// entrance binds what is kept for a ticket to it, and to account, site and host.
func (rt route) entrance(name string) string { return rt.place() + "@" + rt.host + " " + name }

// enterByTicket is /-/enter. A GET shows a page whose script posts what stands behind the
// #; the POST takes the ticket and sets the session's cookie.
func (a *App) enterByTicket(w http.ResponseWriter, r *http.Request, rt route) error {
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodPost:
		return a.refused(w, r, rt, refuse(codeBadMethod).allowing("GET, POST"))
	case !rt.account.TakesCodes():
		return a.refused(w, r, rt, refuse(codeNoPage))
	case prefetches(r):
		return a.refused(w, r, rt, refuse(codePrefetch))
	case !inWebView(r, rt.account) && !a.AnyBrowser:
		// A link with somebody's ticket, opened in a browser, would make its reader
		// that somebody; nobody can send him into the web-view of a mini program.
		return a.refused(w, r, rt, refuse(codeOutsideMini))
	case r.Method == http.MethodPost:
		return a.takeTicket(w, r, rt)
	}
	if sealed := r.URL.Query()["r"]; len(sealed) == 1 {
		return a.entered(w, r, rt, sealed[0])
	}
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "none" && site != "same-origin" {
		return a.refused(w, r, rt, refuse(codeCrossSite).because(errors.New("a page of another site leads to /-/enter")))
	}
	return a.writePage(w, http.StatusOK, pageEnter, enterView{Action: rt.base + own + "enter", Home: rt.base + "/"})
}

// takeTicket signs in with a ticket.
func (a *App) takeTicket(w http.ResponseWriter, r *http.Request, rt route) error {
	if err := http.NewCrossOriginProtection().Check(r); err != nil || r.Header.Get("Sec-Fetch-Site") == "" && r.Header.Get("Origin") == "" {
		return a.refused(w, r, rt, refuse(codeCrossSite).because(err))
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxDoorBody)
	if err := r.ParseForm(); err != nil || len(r.PostForm["t"]) != 1 {
		return a.refused(w, r, rt, refuse(codeBadBody).because(errors.New("one ticket is needed")))
	}
	r.Header.Del("Authorization") // it is a browser, and signs in with nothing else
	live, err := a.liveSession(r, rt)
	if err != nil {
		return a.refused(w, r, rt, refuse(codeFactsDown).because(err))
	}
	s, tg, err := a.openTicket(r.Context(), rt, r.PostForm["t"][0])
	if err != nil {
		return a.refused(w, r, rt, refuse(codeFactsDown).because(err))
	}
	if s == nil {
		a.metrics.login("ticket_spent")
		if live != nil { // he came back to this page
			return a.seeOther(w, target{Path: rt.base + "/"})
		}
		return a.backToProgram(w, r, rt, "/")
	}
	var seed *identity.GuestSeed
	if g, ok := a.guestSeed(r); ok {
		seed = &g
	}
	done := a.arrive(r.Context(), rt, s, live, seed)
	if done.err == nil {
		done.err = a.supersede(r.Context(), live, s)
	}
	switch {
	case done.err != nil:
		return a.refused(w, r, rt, factsRefusal(done.err))
	case !done.answer.User.BlockedAt.IsZero():
		return a.refused(w, r, rt, refuse(codeBlocked))
	}
	a.setSession(w, r, s)
	if seed != nil && done.answer.Linked() {
		a.jar.set(w, cookieGuest, "", -1)
	}
	a.metrics.login("entered")
	return a.seeOther(w, target{Path: rt.base + own + "enter?r=" + a.tickets.sealTarget(rt, tg)})
}

// openTicket takes a ticket, and with it its session, if that still holds; nil if it does
// not, or if there is no such ticket here.
func (a *App) openTicket(ctx context.Context, rt route, ticket string) (*session, target, error) {
	name := ticketName(ticket)
	sealed, ok, err := a.shared.Take(ctx, name)
	if err != nil || !ok {
		return nil, target{}, err
	}
	p, _, err := a.tickets.entrance.Open(sealed, rt.entrance(name))
	if err != nil {
		return nil, target{}, nil
	}
	f := fields{p: p}
	s, err := readSession([]byte(f.string()), rt.seat())
	tg, ok := a.tickets.openTarget(rt, string(f.p))
	if err != nil || !ok || !a.inTime(s, rt) {
		return nil, target{}, nil
	}
	claim, err := a.claim(rt, s, nil)
	if err == nil {
		err = a.stillHolds(ctx, rt.site, claim, s.At)
	}
	if errors.Is(err, errToken) {
		return nil, target{}, nil
	}
	return s, tg, err
}

// entered is where a web-view arrives with its new cookie, and goes on to its page. One
// that keeps no cookies would go round with its mini program for ever.
func (a *App) entered(w http.ResponseWriter, r *http.Request, rt route, sealed string) error {
	tg, ok := a.tickets.openTarget(rt, sealed)
	if !ok {
		tg = target{Path: rt.base + "/"}
	}
	if a.session(r, rt) == nil {
		return a.refused(w, r, rt, refuse(codeLoginLoop))
	}
	return a.seeOther(w, tg)
}
