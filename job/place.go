package job

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// pageSize is how many openids on record are looked at together.
const pageSize = 1000

// place is how far a walk through the openids on record is: the realms one after the
// other, by name.
type place struct {
	Realm string `json:"realm,omitempty"`
	After string `json:"after,omitempty"`
}

// cursor writes a place, or another position of a work, into a cursor.
func cursor(at any) string {
	text, err := json.Marshal(at)
	if err != nil {
		panic(err) // strings alone
	}
	return string(text)
}

// read reads a cursor, which is empty at the beginning.
func read(text string, into any) error {
	if text == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(text), into); err != nil {
		return fmt.Errorf("reading where the job was: %w", err)
	}
	return nil
}

// walk hands on the openids of an account that are on record, page by page from a place
// on. The place behind a page is given with it.
func (k *Kinds) walk(ctx context.Context, realms []string, appID string, from place, each func(realm string, page []identity.OpenidRow, behind place) error) error {
	for _, realm := range slices.Sorted(slices.Values(realms)) {
		if realm < from.Realm {
			continue
		}
		at := place{Realm: realm}
		if realm == from.Realm {
			at = from
		}
		for {
			page, err := k.Facts.OpenidsOf(ctx, realm, appID, at.After, pageSize)
			if err != nil {
				return err
			}
			if len(page) == 0 {
				break
			}
			at.After = page[len(page)-1].OpenID
			if err := each(realm, page, at); err != nil {
				return err
			}
		}
	}
	return nil
}

// count is how many openids a walk from the beginning meets.
func (k *Kinds) count(ctx context.Context, realms []string, appID string) (int64, error) {
	var total int64
	for _, realm := range realms {
		n, err := k.Facts.CountOpenidsOf(ctx, realm, appID)
		if err != nil {
			return 0, err
		}
		total += n
	}
	return total, nil
}
