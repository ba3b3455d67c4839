package wechatsim

import (
	"encoding/json"
	"errors"
	"fmt"
	"image/jpeg"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/boombuler/barcode/qr"
)

// makeQR makes a code of account A; the scene is JSON.
func makeQR(t testing.TB, s *Server, action, scene, further string) map[string]any {
	t.Helper()
	return tell(t, s, qrPath, tokenOf(t, s, appA), fmt.Sprintf(`{%s"action_name":%q,"action_info":{"scene":%s}}`, further, action, scene))
}

func TestQRCodesAreMade(t *testing.T) {
	t.Parallel()
	s := start(t, still)
	for _, c := range []struct{ name, action, scene, further, life, errcode string }{
		{"a number", "QR_SCENE", `{"scene_id":4294967295}`, `"expire_seconds":604800,`, "604800", ""},
		{"without a life", "QR_SCENE", `{"scene_id":1}`, "", "60", ""},
		{"a string", "QR_STR_SCENE", `{"scene_str":"login_5f2c"}`, `"expire_seconds":2592000,`, "2592000", ""},
		{"64 characters", "QR_STR_SCENE", `{"scene_str":"` + strings.Repeat("字", 64) + `"}`, "", "60", ""},
		{"a permanent number", "QR_LIMIT_SCENE", `{"scene_id":100000}`, `"expire_seconds":60,`, "", ""},
		{"a permanent string", "QR_LIMIT_STR_SCENE", `{"scene_str":"door"}`, "", "", ""},
		{"zero", "QR_SCENE", `{"scene_id":0}`, "", "", "40053"},
		{"more than 32 bits", "QR_SCENE", `{"scene_id":4294967296}`, "", "", "40053"},
		{"a string for a number", "QR_SCENE", `{"scene_str":"a"}`, "", "", "40053"},
		{"no string", "QR_STR_SCENE", `{"scene_id":1}`, "", "", "40053"},
		{"65 characters", "QR_STR_SCENE", `{"scene_str":"` + strings.Repeat("a", 65) + `"}`, "", "", "40053"},
		{"100001 for ever", "QR_LIMIT_SCENE", `{"scene_id":100001}`, "", "", "40053"},
		{"another kind", "QR_CARD", `{"scene_id":1}`, "", "", "40053"},
		{"more than 30 days", "QR_SCENE", `{"scene_id":1}`, `"expire_seconds":2592001,`, "", "40097"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := makeQR(t, s, c.action, c.scene, c.further)
			if c.errcode != "" {
				errcode(t, a, c.errcode)
				return
			}
			life, _ := a["expire_seconds"].(json.Number)
			ticket, _ := a["ticket"].(string)
			if string(life) != c.life || !strings.HasPrefix(ticket, "gQ") || !strings.HasPrefix(a["url"].(string), "http://weixin.qq.com/q/") {
				t.Errorf("got %v", a)
			}
		})
	}
	one, two := makeQR(t, s, "QR_LIMIT_STR_SCENE", `{"scene_str":"door"}`, ""), makeQR(t, s, "QR_STR_SCENE", `{"scene_str":"door"}`, "")
	again := makeQR(t, s, "QR_LIMIT_STR_SCENE", `{"scene_str":"door"}`, "")
	if one["ticket"] != again["ticket"] || one["ticket"] == two["ticket"] {
		t.Error("a permanent code is one per scene")
	}
	for _, c := range s.Scenes(appA) {
		if !strings.Contains(c.Ticket, "+") || !strings.Contains(c.Ticket, "/") || !strings.HasSuffix(c.Ticket, "==") {
			t.Errorf("a ticket without what has to be escaped: %s", c.Ticket)
		}
	}
	errcode(t, tell(t, s, qrPath, tokenOf(t, s, appSub), `{"action_name":"QR_SCENE"}`), "48001")
}

