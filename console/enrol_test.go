package console_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/console"
	"github.com/caddy-wsite/caddy-wsite/identity"
)

func TestFactor_on(t *testing.T) {
	t.Parallel()
	k := startStill(t)
	ming, li := k.staff(t, "ming", console.Operator), k.staff(t, "li", console.Operator)
	page := ming.get("/me/factor").body
	secret, sealed := strings.ReplaceAll(shownSecret.FindStringSubmatch(page)[1], " ", ""), sealedForm.FindStringSubmatch(page)[1]
	theirs := sealedForm.FindStringSubmatch(li.get("/me/factor").body)[1]
	for name, form := range map[string][]string{
		"a wrong code":             {"sealed", sealed, "code", k.code(t, secret, 3), "password", password},
		"a wrong password":         {"sealed", sealed, "code", k.code(t, secret, 0), "password", "wrong password!"},
		"no secret":                {"code", k.code(t, secret, 0), "password", password},
		"somebody else's secret":   {"sealed", theirs, "code", k.code(t, secret, 0), "password", password},
		"a secret that is made up": {"sealed", "AAAA" + sealed[4:], "code", k.code(t, secret, 0), "password", password},
	} {
		if a := ming.post("/me/factor", form...); a.status != http.StatusForbidden && a.status != http.StatusConflict || len(list(t, k)) != 0 {
			t.Errorf("with %s it answers %d", name, a.status)
		}
	}
	k.ahead.Add(int64(15 * time.Minute))
	if a := ming.post("/me/factor", "sealed", sealed, "code", k.code(t, secret, 0), "password", password); a.status != http.StatusConflict {
		t.Errorf("a secret of 15 minutes ago is answered %d", a.status)
	}
	there := k.browser(t)
	there.signIn("ming", password)
	page = ming.get("/me/factor").body
	secret, sealed = strings.ReplaceAll(shownSecret.FindStringSubmatch(page)[1], " ", ""), sealedForm.FindStringSubmatch(page)[1]
	code := k.code(t, secret, 0)
	if a := ming.post("/me/factor", "sealed", sealed, "code", code, "password", password); a.status != http.StatusOK {
		t.Fatalf("turning it on answered %d %s", a.status, a.body)
	}
	if there.signedIn() || !ming.signedIn() {
		t.Error("sessions that began without it go on, or this one doesn't")
	}
	if a := ming.post("/me/factor", "sealed", sealed, "code", code, "password", password); a.status != http.StatusConflict {
		t.Errorf("a second time it answers %d", a.status)
	}
	if a := ming.get("/me/factor"); a.header.Get("Location") != "/me" {
		t.Errorf("where it is on the page answers %d", a.status)
	}
	b := k.browser(t)
	b.halves("ming")
	if b.gives(code) {
		t.Error("the code that turned it on is good to sign in")
	}
}

func TestFactor_off(t *testing.T) {
	t.Parallel()
	k := startStill(t)
	ming := k.staff(t, "ming", console.Operator)
	root := k.staff(t, "boss", console.Administrator)
	_, codes := ming.enrols()
	if a := ming.post("/me/factor/off", "password", "wrong password!", "code", codes[0]); a.status != http.StatusForbidden {
		t.Errorf("with a wrong password it answers %d", a.status)
	}
	if a := ming.post("/me/factor/off", "password", password, "code", "000000"); a.status != http.StatusForbidden {
		t.Errorf("with a wrong code it answers %d", a.status)
	}
	if a := ming.post("/me/factor/off", "password", password, "code", codes[0]); a.status != http.StatusSeeOther {
		t.Errorf("with both, the code not spent, it answers %d", a.status)
	}
	if a := k.browser(t).signIn("ming", password); a.header.Get("Location") != "/" {
		t.Errorf("without it the password is answered %d", a.status)
	}
	// An administrator takes it away.
	secret, codes := ming.enrols()
	if a := k.staff(t, "li", console.Operator).post("/staff/ming/factor/off"); a.status != http.StatusForbidden {
		t.Errorf("an operator may: %d", a.status)
	}
	if a := root.post("/staff/ming/factor/off"); a.status != http.StatusSeeOther {
		t.Errorf("an administrator is answered %d", a.status)
	}
	if a := root.post("/staff/ming/factor/off"); a.status != http.StatusConflict {
		t.Errorf("a second time he is answered %d", a.status)
	}
	if journal := root.get("/journal").body; !strings.Contains(journal, "took a second factor away") || strings.Contains(journal, secret) || strings.Contains(journal, codes[0]) {
		t.Errorf("the journal says %s", journal)
	}
	root.enrols()
	if a := root.post("/staff/boss/factor/off"); a.status != http.StatusForbidden || len(list(t, k)) != 1 {
		t.Errorf("his own, without password and code: %d", a.status)
	}
	// And so does a new password.
	ming.enrols()
	if _, err := k.console.Reset(t.Context(), "ming"); err != nil || len(list(t, k)) != 1 {
		t.Errorf("after a reset there are %d, %v", len(list(t, k)), err)
	}
}

func TestFactor_required(t *testing.T) {
	t.Parallel()
	k := startStill(t)
	k.console.Factor = console.Operator
	viewer, ming := k.staff(t, "li", console.Viewer), k.staff(t, "ming", console.Operator)
	if a := viewer.get("/merchants"); a.header.Get("Location") == "/me" {
		t.Errorf("a viewer is sent to %s", a.header.Get("Location"))
	}
	if a := ming.get("/overview"); a.header.Get("Location") != "/me" {
		t.Errorf("who needs one is answered %d", a.status)
	}
	if a := ming.post("/accounts/of/wx01/check"); a.status != http.StatusForbidden {
		t.Errorf("... and may do something: %d", a.status)
	}
	if a := ming.get("/me"); !strings.Contains(a.body, "Your role needs a second factor") {
		t.Errorf("the page says %s", a.body)
	}
	ming.enrols()
	if a := ming.get("/overview"); a.status != http.StatusOK {
		t.Errorf("with one it answers %d", a.status)
	}
}

func TestReseal(t *testing.T) {
	t.Parallel()
	k := startStill(t)
	older, newer := []byte(strings.Repeat("k", identity.MasterKeySize)), []byte(strings.Repeat("n", identity.MasterKeySize))
	sealer := func(keys ...[]byte) console.Sealer {
		s, err := identity.NewSealer(keys...)
		if err != nil {
			t.Fatal(err)
		}
		return s.Box("second factors")
	}
	secret, codes := k.staff(t, "ming", console.Operator).enrols()
	k.staff(t, "li", console.Operator).enrols()
	// One doesn't open: the others are sealed anyway.
	if _, err := k.store.PutConsoleFactor(t.Context(), console.Factor{Staff: "broken", Sealed: []byte("nonsense")}, nil, ""); err != nil {
		t.Fatal(err)
	}
	if err := console.Reseal(t.Context(), k.store, sealer(newer, older)); err == nil {
		t.Error("nothing is said of what doesn't open")
	}
	k.console.Sealer = sealer(newer)
	b := k.browser(t)
	b.halves("ming")
	if !b.gives(k.code(t, secret, 0)) {
		t.Error("under the newer key alone he can't sign in")
	}
	b = k.browser(t)
	b.halves("ming")
	if !b.gives(codes[0]) {
		t.Error("nor by a recovery code")
	}
}
