package identity

import (
	"crypto/sha256"
	"strings"
	"testing"
	"time"
)

func fill(b []byte) {
	for i := range b {
		b[i] = byte(i)
	}
}

func TestAPIKey(t *testing.T) {
	t.Parallel()
	k, text, err := NewAPIKey(APIKey{Realm: "main", Name: "orders", Scopes: []Scope{ScopeRead, ScopeBind}, Sites: []string{"shop"}}, fill)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("its secret opens it, and is not kept", func(t *testing.T) {
		t.Parallel()
		id, secret, ok := ParseAPIKey(text)
		if !ok || id != k.ID || len(secret) != 32 || !k.Opens(secret) {
			t.Errorf("%s is taken for %s, %v", text, id, ok)
		}
		if sum := sha256.Sum256(secret); string(k.Hash) != string(sum[:]) {
			t.Error("what is kept is no digest")
		}
		secret[31] ^= 1
		if k.Opens(secret) || k.Opens(nil) || (APIKey{}).Opens(secret) || (APIKey{}).Opens(nil) {
			t.Error("another secret opens it")
		}
	})
	t.Run("a revoked key is shut", func(t *testing.T) {
		t.Parallel()
		_, secret, _ := ParseAPIKey(text)
		gone := k
		gone.Revoked = time.Unix(1, 0)
		if gone.Opens(secret) {
			t.Error("it opens")
		}
	})
	t.Run("T139 it has one spelling", func(t *testing.T) {
		t.Parallel()
		for _, other := range []string{
			"", "wsk_", "wsk__", text + "_", "_" + text, text + "\n", " " + text, strings.ToUpper(text), strings.Replace(text, "_", "__", 1), strings.Replace(text, "_", "-", 1),
			text[:len(text)-1], text + "0", strings.Replace(text, "wsk_", "wsk_0", 1), strings.TrimPrefix(text, "wsk_"), text[:20], text + "," + text, "wsk_" + text,
		} {
			if id, _, ok := ParseAPIKey(other); ok {
				t.Errorf("%q is taken for the key %s", other, id)
			}
		}
	})
	t.Run("it may do what it was made for", func(t *testing.T) {
		t.Parallel()
		if !k.May(ScopeRead) || !k.May(ScopeOperate, ScopeBind) || k.May(ScopeOperate) || k.May() || !k.For("main") || k.For("other") || !k.Covers("shop") || k.Covers("game") {
			t.Errorf("%+v", k)
		}
		if operator := (APIKey{Realm: AllRealms}); !operator.For("main") || !operator.Covers("game") {
			t.Error("an operator's key is for all realms and sites")
		}
	})
	t.Run("nothing is made that would mislead", func(t *testing.T) {
		t.Parallel()
		for name, wrong := range map[string]APIKey{
			"no realm":                {Name: "a", Scopes: Scopes},
			"no name":                 {Realm: "main", Scopes: Scopes},
			"a name with a blank":     {Realm: "main", Name: "a b", Scopes: Scopes},
			"no scope":                {Realm: "main", Name: "a"},
			"a scope unheard of":      {Realm: "main", Name: "a", Scopes: []Scope{"write"}},
			"sites of all realms":     {Realm: AllRealms, Name: "a", Scopes: []Scope{ScopeRead}, Sites: []string{"shop"}},
			"operating on one site":   {Realm: "main", Name: "a", Scopes: []Scope{ScopeOperate}, Sites: []string{"shop"}},
			"the audit of one site":   {Realm: "main", Name: "a", Scopes: []Scope{ScopeRead, ScopeAudit}, Sites: []string{"shop"}},
			"a name of 65 characters": {Realm: "main", Name: strings.Repeat("a", 65), Scopes: Scopes},
		} {
			if k, text, err := NewAPIKey(wrong, fill); err == nil || text != "" {
				t.Errorf("%s: %+v", name, k)
			}
		}
	})
}
