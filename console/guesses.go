package console

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Wrong codes of a second factor: who gave them had the password. He is told whose it is, and
// so are administrators, until he has changed it, or says that it was himself.

var guessRoutes = []route{
	{"POST", "/me/guesses", keepSelf, "guesses_mine", (*Console).ownGuesses},
}

var guessWords = map[string]Text{
	"guesses_mine": {"确认输错的验证码是本人所为", "said that wrong codes were his own"},
}

const (
	// Guessed is how long wrong codes are told of.
	Guessed = 7 * 24 * time.Hour
	// lookedAt is how many codes are looked at, the newest first; wrong ones are limited.
	lookedAt = 500
)

// guesses are wrong codes for somebody's second factor.
type guesses struct {
	Staff   string
	N       int
	At      time.Time // of the last one
	Address string    // ... and where it came from
}

// guesses are those that nobody has answered for, of one of the staff, or of all. A wrong code
// was a slip if the same address gave the right one before half of a session ends.
func (c *Console) guesses(ctx context.Context, staff string) ([]guesses, error) {
	list, err := c.Store.ConsoleEntries(ctx, EntryFilter{Staff: staff, What: "sign_in_code", Limit: lookedAt})
	if err != nil {
		return nil, err
	}
	right, wrong := map[[2]string]time.Time{}, map[string][]Entry{}
	for _, e := range list {
		from := [2]string{e.Staff, e.Address}
		switch {
		case c.Now().Sub(e.At) >= Guessed:
		case e.Done():
			right[from] = e.At
		case right[from].IsZero() || right[from].Sub(e.At) >= Halved:
			wrong[e.Staff] = append(wrong[e.Staff], e)
		}
	}
	var all []guesses
	for name, entries := range wrong {
		settled, err := c.settled(ctx, name)
		if err != nil {
			return nil, err
		}
		entries = slices.DeleteFunc(entries, func(e Entry) bool { return e.Seq < settled })
		if len(entries) > 0 {
			all = append(all, guesses{name, len(entries), entries[0].At, entries[0].Address})
		}
	}
	slices.SortFunc(all, func(a, b guesses) int { return strings.Compare(a.Staff, b.Staff) })
	return all, nil
}

// settled is the entry of the journal by which somebody last got another password, or said
// that wrong codes were his own; zero if there is none.
func (c *Console) settled(ctx context.Context, staff string) (seq int64, err error) {
	for _, what := range []string{"password", "setup", "guesses_mine"} {
		list, err := c.Store.ConsoleEntries(ctx, EntryFilter{Staff: staff, What: what, Limit: 20})
		if err != nil {
			return 0, err
		}
		if i := slices.IndexFunc(list, Entry.Done); i >= 0 {
			seq = max(seq, list[i].Seq)
		}
	}
	return seq, nil
}

// guessed tells who looks of wrong codes for his own second factor and, if he keeps the staff,
// for those of others.
func (c *Console) guessed(v *visit) ([]Need, error) {
	of := v.staff.Name
	if v.staff.Role.May(keepStaff) {
		of = ""
	}
	all, err := c.guesses(v.ctx, of)
	var needs []Need
	for _, g := range all {
		at := g.At.In(c.Zone).Format("2006-01-02 15:04")
		need := Need{Bad: true, Path: "/staff/" + g.Staff, Said: Text{
			fmt.Sprintf("有人知道 %s 的密码：密码正确，验证码输错 %d 次（最近 %s，来自 %s）。请与本人确认并重置密码", g.Staff, g.N, at, g.Address),
			fmt.Sprintf("Somebody knows the password of %s: it was right, the codes behind it were wrong, %d of them (the last at %s from %s). Ask him, and reset his password", g.Staff, g.N, at, g.Address),
		}}
		if g.Staff == v.staff.Name {
			need.Path, need.Said = "/me", Text{
				fmt.Sprintf("有人用您的正确密码登录，但验证码输错 %d 次（最近 %s，来自 %s）。如非本人，请立即修改密码", g.N, at, g.Address),
				fmt.Sprintf("Somebody gave your right password, and then wrong codes, %d of them (the last at %s from %s). If that wasn't you, change your password now", g.N, at, g.Address),
			}
		}
		needs = append(needs, need)
	}
	return needs, err
}

// ownGuesses answers for wrong codes; the journal says so.
func (c *Console) ownGuesses(v *visit) error { return v.to("/me?done=guesses_mine") }

// codeWithin counts a code for somebody's second factor, and refuses it when there were too
// many: by the browser that he is known in, otherwise by his name.
func (v *visit) codeWithin(name string) error {
	after, ok := v.Codes(v.ctx, v.by(name))
	if ok {
		return nil
	}
	minutes := int((after + time.Minute - 1) / time.Minute)
	f := refuse(http.StatusTooManyRequests, fmt.Sprintf("验证码尝试次数过多，请约 %d 分钟后再试", minutes), fmt.Sprintf("Too many codes: try again in about %d minutes", minutes))
	f.after = after
	return f
}
