package caddymodule

import (
	"net/http"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/scene"
)

// Parametric QR codes, and who has scanned them.

// purposeAPI is of the codes that keys have made: their scans are kept for their makers to
// ask for.
const purposeAPI = "api"

// qrIn is a code that somebody wants made.
type qrIn struct {
	Realm string `json:"realm,omitempty"`
	// Ref is the maker's own word for whom or what it is about.
	Ref string `json:"ref,omitempty"`
	// Permanent codes are few, and for what is printed.
	Permanent bool `json:"permanent,omitempty"`
	// ExpiresIn is the life of another one in seconds: up to 30 days, which is the default.
	ExpiresIn int `json:"expires_in,omitempty"`
	// Single codes are spent with the first scan.
	Single bool `json:"single,omitempty"`
	// Supersede revokes the key's other codes for the same ref.
	Supersede bool `json:"supersede,omitempty"`
	// Scene is the scene itself, if it may be known; without it, one that can't be guessed.
	Scene string `json:"scene,omitempty"`
}

type qrOut struct {
	ID    string `json:"id"`
	AppID string `json:"appid"`
	Realm string `json:"realm"`
	Ref   string `json:"ref,omitempty"`
	// Scene is what WeChat pushes when the code is scanned, URL what the code says, Image
	// where WeChat shows it.
	Scene     string    `json:"scene,omitempty"`
	URL       string    `json:"url,omitempty"`
	Image     string    `json:"image,omitempty"`
	Permanent bool      `json:"permanent,omitempty"`
	Single    bool      `json:"single,omitempty"`
	Made      time.Time `json:"made"`
	Expires   time.Time `json:"expires,omitzero"`
	Revoked   time.Time `json:"revoked,omitzero"`
	Used      time.Time `json:"used,omitzero"`
	Scans     int64     `json:"scans"`
	LastScan  time.Time `json:"last_scan,omitzero"`
}

func (c *apiCall) qrOf(k scene.Code) qrOut {
	return qrOut{
		ID: k.ID, AppID: k.AppID, Realm: k.Realm, Ref: k.Ref, Scene: k.Scene, URL: k.URL, Image: c.codes.ImageURL(k), Permanent: k.Permanent, Single: k.Single,
		Made: k.Made, Expires: k.Expires, Revoked: k.Revoked, Used: k.Used, Scans: k.Scans, LastScan: k.LastScan,
	}
}

// makeCode has WeChat make a code.
func (c *apiCall) makeCode(in qrIn) (qrOut, error) {
	if err := c.inRealm(in.Realm); err != nil {
		return qrOut{}, err
	}
	k, err := c.codes.Make(c.ctx, scene.Order{
		AppID: c.at.AppID, Realm: c.realm, Purpose: purposeAPI, Ref: in.Ref, Maker: c.actor(), Permanent: in.Permanent,
		Life: time.Duration(in.ExpiresIn) * time.Second, Single: in.Single, Supersede: in.Supersede, SceneName: in.Scene,
	})
	if err != nil {
		return qrOut{}, err
	}
	return c.qrOf(k), nil
}

// code is the one that the address names, if it is of this account and the key may see it.
func (c *apiCall) code(realm string) (scene.Code, error) {
	if err := c.inRealm(realm); err != nil {
		return scene.Code{}, err
	}
	k, err := c.codes.Get(c.ctx, c.realm, c.r.PathValue("id"))
	if err == nil && (k.AppID != c.at.AppID || k.Maker != c.actor() && !c.key.May(identity.ScopeOperate)) {
		err = &scene.Fault{Code: scene.FaultNotFound}
	}
	return k, err
}

func (c *apiCall) getCode(in realmQuery) (qrOut, error) {
	k, err := c.code(in.Realm)
	if err != nil {
		return qrOut{}, err
	}
	return c.qrOf(k), nil
}