// TestQRImageCanBeRead compares the image dot by dot with the code that it shall
// be.
func TestQRImageCanBeRead(t *testing.T) {
	t.Parallel()
	s := start(t)
	a := makeQR(t, s, "QR_STR_SCENE", `{"scene_str":"x"}`, "")
	address := s.URL + showQRPath + "?ticket=" + url.QueryEscape(a["ticket"].(string))
	p := send(t, request(t, http.MethodGet, address, nil))
	picture, err := jpeg.Decode(strings.NewReader(p.body))
	if err != nil || p.status != http.StatusOK || p.header.Get("Content-Type") != "image/jpg" {
		t.Fatalf("%d %v: %v", p.status, p.header, err)
	}
	code, err := qr.Encode(a["url"].(string), qr.M, qr.Auto)
	ok(t, err)
	modules := code.Bounds().Dx()
	scale := picture.Bounds().Dx() / (modules + 8)
	for y := range modules {
		for x := range modules {
			want, _, _, _ := code.At(x, y).RGBA()
			got, _, _, _ := picture.At((x+4)*scale+scale/2, (y+4)*scale+scale/2).RGBA()
			if (want > 0x7fff) != (got > 0x7fff) {
				t.Fatalf("module %d, %d is wrong", x, y)
			}
		}
	}
	if p := send(t, request(t, http.MethodGet, s.URL+showQRPath+"?ticket=gQ", nil)); p.status != http.StatusNotFound {
		t.Errorf("a ticket of nothing: %d", p.status)
	}
	if last := s.Requests(); last[len(last)-2].Status != http.StatusOK || last[len(last)-2].AppID != appA {
		t.Errorf("the history has %v", last)
	}
}

func TestScan(t *testing.T) {
	t.Parallel()
	s := start(t, still)
	b := startBackend(t, s, appA, PushSafe)
	a := makeQR(t, s, "QR_STR_SCENE", `{"scene_str":"login_5f2c"}`, `"expire_seconds":600,`)
	ticket := a["ticket"].(string)
	for _, word := range []string{ticket, a["url"].(string), s.URL + showQRPath + "?ticket=" + url.QueryEscape(ticket)} {
		scanned, err := s.Scan("li", word)
		if err != nil || !scanned.Follow || scanned.AppID != appA || scanned.Ticket != ticket {
			t.Fatalf("%s: %+v, %v", word, scanned, err)
		}
	}
	if settle(t, s); len(b.all()) != 0 {
		t.Error("a stranger's scan is pushed before he follows")
	}
	ok(t, s.FollowScanned("li", ticket))
	if g := b.last(t, s); !g.has("<Event><![CDATA[subscribe]]></Event><EventKey><![CDATA[qrscene_login_5f2c]]></EventKey><Ticket><![CDATA[" + ticket + "]]></Ticket></xml>") {
		t.Errorf("got %s", g.plain)
	}
	how, _ := s.Following("li", appA)
	if how.Scene != "ADD_SCENE_QR_CODE" || how.SceneStr != "login_5f2c" || how.SceneID != 0 {
		t.Errorf("he follows by %+v", how)
	}
	scanned, err := s.Scan("li", ticket)
	if g := b.last(t, s); err != nil || scanned.Follow || !g.has("<Event><![CDATA[SCAN]]></Event><EventKey><![CDATA[login_5f2c]]></EventKey><Ticket><![CDATA["+ticket) {
		t.Errorf("%+v, %v, got %s", scanned, err, g.plain)
	}
	if c := s.Scenes(appA)[0]; c.Scans != 4 {
		t.Errorf("%d scans", c.Scans)
	}
	if scanned, err := s.Scan("li", "https://shop.example/?a=b"); err != nil || scanned.URL != "https://shop.example/?a=b" || scanned.AppID != "" {
		t.Errorf("another code: %+v, %v", scanned, err)
	}
	for _, word := range []string{"", "gQ", "http://weixin.qq.com/q/unknown", "javascript:alert(1)"} {
		if _, err := s.Scan("li", word); !errors.Is(err, ErrUnknown) {
			t.Errorf("%q: %v", word, err)
		}
	}
	s.Advance(10 * time.Minute)
	if _, err := s.Scan("li", ticket); err == nil || s.FollowScanned("li", ticket) == nil {
		t.Error("the code never gets old")
	}
}
