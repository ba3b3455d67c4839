package wechatsim

import (
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"
)

func TestFaults(t *testing.T) {
	t.Parallel()
	tests := maps.Clone(faultTests)
	maps.Copy(tests, phoneFaultTests)
	for _, f := range Faults {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			test, ok := tests[f.Name]
			if !ok {
				t.Fatal("nothing tests this fault")
			}
			s := start(t)
			test(t, s)
			if left := s.Armed(); len(left) != 0 {
				t.Errorf("still armed: %v", left)
			}
			for _, r := range s.Requests() {
				if len(r.Faults) > 0 {
					return
				}
			}
			for _, p := range s.Pushes(appA) {
				if p.has(f.Name) {
					return
				}
			}
			t.Error("no request says that the fault played a part")
		})
	}
	if len(tests) != len(Faults) {
		t.Errorf("%d tests for %d faults", len(tests), len(Faults))
	}
}

func TestFailNarrowsDown(t *testing.T) {
	t.Parallel()
	s := start(t)
	try := func(appid string) string {
		a := ask(t, s, exchangePath, "appid", appid, "secret", secret, "code", "bad", "grant_type", "authorization_code")
		return string(a["errcode"].(json.Number))
	}
	s.Fail("busy", For(appB), Times(2))
	if got := []string{try(appA), try(appB), try(appB), try(appB)}; strings.Join(got, " ") != "40029 -1 -1 40029" {
		t.Errorf("twice for one account: %v", got)
	}
	s.Fail("busy", AtHost("localhost"))
	if got := try(appA); got != "40029" {
		t.Errorf("at another host: %s", got)
	}
	errcode(t, decode(t, send(t, request(t, "GET", strings.Replace(s.URL, "127.0.0.1", "localhost", 1)+exchangePath, nil)).body), "-1")
	s.Fail("busy", On(userInfoPath))
	if got := try(appA); got != "40029" {
		t.Errorf("on another path: %s", got)
	}
	errcode(t, ask(t, s, userInfoPath), "-1")
	s.Fail("busy", Always())
	if got := []string{try(appA), try(appB), try(appA)}; strings.Join(got, " ") != "-1 -1 -1" {
		t.Errorf("always: %v", got)
	}
	s.Disarm("slow")
	if try(appA) != "-1" {
		t.Error("disarming another fault disarmed this one")
	}
	s.Disarm("busy")
	if try(appA) != "40029" {
		t.Error("a disarmed fault struck")
	}
	s.Fail("busy", Always(), Chance(0.5))
	struck := 0
	for range 100 {
		if try(appA) == "-1" {
			struck++
		}
	}
	if struck < 20 || struck > 80 {
		t.Errorf("a chance of one half struck %d of 100 times", struck)
	}
}

func TestFailRefusesNonsense(t *testing.T) {
	t.Parallel()
	s := start(t)
	for name, arm := range map[string]func(){
		"a misspelt name":                  func() { s.Fail("code_usd") },
		"no times":                         func() { s.Fail("busy", Times(0)) },
		"a chance above one":               func() { s.Fail("busy", Chance(2)) },
		"an account nobody knows":          func() { s.Fail("busy", For("wx1")) },
		"a path where it can never strike": func() { s.Fail("code_used", On(userInfoPath)) },
		"a path without a global token":    func() { s.Fail("token_dead", On(userInfoPath)) },
		"a path that isn't there":          func() { s.Fail("busy", On("/cgi-bin/nothing")) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s is taken", name)
				}
			}()
			arm()
		}()
	}
	if len(s.Armed()) != 0 {
		t.Errorf("armed: %v", s.Armed())
	}
}

func TestErrandsStayOnThisMachine(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, name := range []string{"callback_twice", "rerequest"} {
		s.Fail(name, Delay(0))
	}
	open(t, s, "ming", s.URL+"/connect/oauth2/authorize?appid="+appStrict+"&redirect_uri=https%3A%2F%2Fwww.example.com%2F&response_type=code&scope=snsapi_base&state=a")
	settle(t, s)
	if len(s.Sent()) != 0 || len(s.Armed()) != 0 {
		t.Errorf("sent %v, still armed %v", s.Sent(), s.Armed())
	}
	for host, want := range map[string]bool{
		"localhost": true, "a.localhost": true, "127.0.0.1": true, "127.9.9.9": true, "::1": true, "::ffff:127.0.0.1": true,
		"10.0.0.1": false, "0.0.0.0": false, "169.254.169.254": false, "www.example.com": false, "localhost.example.com": false, "": false,
	} {
		if loopbackName(host) != want {
			t.Errorf("%q is loopback: %t, want %t", host, !want, want)
		}
	}
	// The second guard, for a name that means another address than it says.
	res, err := s.errands.Get("http://192.0.2.1/")
	if err == nil {
		_ = res.Body.Close()
	}
	if !errors.Is(err, errNotLoopback) {
		t.Errorf("dialing 192.0.2.1: %v", err)
	}
}

func TestCloseLetsEverybodyGo(t *testing.T) {
	t.Parallel()
	s := start(t)
	st := startSite(t)
	s.Fail("rerequest", Delay(time.Hour))
	codeIn(t, st.login(t, s, ""))
	s.Fail("slow", Delay(time.Hour))
	gone := make(chan error)
	go func() {
		res, err := client(t).Get(s.URL + userInfoPath)
		if err == nil {
			_ = res.Body.Close()
		}
		gone <- err
	}()
	s.Close()
	if err := <-gone; err == nil {
		t.Error("a call that should wait an hour was answered")
	}
	if len(st.seen) != 0 {
		t.Error("an errand ran after the end")
	}
}
