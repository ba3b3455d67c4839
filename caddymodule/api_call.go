package caddymodule

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-wsite/caddy-wsite/directory"
	"github.com/caddy-wsite/caddy-wsite/identity"
)

// maxBody bounds the body of a call in bytes.
const maxBody = 64 << 10

// apiTime bounds how long a call waits for the facts.
const apiTime = 10 * time.Second

// apiCall is a request to the API whose key was found good for it.
type apiCall struct {
	*App
	ctx   context.Context
	r     *http.Request
	store identity.APIStore
	key   identity.APIKey    // its ID is empty until it is known
	realm string             // empty until it is known
	at    *directory.Account // that the address names, if it does
}

// apiStore is where keys are kept: in the facts.
func (f *facts) apiStore() identity.APIStore { return f.Store.(identity.APIStore) }

// serve answers a call of an endpoint: whose key, which realm, which scope, in this
// order, so that a key learns nothing of other realms.
func (h *API) serve(w http.ResponseWriter, r *http.Request, e *endpoint) {
	ctx, cancel := context.WithTimeout(r.Context(), apiTime)
	defer cancel()
	ctx, part := traced(ctx, "api", ofEndpoint(e.id))
	defer part.End()
	r = r.WithContext(ctx)
	c := h.call(ctx, r)
	body, err := c.admit(w, e)
	if err != nil {
		h.refuse(w, r, e.id, err)
		return
	}
	perform := func() (int, []byte) {
		answer, err := e.serve(c, body)
		if err == nil {
			h.app.metrics.called(e.id, "ok")
			tell(part, "ok", e.status)
			return e.status, answer
		}
		return h.problem(r, e.id, err)
	}
	name := ""
	if e.changes {
		if name, err = repeatKey(r); err != nil {
			h.refuse(w, r, e.id, err)
			return
		}
	}
	if name == "" {
		status, answer := perform()
		writeAPI(w, status, answer)
		return
	}
	h.once(w, c, e, name, body, perform)
}

// call begins a call, which nobody is admitted to yet but the operator.
func (h *API) call(ctx context.Context, r *http.Request) *apiCall {
	c := &apiCall{App: h.app, ctx: ctx, r: r, store: h.app.facts().apiStore(), realm: r.PathValue("realm")}
	if h.operator != nil {
		c.key = *h.operator
	}
	return c
}

// admit finds out whether the call may be made, and reads what it says.
func (c *apiCall) admit(w http.ResponseWriter, e *endpoint) ([]byte, error) {
	if err := c.authenticate(); err != nil {
		if ref := (*apiRefusal)(nil); errors.As(err, &ref) && !c.counted(w, limitAPIRefused, clientOf(c.r)) {
			return nil, apiRefuse(codeTooMany)
		}
		return nil, err
	}
	if c.key.ID != operatorKey && !c.counted(w, limitAPICalls, c.key.ID) {
		return nil, apiRefuse(codeTooMany)
	}
	if err := c.place(); err != nil {
		return nil, err
	}
	if err := c.need(e.scopes...); err != nil {
		return nil, err
	}
	if e.method == http.MethodGet {
		return queryOf(c.r.URL.RawQuery, e.in)
	}
	if c.r.URL.RawQuery != "" {
		return nil, apiRefuse(apiBadQuery).saying("this endpoint takes no query: what it is about stands in the body")
	}
	if kind, _, _ := mime.ParseMediaType(c.r.Header.Get("Content-Type")); kind != "application/json" {
		return nil, apiRefuse(apiBadType)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, c.r.Body, maxBody))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return nil, apiRefuse(apiTooLarge)
	} else if err != nil {
		return nil, apiRefuse(apiBadBody).saying("the body ended too early")
	}
	return body, nil
}

// counted counts a call, tells the caller how it stands, and says whether it is within
// the limit.
func (c *apiCall) counted(w http.ResponseWriter, name limit, by string) bool {
	v, within := c.count(c.ctx, name, by)
	if v.Limit > 0 {
		writeLimit(w.Header(), v)
	}
	return within
}

// place finds out whether there is for this key what the address is about: a realm, or
// an account.
func (c *apiCall) place() error {
	if appID := c.r.PathValue("appid"); appID != "" {
		return c.atAccount(appID)
	}
	if c.r.PathValue("realm") != "" {
		return c.inRealm(c.realm)
	}
	return nil
}

