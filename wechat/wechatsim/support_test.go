package wechatsim

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestRefusedCallsAreExplained(t *testing.T) {
	t.Parallel()
	s := start(t)
	token := tokenOf(t, s, appA)
	errcode(t, tell(t, s, fansPath, token, `{"user_list":[{"openid":"x"}]}`), "40003")
	rid := s.Requests()[len(s.Requests())-1].RID
	explain := func(token, rid string) map[string]any { return tell(t, s, ridPath, token, `{"rid":"`+rid+`"}`) }
	a := explain(token, rid)
	errcode(t, a, "0")
	told, _ := a["request"].(map[string]any)
	if !strings.Contains(fmt.Sprint(told["request_url"]), fansPath) || told["request_body"] != `{"user_list":[{"openid":"x"}]}` || !strings.Contains(fmt.Sprint(told["response_body"]), rid) || told["invoke_time"] == nil {
		t.Errorf("answer %v", a)
	}
	errcode(t, explain(tokenOf(t, s, appB), rid), "76003")
	errcode(t, explain(token, "x"), "76002")
	errcode(t, explain(token, "00000000-00000000-00000000"), "76001")
	s.Advance(ridLife)
	errcode(t, explain(tokenOf(t, s, appA), rid), "76004")
}

func TestAddressesAndCallbackCheck(t *testing.T) {
	t.Parallel()
	s := start(t)
	token := tokenOf(t, s, appA)
	for _, path := range []string{callbackIPPath, apiDomainIPPath} {
		if a := ask(t, s, path, "access_token", token); !strings.Contains(fmt.Sprint(a["ip_list"]), "127.0.0.1") {
			t.Errorf("%s: %v", path, a)
		}
	}
	a := tell(t, s, checkCallbackPath, token, `{"action":"all","check_operator":"DEFAULT"}`)
	if a["dns"] == nil || a["ping"] == nil {
		t.Errorf("all: %v", a)
	}
	a = tell(t, s, checkCallbackPath, token, `{"action":"dns","check_operator":"CAP"}`)
	if a["dns"] == nil || a["ping"] != nil {
		t.Errorf("dns: %v", a)
	}
	errcode(t, tell(t, s, checkCallbackPath, token, `{"action":"x","check_operator":"CAP"}`), "40035")
	errcode(t, tell(t, s, checkCallbackPath, token, `{"action":"dns","check_operator":"x"}`), "40035")
}

func TestTickets(t *testing.T) {
	t.Parallel()
	s := start(t)
	ticket := func(kind string) map[string]any {
		t.Helper()
		return ask(t, s, ticketPath, "access_token", tokenOf(t, s, appA), "type", kind)
	}
	first := ticket("jsapi")
	errcode(t, first, "0")
	if again := ticket("jsapi"); again["ticket"] != first["ticket"] || life(first) != "7200" {
		t.Errorf("%v, then %v", first, again)
	}
	if card := ticket("wx_card"); card["ticket"] == first["ticket"] {
		t.Error("both kinds have one ticket")
	}
	s.Advance(globalLife - tokenOverlap - time.Minute)
	if late := ticket("jsapi"); late["ticket"] != first["ticket"] || life(late) > "360" {
		t.Errorf("near its end: %v", late)
	}
	s.Advance(time.Minute)
	if next := ticket("jsapi"); next["ticket"] == first["ticket"] || life(next) != "7200" {
		t.Errorf("in its last minutes: %v", next)
	}
	if list := s.Tickets(appA); len(list) != 3 || list[0].Word != first["ticket"] || list[1].Kind != "wx_card" {
		t.Errorf("tickets %v", list)
	}
	errcode(t, ticket("x"), "40097")
	errcode(t, ask(t, s, ticketPath, "access_token", tokenOf(t, s, appMini), "type", "jsapi"), "48001")
}
