package wechat

import (
	"context"
	"net/url"
	"time"
)

// Fan is somebody as his account sees him: who follows it, and who doesn't.
type Fan struct {
	OpenID string
	// UnionID is empty if the account belongs to no open platform, and may be of
	// those who don't follow (wechat-api.md §6.1).
	UnionID   string
	Following bool
	Since     time.Time // of the latest follow; zero if he doesn't
	Scene     string    // how he came, such as ADD_SCENE_QR_CODE; may be empty
	QRScene   string    // the scene of the QR code that he came by; may be empty
}

// maxFans is how many WeChat tells of, or changes, in one call.
const maxFans = 100

type fanAnswer struct {
	Subscribe      *number `json:"subscribe"`
	OpenID         text    `json:"openid"`
	UnionID        text    `json:"unionid"`
	SubscribeTime  long    `json:"subscribe_time"`
	SubscribeScene text    `json:"subscribe_scene"`
	QRScene        text    `json:"qr_scene"`
	QRSceneStr     text    `json:"qr_scene_str"`
}

func (q query) fan(a fanAnswer) (Fan, error) {
	switch {
	case !wordLike(string(a.OpenID), 64):
		return Fan{}, q.fault("the answer's openid is missing or malformed")
	case a.UnionID != "" && !wordLike(string(a.UnionID), 64):
		return Fan{}, q.fault("the answer's unionid is malformed")
	case a.Subscribe == nil:
		return Fan{}, q.fault("the answer doesn't say whether he follows")
	}
	f := Fan{OpenID: string(a.OpenID), UnionID: string(a.UnionID), Following: *a.Subscribe == 1}
	if !f.Following {
		return f, nil
	}
	if a.SubscribeTime > 0 {
		f.Since = time.Unix(int64(a.SubscribeTime), 0)
	}
	f.Scene = oneLine(cut(string(a.SubscribeScene), 64))
	if f.QRScene = oneLine(cut(string(a.QRSceneStr), 64)); f.QRScene == "" && a.QRScene != "0" {
		f.QRScene = oneLine(cut(string(a.QRScene), 64))
	}
	return f, nil
}

// Fan asks for one openid of the account (wechat-api.md §6.1). Of an openid of
// another account WeChat says 40003. Any error is an [*Error].
func (c *Client) Fan(ctx context.Context, as Bearer, openID string) (Fan, error) {
	q := as.query("cgi-bin/user/info", url.Values{"openid": {openID}, "lang": {"zh_CN"}})
	q.idempotent = true
	q.secrets = append(q.secrets, openID)
	q.need(wordLike(openID, 64), "the openid is malformed")
	var a fanAnswer
	if err := c.do(ctx, q, &a); err != nil {
		return Fan{}, err
	}
	if string(a.OpenID) != openID {
		return Fan{}, q.fault("the answer is about another openid")
	}
	return q.fan(a)
}

// Fans asks for at most 100 openids of the account in one call, for which WeChat
// counts one (wechat-api.md §6.2). The answer has WeChat's order and may lack some.
// Any error is an [*Error].
func (c *Client) Fans(ctx context.Context, as Bearer, openIDs []string) ([]Fan, error) {
	if len(openIDs) == 0 {
		return nil, nil
	}
	type user struct {
		OpenID string `json:"openid"`
		Lang   string `json:"lang"`
	}
	var body struct {
		Users []user `json:"user_list"`
	}
	for _, id := range openIDs {
		body.Users = append(body.Users, user{id, "zh_CN"})
	}
	q := as.query("cgi-bin/user/info/batchget", nil)
	q.body, q.idempotent = body, true
	asked := q.needOpenIDs(openIDs)
	var a struct {
		Users []fanAnswer `json:"user_info_list"`
	}
	if err := c.do(ctx, q, &a); err != nil {
		return nil, err
	}
	fans := make([]Fan, 0, len(a.Users))
	for _, u := range a.Users {
		f, err := q.fan(u)
		if err != nil {
			return nil, err
		}
		if !asked[f.OpenID] {
			return nil, q.fault("the answer is about an openid that was not asked for, or twice about one")
		}
		delete(asked, f.OpenID)
		fans = append(fans, f)
	}
	return fans, nil
}