// inRealm takes the realm that a call is about; empty stands for the only one that its
// key is for.
func (c *apiCall) inRealm(realm string) error {
	if realm == "" {
		if realm = c.key.Realm; realm == identity.AllRealms {
			return apiRefuse(apiNoRealm).saying("the key is for all realms: say in which one")
		}
	}
	if !c.key.For(realm) || c.directory().Realm(realm) == nil {
		return apiRefuse(apiNoRealm)
	}
	c.realm = realm
	return nil
}

// authenticate finds the key. It is looked up each time, so that a revoked one is worth
// nothing from that moment on, on every node.
func (c *apiCall) authenticate() error {
	if c.key.ID != "" {
		return nil
	}
	values := c.r.Header["Authorization"]
	if len(values) == 0 {
		return apiRefuse(apiKeyNeeded)
	}
	scheme, text, _ := strings.Cut(values[0], " ")
	id, secret, ok := identity.ParseAPIKey(text)
	if len(values) > 1 || !strings.EqualFold(scheme, "Bearer") || !ok {
		return apiRefuse(apiKeyRefused)
	}
	key, err := c.store.APIKey(c.ctx, id)
	if err != nil {
		return err
	}
	if !key.Opens(secret) {
		return apiRefuse(apiKeyRefused)
	}
	c.key = key
	if now := c.now(); now.Sub(key.Used) >= time.Hour {
		if err := c.store.UseAPIKey(c.ctx, key.ID, now); err != nil {
			c.log.Warn("noting the use of a key", zap.String("step", "api"), zap.String("key", key.ID), zap.Error(err))
		}
	}
	return nil
}

// need refuses a key that has none of the scopes.
func (c *apiCall) need(scopes ...identity.Scope) error {
	if c.key.May(scopes...) {
		return nil
	}
	names := make([]string, len(scopes))
	for i, s := range scopes {
		names[i] = string(s)
	}
	ref := apiRefuse(apiScopeNeeded).saying("this call needs the scope %s", strings.Join(names, " or "))
	ref.scope = strings.Join(names, " ")
	return ref
}

// serves says whether a site is one that the key is for, in this realm.
func (c *apiCall) serves(ptid string) (bool, error) {
	site, err := c.site(c.ctx, ptid)
	return site != nil && site.Realm == c.realm && c.key.Covers(ptid), err
}

// opens says whether one of the key's sites is opened through an account: in a realm, or
// in any if it is empty.
func (c *apiCall) opens(appID, realm string) (bool, error) {
	if len(c.key.Sites) == 0 {
		return slices.ContainsFunc(c.realmsOf(appID), func(of string) bool { return c.key.For(of) && (realm == "" || of == realm) }), nil
	}
	for _, ptid := range c.key.Sites {
		site, err := c.site(c.ctx, ptid)
		if err != nil {
			return false, err
		}
		if site != nil && c.key.For(site.Realm) && (realm == "" || site.Realm == realm) && site.ServedBy(appID) {
			return true, nil
		}
	}
	return false, nil
}

// account is an account through which one of the key's sites is opened.
func (c *apiCall) account(appID string) (*directory.Account, error) {
	opens, err := c.opens(appID, c.realm)
	if err != nil {
		return nil, err
	}
	account := c.directory().Account(appID)
	if !opens || account == nil { // it may be named by sites, and be gone
		return nil, apiRefuse(apiNoAccount)
	}
	return account, nil
}

// by says who calls, and why.
func (c *apiCall) by(evidence string) identity.By {
	return identity.By{Actor: c.actor(), Via: "api", Evidence: evidence, Trace: requestID(c.r)}
}

// actor is who calls.
func (c *apiCall) actor() string {
	if c.key.ID == operatorKey {
		return "command:wsite"
	}
	return "key:" + c.key.ID
}

// counts is whose messages the key counts: its own, for another's batch may have the same
// name; of operators everybody's, which is empty.
func (c *apiCall) counts() string {
	if c.key.May(identity.ScopeOperate) {
		return ""
	}
	return c.actor()
}

// centre changes users for this call.
func (c *apiCall) centre() *identity.Centre { return c.telling() }

// telling is the identity centre, with a cache of this node that hears of changes at once.
func (a *App) telling() *identity.Centre {
	centre := *a.facts().Centre
	centre.Store = telling{centre.Store, a}
	return &centre
}

// telling lets the cache of this node forget, as soon as a change is written, what the
// other nodes hear from the facts within a second.
type telling struct {
	identity.Store
	app *App
}

func (t telling) Apply(ctx context.Context, change identity.Change) error {
	err := t.Store.Apply(ctx, change)
	if err == nil {
		t.app.forget(change.Realm, change.Stale...)
	}
	return err
}
