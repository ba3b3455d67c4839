package caddymodule

import (
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/caddy-wsite/caddy-wsite/directory"
	"github.com/caddy-wsite/caddy-wsite/wechat"
)

// Pages of a site that use WeChat's JS-SDK need a signature over their address, made
// with a ticket that only we may fetch (wechat-api.md §11).

// jssdkOut is what wx.config takes, under the names that it takes.
type jssdkOut struct {
	AppID     string `json:"appId"`
	Timestamp int64  `json:"timestamp"`
	Nonce     string `json:"nonceStr"`
	Signature string `json:"signature"`
}

// jssdk signs the address of a page of this site for `?url=`: as the browser has it, with
// its query, without what stands behind `#`.
func (a *App) jssdk(w http.ResponseWriter, r *http.Request, rt route) error {
	if r.Method != http.MethodGet {
		return a.refused(w, r, rt, refuse(codeBadMethod).allowing("GET"))
	}
	page, ok := a.ownPage(r, rt)
	if !ok {
		return a.refused(w, r, rt, refuse(codeBadPage))
	}
	if !rt.account.HasTicket() {
		return a.refused(w, r, rt, refuse(codeWechatSetup).because(errors.New("the account keeps no access token, or is of a kind without the JS-SDK")))
	}
	ticket, _, err := a.keeper.Ticket(r.Context(), rt.account.AppID, "jsapi")
	if err != nil {
		return a.refused(w, r, rt, wechatRefusal(err))
	}
	nonce := make([]byte, 8)
	a.random(nonce)
	out := jssdkOut{AppID: rt.account.AppID, Timestamp: a.now().Unix(), Nonce: hex.EncodeToString(nonce)}
	out.Signature = wechat.SignPage(ticket, out.Nonce, out.Timestamp, page)
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	return json.NewEncoder(w).Encode(out)
}

// ownPage is the address to sign, if it is a page of this very site on this very host:
// for any other we would sign what others want to show.
func (a *App) ownPage(r *http.Request, rt route) (string, bool) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil || len(q["url"]) != 1 || len(q["url"][0]) > 2048 {
		return "", false
	}
	page, _, _ := strings.Cut(q["url"][0], "#")
	if strings.ContainsFunc(page, func(c rune) bool { return c <= ' ' || c >= 0x7f || c == '\\' }) {
		return "", false
	}
	u, err := url.Parse(page)
	scheme := "http"
	if a.jar.secure {
		scheme = "https"
	}
	if err != nil || u.Scheme != scheme || u.User != nil || canonicalHost(u.Host, a.jar.secure) != canonicalHost(r.Host, a.jar.secure) {
		return "", false
	}
	path := u.EscapedPath()
	if !directory.IsCanonicalPath(path) {
		return "", false
	}
	return page, path == rt.base || strings.HasPrefix(path, rt.base+"/")
}

//go:embed pages/jssdk.js
var jssdkScript []byte

// jssdkFile is a script that does in a page what else each site would have to find out:
// which address an iPhone wants signed, and which an Android phone.
func (a *App) jssdkFile(w http.ResponseWriter, r *http.Request, rt route) error {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return a.refused(w, r, rt, refuse(codeBadMethod).allowing("GET, HEAD"))
	}
	h := w.Header()
	h.Set("Content-Type", "text/javascript; charset=utf-8")
	h.Set("Cache-Control", "public, max-age=3600")
	h.Set("X-Content-Type-Options", "nosniff")
	_, err := w.Write(jssdkScript)
	return err
}
