package identity

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

// The ids below are in the databases of the businesses. They may never change.
func TestGuestIDsAreForEver(t *testing.T) {
	t.Parallel()
	key := bytes.Repeat([]byte{7}, 32)
	o := Openid{"wx0123456789abcdef", "oABCDEFGHIJKLMNOPQRSTUVWXYZ0"}
	seed := NewGuestSeed(time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC), [10]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10})
	for _, tt := range []struct{ name, got, want string }{
		{"the first guest of an openid", GuestID(key, o, 0), "vl5i5jubfw26syozg4aksa3dsmtthlrxw"},
		{"the second", GuestID(key, o, 1), "vq7kp7fpc35e6kiro7vbkpfnofdeaelpb"},
		{"the two hundredth", GuestID(key, o, 199), "vwh33xiho7fis3xio3fyw4w6sluwgjyu3"},
		{"in another realm", GuestID(bytes.Repeat([]byte{8}, 32), o, 0), "vajchs45xeaktfjhzj5l2sngu7jz5dgzz"},
		{"a preview", ephemeralID(key, o), "ea7af6ejwlhs5smqxp3c4w5erkxzndcpy"},
		{"a cookie", CookieGuestID(key, seed), "019b7ca9-8f2e-7a5f-8bac-331e62b123fe"},
		{"a cookie in another realm", CookieGuestID(bytes.Repeat([]byte{8}, 32), seed), "019b7ca9-8f2e-7d9a-8622-3651f4b9ae9d"},
	} {
		if tt.got != tt.want {
			t.Errorf("%s is %s, was %s", tt.name, tt.got, tt.want)
		}
	}
}

// Parts that give the same text side by side are different parts (T170).
func TestGuestIDsDontRunTogether(t *testing.T) {
	t.Parallel()
	key := master(1)
	seen := map[string]string{}
	for _, o := range []Openid{
		{"wx1", "2ab"},
		{"wx12", "ab"},
		{"wx12a", "b"},
		{"wx12ab", ""},
		{"", "wx12ab"},
		{"wx1\x00\x00\x00\x03", "2ab"},
		{"wx1", "\x00\x00\x00\x032ab"},
		{"wx1|2", "ab"},
		{"wx1", "|2ab"},
	} {
		for gen := range 300 {
			id := GuestID(key, o, gen)
			if was, twice := seen[id]; twice {
				t.Fatalf("%q and %s have the same guest", o, was)
			}
			seen[id] = o.AppID + " " + o.OpenID
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringN(0, 12, 40).Draw(t, "text")
		cut := func(name string) Openid {
			n := rapid.IntRange(0, len(text)).Draw(t, name)
			return Openid{text[:n], text[n:]}
		}
		a, b := cut("a"), cut("b")
		if (GuestID(key, a, 0) == GuestID(key, b, 0)) != (a == b) {
			t.Fatalf("%q and %q", a, b)
		}
		if (ephemeralID(key, a) == ephemeralID(key, b)) != (a == b) {
			t.Fatalf("previews of %q and %q", a, b)
		}
	})
}

func TestSeedsAreUUIDs(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		ms := rapid.Int64Range(0, 1<<48-1).Draw(t, "ms")
		var random [10]byte
		copy(random[:], rapid.SliceOfN(rapid.Byte(), 10, 10).Draw(t, "random"))
		seed := NewGuestSeed(time.UnixMilli(ms), random)
		if seed.Born().UnixMilli() != ms {
			t.Fatalf("born %s", seed.Born())
		}
		id := CookieGuestID(master(1), seed)
		parsed, err := uuid.Parse(id)
		if err != nil || parsed.String() != id {
			t.Fatalf("%s: %v", id, err)
		}
		for _, u := range []uuid.UUID{uuid.UUID(seed), parsed} {
			if u.Version() != 7 || u.Variant() != uuid.RFC4122 || GuestSeed(u).Born().UnixMilli() != ms {
				t.Fatalf("%s: version %s, variant %s", u, u.Version(), u.Variant())
			}
		}
		if parsed == uuid.UUID(seed) || id == CookieGuestID(master(2), seed) || ephemeral(id) {
			t.Fatalf("%s tells its seed, or is the same in another realm", id)
		}
	})
}

func TestOnlyPreviewsAreEphemeral(t *testing.T) {
	t.Parallel()
	o := Openid{"wx1", "o1"}
	if !ephemeral(ephemeralID(master(1), o)) {
		t.Error("a preview's id isn't known as one")
	}
	for _, id := range []string{"", "e", GuestID(master(1), o, 0), "e" + GuestID(master(1), o, 0), "ee", "employee-1", ephemeralID(master(1), o)[1:]} {
		if ephemeral(id) {
			t.Errorf("%q is taken for a preview's", id)
		}
	}
}
