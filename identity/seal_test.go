package identity

import (
	"bytes"
	"errors"
	"testing"

	"pgregory.net/rapid"
)

func TestSealedBytesOpenOnlyAsTheyWere(t *testing.T) {
	t.Parallel()
	box := sealerOf(t, master(1), master(2)).Box("cookie")
	plain := []byte("a session")
	sealed := box.Seal(plain, "wx1")
	if got, stale, err := box.Open(sealed, "wx1"); err != nil || stale || !bytes.Equal(got, plain) {
		t.Fatalf("%q, stale %t, %v", got, stale, err)
	}
	if len(sealed) != len(plain)+Overhead {
		t.Errorf("%d bytes are added, not %d", len(sealed)-len(plain), Overhead)
	}
	refused := func(what string, box *Box, sealed []byte, context string) {
		t.Helper()
		if got, _, err := box.Open(sealed, context); err != ErrSealed || got != nil {
			t.Errorf("%s: %q, %v", what, got, err)
		}
	}
	for bit := range len(sealed) * 8 {
		changed := bytes.Clone(sealed)
		changed[bit/8] ^= 1 << (bit % 8)
		refused("one bit changed", box, changed, "wx1")
	}
	for n := range len(sealed) {
		refused("cut off", box, sealed[:n], "wx1")
	}
	refused("longer", box, append(bytes.Clone(sealed), 0), "wx1")
	refused("another context", box, sealed, "wx2")
	refused("no context", box, sealed, "")
	refused("another purpose", sealerOf(t, master(1)).Box("signing key"), sealed, "wx1")
	refused("another master key", sealerOf(t, master(3)).Box("cookie"), sealed, "wx1")
	if bytes.Equal(sealed, box.Seal(plain, "wx1")) {
		t.Error("the same bytes were sealed alike twice")
	}
}

func TestMasterKeyRotation(t *testing.T) {
	t.Parallel()
	old := sealerOf(t, master(1)).Box("cookie").Seal([]byte("x"), "")
	both := sealerOf(t, master(2), master(1)).Box("cookie")
	if _, stale, err := both.Open(old, ""); err != nil || !stale {
		t.Errorf("under the older key: stale %t, %v", stale, err)
	}
	fresh := both.Seal([]byte("x"), "")
	if _, stale, err := sealerOf(t, master(2)).Box("cookie").Open(fresh, ""); err != nil || stale {
		t.Errorf("sealed anew: stale %t, %v", stale, err)
	}
	if _, _, err := sealerOf(t, master(2)).Box("cookie").Open(old, ""); !errors.Is(err, ErrSealed) {
		t.Errorf("without the older key: %v", err)
	}
	// A node that is not there yet opens what others have sealed already.
	if _, stale, err := sealerOf(t, master(1), master(2)).Box("cookie").Open(fresh, ""); err != nil || !stale {
		t.Errorf("under the key to come: stale %t, %v", stale, err)
	}
}

// Two keys have the same hint once in 256: then the second is tried too.
func TestKeysWithTheSameHint(t *testing.T) {
	t.Parallel()
	hint := func(m []byte) byte { return sealerOf(t, m).Box("cookie").keys[0].hint }
	var twin []byte
	for b := byte(2); twin == nil; b++ {
		if m := master(b); hint(m) == hint(master(1)) {
			twin = m
		} else if b == 255 {
			m := master(1)
			for i := 0; hint(m) != hint(master(1)) || bytes.Equal(m, master(1)); i++ {
				m[0], m[1] = byte(i), byte(i>>8)
			}
			twin = m
		}
	}
	sealed := sealerOf(t, twin).Box("cookie").Seal([]byte("x"), "")
	if _, stale, err := sealerOf(t, master(1), twin).Box("cookie").Open(sealed, ""); err != nil || !stale {
		t.Errorf("stale %t, %v", stale, err)
	}
}

func TestNewSealer(t *testing.T) {
	t.Parallel()
	for _, masters := range [][][]byte{nil, {master(1)[:31]}, {append(master(1), 1)}, {master(1), nil}, {master(1), master(2), master(3)}} {
		if _, err := NewSealer(masters...); err == nil {
			t.Errorf("took %d keys %v", len(masters), masters)
		}
	}
	m := master(1)
	s := sealerOf(t, m)
	clear(m)
	if _, _, err := s.Box("x").Open(sealerOf(t, master(1)).Box("x").Seal(nil, ""), ""); err != nil {
		t.Error("the sealer lost its key when the caller wiped his")
	}
}

func TestWhatIsSealedOpens(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s, err := NewSealer(rapid.SliceOfN(rapid.Byte(), MasterKeySize, MasterKeySize).Draw(t, "master"))
		if err != nil {
			t.Fatal(err)
		}
		purpose, context := rapid.String().Draw(t, "purpose"), rapid.String().Draw(t, "context")
		plain := rapid.SliceOf(rapid.Byte()).Draw(t, "plain")
		got, stale, err := s.Box(purpose).Open(s.Box(purpose).Seal(plain, context), context)
		if err != nil || stale || !bytes.Equal(got, plain) {
			t.Fatalf("%q, stale %t, %v", got, stale, err)
		}
	})
}

func FuzzOpen(f *testing.F) {
	s, err := NewSealer(master(1), master(2))
	if err != nil {
		f.Fatal(err)
	}
	box := s.Box("cookie")
	genuine := box.Seal([]byte("a session"), "wx1")
	for _, seed := range [][]byte{nil, {boxVersion}, genuine[:Overhead], make([]byte, Overhead), {boxVersion, box.keys[0].hint}, bytes.Repeat([]byte{boxVersion}, 64)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, sealed []byte) {
		if plain, _, err := box.Open(sealed, "wx1"); err != ErrSealed || plain != nil {
			t.Errorf("%x opens: %q, %v", sealed, plain, err)
		}
	})
}
