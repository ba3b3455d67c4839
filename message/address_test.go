package message

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestChoose(t *testing.T) {
	t.Parallel()
	yes, no, who := func(appID string) Address { return Address{appID, "o-" + appID, true, true} },
		func(appID string) Address { return Address{appID, "o-" + appID, false, true} },
		func(appID string) Address { return Address{appID, "o-" + appID, false, false} }
	for _, x := range []struct {
		what   string
		have   []Address
		prefer []string
		kind   Kind
		want   string
	}{
		{"the site's own account goes before the shared one", []Address{yes("shared"), yes("own")}, []string{"own", "shared"}, KindTemplate, "own"},
		{"an account that is followed goes before one that isn't", []Address{yes("shared"), no("own")}, []string{"own", "shared"}, KindTemplate, "shared"},
		{"an account that is followed goes before one of which nobody knows", []Address{yes("shared"), who("own")}, []string{"own", "shared"}, KindTemplate, "shared"},
		{"one of which nobody knows is better than none", []Address{who("own")}, []string{"own", "shared"}, KindTemplate, "own"},
		{"who follows nothing gets nothing", []Address{no("own"), no("shared")}, []string{"own", "shared"}, KindTemplate, ""},
		{"... but a notification that he has subscribed to", []Address{no("own")}, []string{"own"}, KindSubscription, "own"},
		{"an account of another kind is never chosen", []Address{yes("mini")}, []string{"own", "shared"}, KindTemplate, ""},
		{"nobody is nowhere", nil, []string{"own"}, KindTemplate, ""},
	} {
		t.Run(x.what, func(t *testing.T) {
			t.Parallel()
			if got, ok := choose(x.have, x.prefer, x.kind); got.AppID != x.want || ok != (x.want != "") {
				t.Errorf("got %+v, %v; want %q", got, ok, x.want)
			}
		})
	}
	t.Run("what is chosen is allowed, his own, and the best, in whatever order it comes", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, chosen)
	})
}

func chosen(t *rapid.T) {
	accounts := []string{"a", "b", "c", "d", "e"}
	prefer := rapid.SliceOfNDistinct(rapid.SampledFrom(accounts), 0, 4, rapid.ID[string]).Draw(t, "prefer")
	kind := rapid.SampledFrom([]Kind{KindTemplate, KindSubscription, KindCustom}).Draw(t, "kind")
	have := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Address {
		a := Address{AppID: rapid.SampledFrom(accounts).Draw(t, "appid"), OpenID: fmt.Sprint("o", rapid.IntRange(0, 3).Draw(t, "openid"))}
		a.Known = rapid.Bool().Draw(t, "known")
		a.Following = a.Known && rapid.Bool().Draw(t, "following")
		return a
	}), 0, 6).Draw(t, "have")
	got, ok := choose(have, prefer, kind)
	fit := func(a Address) bool {
		return slices.Contains(prefer, a.AppID) && (!a.Known || a.Following || kind == KindSubscription)
	}
	if ok != slices.ContainsFunc(have, fit) {
		t.Fatalf("found %v, of %+v", ok, have)
	}
	if !ok {
		return
	}
	if !fit(got) || !slices.Contains(have, got) {
		t.Fatalf("chose %+v", got)
	}
	for _, a := range have {
		better := fit(a) && (a.Known && a.Following) && (!got.Following || slices.Index(prefer, a.AppID) < slices.Index(prefer, got.AppID))
		if better {
			t.Fatalf("chose %+v, not %+v", got, a)
		}
	}
	other := slices.Clone(have)
	slices.Reverse(other)
	if again, _ := choose(other, prefer, kind); again != got {
		t.Fatalf("chose %+v, and the other way round %+v", got, again)
	}
}
