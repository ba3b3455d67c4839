package caddymodule

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/caddy-wsite/caddy-wsite/directory"
	"github.com/caddy-wsite/caddy-wsite/wechat"
)

// What a program posts to `/-/login`, and nothing else: who its visitor is, WeChat says.
type codeIn struct {
	Code string `json:"code"`
	// EncryptedData and IV are what wx.getUserInfo gave, for a unionid that WeChat
	// doesn't tell beside the openid. Of a mini program only.
	EncryptedData string `json:"encrypted_data"`
	IV            string `json:"iv"`
}

// codeOut is what it gets. All of it may be shown to the visitor's own program.
type codeOut struct {
	Token      string `json:"token"`
	ExpiresIn  int64  `json:"expires_in"`  // seconds
	RenewAfter int64  `json:"renew_after"` // seconds
	ID         string `json:"id"`
	Kind       string `json:"kind"`
	Linked     bool   `json:"linked"`
}

const (
	maxDoorBody = 16 << 10
	bodyTime    = 10 * time.Second
)

// loginByCode is `POST /-/login` of a mini program or an app. It reads and sets no cookie,
// so a page of another site that sends its visitor here plants nothing in his browser;
// what it would get itself is its own session.
func (a *App) loginByCode(w http.ResponseWriter, r *http.Request, rt route) error {
	if r.Method == http.MethodGet && navigates(r) && !prefetches(r) {
		tg, _ := a.wantedTarget(r, rt)
		return a.backToProgram(w, r, rt, strings.TrimPrefix(tg.Path, rt.base))
	}
	var in codeIn
	if ref := a.readDoor(w, r, &in); ref != nil {
		return a.problem(w, r, rt, ref)
	}
	if (in.EncryptedData == "") != (in.IV == "") || in.IV != "" && rt.account.Kind != directory.Mini {
		return a.problem(w, r, rt, refuse(codeBadBody).because(errors.New("encrypted_data and iv come together, and from a mini program")))
	}
	var live *session
	if _, n := bearers(r); n > 0 {
		var err error
		if live, err = a.liveSession(r, rt); err != nil {
			return a.problem(w, r, rt, refuse(codeFactsDown).because(err))
		}
	}
	if ref := a.tooManyCodes(r, live); ref != nil {
		return a.problem(w, r, rt, ref)
	}
	if live == nil {
		if ref := a.tooMany(r.Context(), limitLogins, clientOf(r)); ref != nil {
			return a.problem(w, r, rt, ref)
		}
		if ref := a.tooMany(r.Context(), limitAccountLogins, rt.account.AppID); ref != nil {
			return a.problem(w, r, rt, ref)
		}
	}
	// Once the code is out it is spent, whoever is still waiting.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), exchangeTime)
	defer cancel()
	s, err := a.prove(ctx, rt, in)
	if err != nil {
		ref := doorRefusal(err)
		a.metrics.login(string(ref.code))
		return a.problem(w, r, rt, ref)
	}
	done := a.arrive(ctx, rt, s, live, nil)
	if done.err == nil && done.answer.User.BlockedAt.IsZero() {
		done.err = a.supersede(ctx, live, s)
	}
	switch {
	case done.err != nil:
		return a.problem(w, r, rt, factsRefusal(done.err))
	case !done.answer.User.BlockedAt.IsZero():
		return a.problem(w, r, rt, refuse(codeBlocked))
	}
	a.metrics.login(s.Granted.word())
	left := s.ends(a.Session.life()).Sub(a.now())
	return writeJSON(w, codeOut{
		Token: a.box.sealBearer(s), ExpiresIn: int64(left / time.Second), RenewAfter: int64(left / 2 / time.Second),
		ID: done.answer.User.ID, Kind: string(done.answer.User.Kind), Linked: done.answer.Linked(),
	})
}

// prove asks WeChat whose code a program posted.
func (a *App) prove(ctx context.Context, rt route, in codeIn) (*session, error) {
	if rt.account.Kind == directory.App {
		s, err := a.exchange(ctx, rt, in.Code)
		if err == nil {
			a.checkUnionID(rt.account, s, target{})
		}
		return s, err
	}
	ctx, part := traced(ctx, "exchange", rt.labels()...)
	mini, err := a.wechat.Code2Session(ctx, rt.account.AppID, a.secret(rt.account), in.Code)
	endedBy(part, err, doorRefusal)
	if err != nil {
		return nil, err
	}
	s := a.newSession(rt, grantedMini, mini.OpenID, mini.UnionID)
	if in.IV != "" {
		// The session key is needed here and never again, so it is kept nowhere.
		data, err := wechat.OpenMiniData(rt.account.AppID, mini.SessionKey, in.IV, in.EncryptedData, a.now())
		if err != nil {
			return nil, errors.Join(errProof, err)
		}
		if data.OpenID != s.OpenID || s.UnionID != "" && data.UnionID != "" && data.UnionID != s.UnionID {
			return nil, errProof // somebody else's
		}
		if s.UnionID == "" {
			s.UnionID = data.UnionID
		}
	}
	a.checkUnionID(rt.account, s, target{})
	return s, nil
}

// errProof says that encrypted data doesn't prove anything of this visitor.
var errProof = errors.New("the encrypted data isn't this visitor's")

// doorRefusal is wechatRefusal for a program: a code of no use is its own mistake, and it
// has to hear so.
func doorRefusal(err error) *refusal {
	if errors.Is(err, errProof) {
		return refuse(codeBadProof).because(err)
	}
	ref := wechatRefusal(err)
	if ref.code == codeLoginRefused {
		ref.code = codeBadCode
	}
	return ref
}

// readDoor reads the body of a request to a door: a small JSON object. Its content type
// is one that a page of another site may not send without asking first.
func (a *App) readDoor(w http.ResponseWriter, r *http.Request, into any) *refusal {
	if r.Method != http.MethodPost {
		return refuse(codeBadMethod).allowing("POST")
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return refuse(codeBadBody).because(errors.New("the body has to be application/json"))
	}
	defer hurry(w)()
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxDoorBody))
	if err != nil {
		return refuse(codeBadBody).because(errors.New("the body is too large, or didn't come"))
	}
	if err := decodeBody(body, into); err != nil {
		return refuse(codeBadBody).because(err)
	}
	return nil
}

// hurry gives a client bodyTime for its body, until what it returns is called.
func hurry(w http.ResponseWriter) (end func()) {
	control := http.NewResponseController(w)
	// Not every writer can do this; Caddy's own timeouts hold as well.
	if control.SetReadDeadline(time.Now().Add(bodyTime)) != nil {
		return func() {}
	}
	return func() { _ = control.SetReadDeadline(time.Time{}) }
}

// problem is a refusal for a program: never a page.
func (a *App) problem(w http.ResponseWriter, r *http.Request, rt route, ref *refusal) error {
	a.metrics.refused(ref)
	a.logRefusal(r, rt, ref)
	ref.advise(w.Header())
	return a.writeProblem(w, ref, nil)
}

func writeJSON(w http.ResponseWriter, value any) error {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	return json.NewEncoder(w).Encode(value)
}
