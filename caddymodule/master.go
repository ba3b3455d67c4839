package caddymodule

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// openMaster makes the sealer from the configured master keys. Without one, which
// is allowed beside SQLite alone, a key lies in a file next to the database.
func (a *App) openMaster(ctx context.Context, store identity.Store, path string) (*identity.Sealer, error) {
	if len(a.masters) > 0 {
		return identity.NewSealer(a.masters...)
	}
	file := keyFile(path)
	text, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		sealed, err := store.Secrets(ctx, "")
		if err != nil {
			return nil, fmt.Errorf("opening master key: %w", err)
		}
		if len(sealed) > 0 {
			return nil, fmt.Errorf("opening master key: %s is missing, and the facts in %s are sealed with it: put it back, or set `master_key` to the key that it held", file, path)
		}
	}
	if errors.Is(err, os.ErrNotExist) {
		key := make([]byte, identity.MasterKeySize)
		rand.Read(key)
		text = []byte(hex.EncodeToString(key) + "\n")
		err = writeNew(file, text)
		if errors.Is(err, os.ErrExist) { // another process was faster
			text, err = os.ReadFile(file)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("opening master key: %w", err)
	}
	key, err := parseMaster(strings.TrimSpace(string(text)))
	if err != nil {
		return nil, fmt.Errorf("opening master key: %s: %w", file, err)
	}
	return identity.NewSealer(key)
}

// keyFile is where the master key lies if none is configured.
func keyFile(path string) string { return strings.TrimSuffix(path, filepath.Ext(path)) + ".key" }

// writeNew makes a file that is there whole or not at all, also after a crash.
func writeNew(file string, text []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(file), ".key-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(text)
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err != nil {
		return err
	}
	return os.Link(tmp.Name(), file)
}

// parseMaster reads a master key: 32 bytes as 64 hexadecimal digits or in base64.
func parseMaster(text string) ([]byte, error) {
	key, err := hex.DecodeString(text)
	if err != nil {
		key, err = decodeBase64(text)
	}
	if err != nil || len(key) != identity.MasterKeySize {
		return nil, errors.New("a master key is 32 random bytes, as 64 hexadecimal digits or in base64; make one with `openssl rand -hex 32`")
	}
	for _, b := range key[1:] {
		if b != key[0] {
			return key, nil
		}
	}
	return nil, errors.New("a master key that repeats one byte protects nothing; make one with `openssl rand -hex 32`")
}

func decodeBase64(s string) ([]byte, error) {
	s = strings.TrimRight(strings.NewReplacer("-", "+", "_", "/").Replace(s), "=")
	return base64.RawStdEncoding.DecodeString(s)
}