// needOpenIDs checks a list of openids and gives it as a set.
func (q *query) needOpenIDs(ids []string) map[string]bool {
	q.need(len(ids) <= maxFans, "more than 100 openids in one call")
	set := make(map[string]bool, len(ids))
	for _, id := range ids {
		q.need(wordLike(id, 64), "an openid is malformed")
		set[id] = true
	}
	return set
}

// FanPage is a part of the list of all followers.
type FanPage struct {
	Total   int      // of all followers
	OpenIDs []string // at most 10,000
	Next    string   // where the next page begins; empty after the last one
}

// FanPage lists the followers of the account from behind an openid, or from the
// beginning (wechat-api.md §6.3). WeChat permits 500 calls a day. Any error is an
// [*Error].
func (c *Client) FanPage(ctx context.Context, as Bearer, after string) (FanPage, error) {
	q := as.query("cgi-bin/user/get", url.Values{"next_openid": {after}})
	q.idempotent = true
	q.need(after == "" || wordLike(after, 64), "the openid is malformed")
	var a struct {
		Total *number `json:"total"`
		Data  struct {
			OpenID []text `json:"openid"`
		} `json:"data"`
		Next text `json:"next_openid"`
	}
	if err := c.do(ctx, q, &a); err != nil {
		return FanPage{}, err
	}
	if a.Total == nil || *a.Total < 0 {
		return FanPage{}, q.fault("the answer doesn't say how many follow")
	}
	p := FanPage{Total: int(*a.Total)}
	for _, id := range a.Data.OpenID {
		if !wordLike(string(id), 64) {
			return FanPage{}, q.fault("the answer has a malformed openid")
		}
		p.OpenIDs = append(p.OpenIDs, string(id))
	}
	// After the last page WeChat names its last openid, or nothing. The page behind
	// that is empty.
	if p.Next = string(a.Next); len(p.OpenIDs) == 0 || p.Next == after {
		p.Next = ""
	}
	if p.Next != "" && !wordLike(p.Next, 64) {
		return FanPage{}, q.fault("the answer's next_openid is malformed")
	}
	return p, nil
}

// ChangedOpenID is an openid of a former account, and the same person's in the new
// one.
type ChangedOpenID struct {
	Old, New string // New is empty if WeChat gave none
	Message  string // WeChat's word on this one: "ok", or why not
}

// ChangeOpenIDs asks, in the name of the new account, for the openids that
// followers of the old one have now, at most 100 in one call (wechat-api.md §6.4).
// It works for 15 days after the migration. Any error is an [*Error].
func (c *Client) ChangeOpenIDs(ctx context.Context, as Bearer, fromAppID string, openIDs []string) ([]ChangedOpenID, error) {
	if len(openIDs) == 0 {
		return nil, nil
	}
	q := as.query("cgi-bin/changeopenid", nil)
	q.body = struct {
		From    string   `json:"from_appid"`
		OpenIDs []string `json:"openid_list"`
	}{fromAppID, openIDs}
	q.idempotent = true
	q.need(alphanumeric(fromAppID, 64), "the old app ID is not made of letters and digits")
	asked := q.needOpenIDs(openIDs)
	var a struct {
		Results []struct {
			Old     text `json:"ori_openid"`
			New     text `json:"new_openid"`
			Message text `json:"err_msg"`
		} `json:"result_list"`
	}
	if err := c.do(ctx, q, &a); err != nil {
		return nil, err
	}
	changed := make([]ChangedOpenID, 0, len(a.Results))
	for _, r := range a.Results {
		switch {
		case !asked[string(r.Old)]:
			return nil, q.fault("the answer is about an openid that was not asked for, or twice about one")
		case r.New != "" && !wordLike(string(r.New), 64):
			return nil, q.fault("the answer's new_openid is malformed")
		}
		delete(asked, string(r.Old))
		changed = append(changed, ChangedOpenID{string(r.Old), string(r.New), redact(string(r.Message), q.secrets)})
	}
	return changed, nil
}
