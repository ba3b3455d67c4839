package caddymodule

import (
	"context"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/merchant"
	"github.com/caddy-wsite/caddy-wsite/scene"
)

// Codes that bind who scans them to a merchant.

type merchantCodeIn struct {
	AppID string `json:"appid"`
	// ExpiresIn is the life in seconds: 60 to 2592000 (30 days), which is the default.
	ExpiresIn int `json:"expires_in,omitempty"`
}

// merchantCodeOut is a code, and where it stands.
type merchantCodeOut struct {
	ID       string          `json:"id"`
	Merchant string          `json:"merchant"`
	AppID    string          `json:"appid"`
	State    merchant.State  `json:"state"`
	Reason   merchant.Reason `json:"reason,omitempty"`
	Says     string          `json:"says,omitempty"`
	By       string          `json:"by"`
	Made     time.Time       `json:"made"`
	Expires  time.Time       `json:"expires"`
	// Person is who scanned it first: his openid, shortened.
	Person  string    `json:"person,omitempty"`
	Scanned time.Time `json:"scanned,omitzero"`
	Ended   time.Time `json:"ended,omitzero"`
	Version int       `json:"version"`
	// URL is what the code says, and Image a picture of it as a data: URL. Whoever has them
	// may bind himself, so that they are told once, to who has it made, and not kept.
	URL   string `json:"url,omitempty"`
	Image string `json:"image,omitempty"`
}

func merchantCodeOf(k merchant.Code) merchantCodeOut {
	says, _ := k.Reason.Staff()
	out := merchantCodeOut{
		ID: k.ID, Merchant: k.Merchant, AppID: k.AppID, State: k.State, Reason: k.Reason, Says: says, By: k.By, Made: k.Made, Expires: k.Expires,
		Scanned: k.Scanned, Ended: k.Ended, Version: k.Version, URL: k.URL,
	}
	if k.OpenID != "" {
		out.Person = identity.Mask(k.OpenID)
	}
	return out
}

var badCodeLife = &merchant.Fault{Code: merchant.FaultField, Field: "expires_in", Limit: "60 to 2592000 seconds"}

// codeLives says whether a code can live for so many seconds.
func codeLives(seconds int) bool {
	return seconds == 0 || seconds >= 60 && seconds <= int(merchant.Mailed/time.Second)
}

// makeMerchantCode makes a code. Its answer is kept for nobody who asks again: he makes
// another one, which supersedes it.
func (c *apiCall) makeMerchantCode(in merchantCodeIn) (merchantCodeOut, error) {
	if !codeLives(in.ExpiresIn) {
		return merchantCodeOut{}, badCodeLife
	}
	k, err := c.desk.MakeCode(c.ctx, merchant.Order{
		Realm: c.realm, Merchant: c.merchant(), AppID: in.AppID, Life: time.Duration(in.ExpiresIn) * time.Second, By: c.actor(),
	})
	if err != nil {
		return merchantCodeOut{}, err
	}
	png, err := scene.PNG(k.URL, 430)
	if err != nil {
		return merchantCodeOut{}, fmt.Errorf("drawing a code: %w", err)
	}
	out := merchantCodeOf(k)
	out.Image = "data:image/png;base64," + base64.StdEncoding.EncodeToString(png)
	return out, nil
}

type merchantCodesIn struct {
	AppID string `json:"appid"`
	// Merchants are their ids, at most 500.
	Merchants []string `json:"merchants"`
	// ExpiresIn is as of one code.
	ExpiresIn int `json:"expires_in,omitempty"`
}

// merchantMadeOut are codes that were made, without images, and who got none.
type merchantMadeOut struct {
	Codes   []merchantCodeOut   `json:"codes"`
	Refused []merchantUnmadeOut `json:"refused"`
}

// merchantUnmadeOut is a merchant for whom no code was made, and why.
type merchantUnmadeOut struct {
	Merchant string `json:"merchant"`
	Code     string `json:"code"`
	Says     string `json:"says"`
}

// makeMerchantCodes makes a code for each of several merchants. What it can't make within a
// minute is refused as cut off, as the answer is the only place where the others are told.
func (c *apiCall) makeMerchantCodes(in merchantCodesIn) (merchantMadeOut, error) {
	out := merchantMadeOut{Codes: []merchantCodeOut{}, Refused: []merchantUnmadeOut{}}
	if !codeLives(in.ExpiresIn) {
		return out, badCodeLife
	}
	ctx, cancel := context.WithTimeout(c.r.Context(), 6*apiTime)
	defer cancel()
	err := c.desk.MakeCodes(ctx, merchant.Bulk{
		Realm: c.realm, AppID: in.AppID, Merchants: in.Merchants, Life: time.Duration(in.ExpiresIn) * time.Second, By: c.actor(),
	}, func(m merchant.MadeCode) {
		if m.Fault == nil {
			out.Codes = append(out.Codes, merchantCodeOf(m.Code))
			return
		}
		says, _ := m.Fault.Say()
		out.Refused = append(out.Refused, merchantUnmadeOut{m.Merchant, m.Fault.Code, says})
	})
	if len(out.Codes) > 0 && err != nil {
		c.slog.WarnContext(ctx, "making codes was cut off", "made", len(out.Codes), "error", err)
		err = nil
	}
	return out, err
}

type merchantCodesOut struct {
	Codes []merchantCodeOut `json:"codes"`
}

func (c *apiCall) listMerchantCodes(none) (merchantCodesOut, error) {
	m, err := c.desk.Get(c.ctx, c.realm, c.merchant())
	if err != nil {
		return merchantCodesOut{}, err
	}
	list, err := c.desk.CodesOf(c.ctx, c.realm, m.ID)
	out := merchantCodesOut{Codes: []merchantCodeOut{}}
	for _, k := range list {
		out.Codes = append(out.Codes, merchantCodeOf(k))
	}
	return out, err
}

// merchantCode is the one that the address names.
func (c *apiCall) merchantCode() (merchant.Code, error) {
	k, err := c.desk.Code(c.ctx, c.realm, c.r.PathValue("code"))
	if err == nil && k.Merchant != c.merchant() {
		err = &merchant.Fault{Code: merchant.FaultNotFound}
	}
	return k, err
}

func (c *apiCall) getMerchantCode(none) (merchantCodeOut, error) {
	k, err := c.merchantCode()
	if err != nil {
		return merchantCodeOut{}, err
	}
	return merchantCodeOf(k), nil
}

func (c *apiCall) cancelMerchantCode(none) (merchantCodeOut, error) {
	k, err := c.merchantCode()
	if err == nil {
		k, err = c.desk.Cancel(c.ctx, c.realm, k.ID, c.actor())
	}
	return merchantCodeOf(k), err
}

// replacingIn says that who scanned a code shall be bound all the same.
type replacingIn struct {
	// Version is that of the code, as it was shown to who decides.
	Version int `json:"version"`
	// Slot is whose place he takes, if the merchant has no free one.
	Slot int `json:"slot,omitempty"`
}

func (c *apiCall) replaceMerchantBinding(in replacingIn) (merchantCodeOut, error) {
	k, err := c.merchantCode()
	if err == nil {
		k, err = c.desk.Replace(c.ctx, merchant.Replacement{Realm: c.realm, Code: k.ID, Version: in.Version, Slot: in.Slot, By: c.actor()})
	}
	return merchantCodeOf(k), err
}
