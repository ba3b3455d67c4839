package caddymodule

import (
	"context"
	"net/http"

	"github.com/caddy-wsite/caddy-wsite/directory"
	"github.com/caddy-wsite/caddy-wsite/wechat"
)

type phoneIn struct {
	Code string `json:"code"` // of a getPhoneNumber button, not of wx.login
}

type phoneOut struct {
	Phone   string `json:"phone"`
	Pure    string `json:"pure"` // without the country
	Country string `json:"country"`
}

// phoneNumber is `POST /-/phone`: the number goes back to the program of the visitor who
// tapped for it, if the site wants that. A site that has to rely on a number sends the
// code to its own server, which asks WeChat through the API.
func (a *App) phoneNumber(w http.ResponseWriter, r *http.Request, rt route) error {
	if rt.site.Phone != "on" || rt.account.Kind != directory.Mini {
		return a.refused(w, r, rt, refuse(codeNoPage))
	}
	var in phoneIn
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
	ctx, cancel := context.WithTimeout(r.Context(), exchangeTime)
	defer cancel()
	var out phoneOut
	err := a.keeper.Do(ctx, rt.account.AppID, func(ctx context.Context, as wechat.Bearer) error {
		phone, err := a.wechat.PhoneNumber(ctx, as, in.Code)
		out = phoneOut{phone.Number, phone.Pure, phone.Country}
		return err
	})
	if err != nil {
		return a.problem(w, r, rt, doorRefusal(err))
	}
	return writeJSON(w, out)
}