func (c *apiCall) revokeCode(in realmQuery) (none, error) {
	k, err := c.code(in.Realm)
	if err == nil {
		err = c.codes.Revoke(c.ctx, c.realm, k.ID)
	}
	return none{}, err
}

type qrsQuery struct {
	Realm  string `json:"realm,omitempty"`
	Ref    string `json:"ref,omitempty"`
	Before string `json:"before,omitempty"`
	Limit  int    `json:"limit,omitempty"`
}

type qrsOut struct {
	Codes []qrOut `json:"codes"`
	// Before asks for the next page; empty at the end.
	Before string `json:"before,omitempty"`
}

// listCodes lists the codes of a realm that keys have made with the account, the newest
// first.
func (c *apiCall) listCodes(in qrsQuery) (qrsOut, error) {
	if err := c.inRealm(in.Realm); err != nil {
		return qrsOut{}, err
	}
	limit, err := pageSize(in.Limit)
	if err != nil {
		return qrsOut{}, err
	}
	list, err := c.codes.List(c.ctx, scene.Filter{Realm: c.realm, Purpose: purposeAPI, Ref: in.Ref, Before: in.Before, Limit: limit})
	out := qrsOut{Codes: []qrOut{}}
	for _, k := range list {
		if k.AppID == c.at.AppID && (k.Maker == c.actor() || c.key.May(identity.ScopeOperate)) {
			out.Codes = append(out.Codes, c.qrOf(k))
		}
	}
	if len(list) == limit {
		out.Before = list[limit-1].ID
	}
	return out, err
}

// scanOut is a scan, with the user who made it.
type scanOut struct {
	// User is who scanned, in the code's realm; empty if he is not known there yet.
	User     string        `json:"user,omitempty"`
	Followed bool          `json:"followed"`
	At       time.Time     `json:"at"`
	Outcome  scene.Outcome `json:"outcome"`
}

type scansOut struct {
	Scans []scanOut `json:"scans"`
}

type scansQuery struct {
	Realm string `json:"realm,omitempty"`
	Limit int    `json:"limit,omitempty"`
}

// listScans lists the newest scans of a code.
func (c *apiCall) listScans(in scansQuery) (scansOut, error) {
	k, err := c.code(in.Realm)
	if err != nil {
		return scansOut{}, err
	}
	limit, err := pageSize(in.Limit)
	if err != nil {
		return scansOut{}, err
	}
	list, err := c.codes.Scans(c.ctx, c.realm, k.ID, limit)
	out := scansOut{Scans: []scanOut{}}
	for _, s := range list {
		user := "" // of a scan whose maker was forgotten
		if s.OpenID != "" {
			if user, err = c.userAt(c.ctx, c.realm, c.at, s.OpenID); err != nil {
				return scansOut{}, err
			}
		}
		out.Scans = append(out.Scans, scanOut{user, s.Followed, s.At, s.Outcome})
	}
	return out, err
}

// serveCodeImage answers with the picture of a code.
func (h *API) serveCodeImage(w http.ResponseWriter, r *http.Request) {
	c := h.call(r.Context(), r)
	k, err := c.pictured()
	var png []byte
	if err == nil {
		png, err = scene.PNG(k.URL, 430)
	}
	if err != nil {
		h.refuse(w, r, "getCodeImage", err)
		return
	}
	h.app.metrics.called("getCodeImage", "ok")
	header := w.Header()
	header.Set("Content-Type", "image/png")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(png)
}

func (c *apiCall) pictured() (scene.Code, error) {
	if err := c.authenticate(); err != nil {
		return scene.Code{}, err
	}
	if err := c.place(); err != nil {
		return scene.Code{}, err
	}
	if err := c.need(identity.ScopeQR); err != nil {
		return scene.Code{}, err
	}
	k, err := c.code(c.r.URL.Query().Get("realm"))
	if err == nil && k.URL == "" {
		err = &scene.Fault{Code: scene.FaultNotFound}
	}
	return k, err
}
