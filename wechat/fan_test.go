package wechat_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-wsite/caddy-wsite/wechat"
)

// An answer about somebody else would mark the wrong person.
func TestFansRefusesAnswersAboutOthers(t *testing.T) {
	t.Parallel()
	one := func(id string) string { return `{"subscribe":1,"openid":"` + id + `"}` }
	for _, tc := range []struct{ name, list string }{
		{"somebody who was not asked for", one(openid) + "," + one(foreign)},
		{"somebody twice", one(openid) + "," + one(openid)},
		{"nobody", `{"subscribe":1}`},
		{"somebody of whom it doesn't say whether he follows", `{"openid":"` + openid + `"}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := newClient(t, wechat.Config{Hosts: []string{serve(t, says(`{"user_info_list":[`+tc.list+`]}`)).URL}})
			fans, err := c.Fans(t.Context(), bearer, []string{openid, stranger})
			if want(t, err, wechat.ClassFault); fans != nil {
				t.Errorf("got %v", fans)
			}
		})
	}
	t.Run("the openids changed are those asked for", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, wechat.Config{Hosts: []string{serve(t, says(`{"errcode":0,"result_list":[{"ori_openid":"`+foreign+`","new_openid":"x"}]}`)).URL}})
		_, err := c.ChangeOpenIDs(t.Context(), bearer, oldApp, []string{oldOpenID})
		want(t, err, wechat.ClassFault)
	})
	t.Run("one fan is the one asked for", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, wechat.Config{Hosts: []string{serve(t, says(one(foreign))).URL}})
		_, err := c.Fan(t.Context(), bearer, openid)
		want(t, err, wechat.ClassFault)
	})
}

func TestListsOfOpenIDsAreBounded(t *testing.T) {
	t.Parallel()
	host := serve(t, says(`{"user_info_list":[],"result_list":[]}`))
	c := newClient(t, wechat.Config{Hosts: []string{host.URL}})
	var ids []string
	for i := range 101 {
		ids = append(ids, fmt.Sprintf("oABCD1%022d", i))
	}
	for _, bad := range [][]string{ids, {"a b"}, {""}, {openid, `"`}} {
		_, err := c.Fans(t.Context(), bearer, bad)
		want(t, err, wechat.ClassFault)
		_, err = c.ChangeOpenIDs(t.Context(), bearer, oldApp, bad)
		want(t, err, wechat.ClassFault)
	}
	_, err := c.ChangeOpenIDs(t.Context(), bearer, "wx&", ids[:1])
	want(t, err, wechat.ClassFault)
	fans, err := c.Fans(t.Context(), bearer, nil)
	changed, err2 := c.ChangeOpenIDs(t.Context(), bearer, oldApp, nil)
	if err != nil || err2 != nil || fans != nil || changed != nil || host.calls() != 0 {
		t.Errorf("of nobody: %v %v, %v %v; %d requests", fans, changed, err, err2, host.calls())
	}
	if fans, err = c.Fans(t.Context(), bearer, ids[:100]); err != nil || len(fans) != 0 || host.calls() != 1 {
		t.Errorf("of 100: %v, %v", fans, err)
	}
}

// A list of followers ends, whatever WeChat says of what comes next.
func TestTheListOfFollowersEnds(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, body, next string
		ids              int
	}{
		{"a full page", `{"total":3,"count":2,"data":{"openid":["o-1","o-2"]},"next_openid":"o-2"}`, "o-2", 2},
		{"no page behind the last one", `{"total":3,"count":0,"next_openid":""}`, "", 0},
		{"an empty page with a next one", `{"total":3,"count":0,"data":{"openid":[]},"next_openid":"o-2"}`, "", 0},
		{"a next one that was asked for", `{"total":3,"count":1,"data":{"openid":["o-3"]},"next_openid":"o-0"}`, "", 1},
		{"no data but null", `{"total":0,"count":0,"data":null,"next_openid":null}`, "", 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := newClient(t, wechat.Config{Hosts: []string{serve(t, says(tc.body)).URL}})
			p, err := c.FanPage(t.Context(), bearer, "o-0")
			if err != nil || p.Next != tc.next || len(p.OpenIDs) != tc.ids {
				t.Errorf("got %d, next %q, %v", len(p.OpenIDs), p.Next, err)
			}
		})
	}
	t.Run("a page of 10,000 is read whole", func(t *testing.T) {
		t.Parallel()
		ids := strings.Join(slices.Repeat([]string{`"` + openid + `"`}, 10_000), ",")
		c := newClient(t, wechat.Config{Hosts: []string{serve(t, func(w http.ResponseWriter, r *http.Request) {
			says(`{"total":23000,"count":10000,"data":{"openid":[`+ids+`]},"next_openid":"`+openid+`"}`)(w, r)
		}).URL}})
		p, err := c.FanPage(t.Context(), bearer, "")
		if err != nil || len(p.OpenIDs) != 10_000 || p.Total != 23_000 || p.Next != openid {
			t.Errorf("got %d of %d, %v", len(p.OpenIDs), p.Total, err)
		}
	})
}
