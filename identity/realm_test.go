package identity

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func random(b []byte) { rand.Read(b) }

func realmKey(t *testing.T, store SecretStore, sealer *Sealer, realm string) []byte {
	t.Helper()
	key, err := RealmKey(t.Context(), store, sealer, realm, random)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestGuestsOutliveTheMasterKey(t *testing.T) {
	t.Parallel()
	store := &memSecrets{}
	guests := func(masters ...[]byte) (ids []string) {
		s := sealerOf(t, masters...)
		if err := CheckMaster(t.Context(), store, s); err != nil {
			t.Fatal(err)
		}
		key := realmKey(t, store, s, "main")
		for i := range 100 {
			ids = append(ids, GuestID(key, Openid{"wx1", fmt.Sprint("o", i)}, 0))
		}
		return ids
	}
	first := strings.Join(guests(master(1)), " ")
	for i := byte(2); i <= 3; i++ { // two rotations: first both keys, then the new one alone
		for _, masters := range [][][]byte{{master(i), master(i - 1)}, {master(i)}} {
			if got := strings.Join(guests(masters...), " "); got != first {
				t.Fatalf("under %d master keys of rotation %d the guests are others", len(masters), i)
			}
		}
	}
	if store.puts != 2+2*2 {
		t.Errorf("%d writes, want one for making and one for each rotation, of two secrets", store.puts)
	}
	if err := CheckMaster(t.Context(), store, sealerOf(t, master(1))); !errors.Is(err, ErrMasterKey) {
		t.Errorf("the first master key still fits: %v", err)
	}
}

func TestRealmKeys(t *testing.T) {
	t.Parallel()
	store, s := &memSecrets{}, sealerOf(t, master(1))
	long := realmKey(t, store, s, "main2") // its name begins with that of the next
	key := realmKey(t, store, s, "main")
	if len(key) != 32 || bytes.Equal(key, long) {
		t.Error("two realms share a key")
	}
	if !bytes.Equal(realmKey(t, store, s, "main"), key) {
		t.Error("the key has changed")
	}
	if _, err := RealmKey(t.Context(), store, s, "", random); err == nil {
		t.Error("a realm without a name has a key")
	}
	moved := store.secrets["realm/main2"]
	moved.Name = "realm/other"
	store.secrets["realm/other"] = moved
	if _, err := RealmKey(t.Context(), store, s, "other", random); !errors.Is(err, ErrSealed) || !strings.Contains(err.Error(), "realm/other") {
		t.Errorf("another realm's key opens: %v", err)
	}
	if puts := store.puts; puts != 2 {
		t.Errorf("%d writes", puts)
	}
}

func TestTheLoserOfARaceTakesTheWinnersKey(t *testing.T) {
	t.Parallel()
	store, s := &memSecrets{}, sealerOf(t, master(1))
	var winner []byte
	store.before = func() { winner = realmKey(t, store, s, "main") }
	if got := realmKey(t, store, s, "main"); !bytes.Equal(got, winner) {
		t.Error("two nodes derive different guests")
	}
}

func TestCheckMaster(t *testing.T) {
	t.Parallel()
	store := &memSecrets{}
	// Two nodes with different master keys start on empty facts at once.
	store.before = func() {
		if err := CheckMaster(t.Context(), store, sealerOf(t, master(2))); err != nil {
			t.Error(err)
		}
	}
	if err := CheckMaster(t.Context(), store, sealerOf(t, master(1))); !errors.Is(err, ErrMasterKey) {
		t.Errorf("the slower node goes on: %v", err)
	}
	if err := CheckMaster(t.Context(), store, sealerOf(t, master(2))); err != nil || store.puts != 1 {
		t.Errorf("%v, %d writes", err, store.puts)
	}
	store.fail = fmt.Errorf("%w: the network", ErrUnavailable)
	if err := CheckMaster(t.Context(), store, sealerOf(t, master(3), master(2))); !errors.Is(err, ErrUnavailable) || errors.Is(err, ErrMasterKey) {
		t.Errorf("an outage reads as %v", err)
	}
}
