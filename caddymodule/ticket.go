package caddymodule

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"strings"
	"time"

	"github.com/caddy-wsite/caddy-wsite/directory"
	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/wechat"
)

// target is where a visitor goes after a login. It travels sealed inside
// redirect_uri, so that nothing is kept on the server: a login survives a
// restart and may end on another node.
type target struct {
	Path     string // path and query inside the site
	Fragment string // behind the #, as the browser wrote it
	UserInfo bool   // asks for the unionid
	Attempt  int    // how often this login was started anew
}

const (
	maxTarget   = 1024 // bytes of a target's path and query; longer ones lose the query
	maxFragment = 512  // bytes of a fragment; longer ones are lost
	maxAttempts = 2    // starts of one login; the next one would be a loop
	stateLife   = 10 * time.Minute
	scanLife    = 30 * time.Minute // of the state of a visitor who fetches his phone first
)

// tickets seals targets and states.
type tickets struct {
	target, state         *identity.Box
	relay, code, entrance *identity.Box
	memo                  *identity.Box // of what nodes tell each other of a login
}

func newTickets(s *identity.Sealer) tickets {
	return tickets{s.Box("return target"), s.Box("login state"), s.Box("relay target"), s.Box("relayed code"), s.Box("entrance"), s.Box("login memo")}
}

// place binds a ticket to an account and a site. App ids all have one length, so
// no two pairs give the same place.
func (rt route) place() string { return rt.account.AppID + "/" + rt.site.PTID }

func (t tickets) sealTarget(rt route, tg target) string {
	flags := byte(tg.Attempt) << 1
	if tg.UserInfo {
		flags |= 1
	}
	p := binary.AppendUvarint([]byte{flags}, uint64(len(tg.Path)))
	p = append(append(p, tg.Path...), tg.Fragment...)
	return b64.EncodeToString(t.target.Seal(p, rt.place()))
}

// openTarget opens a sealed target of this site. Being sealed by us it leads into
// the site; it is checked again all the same, so that a mistake elsewhere can't
// make it lead away.
func (t tickets) openTarget(rt route, sealed string) (target, bool) {
	if len(sealed) > 2*(maxTarget+maxFragment) || broken(sealed) {
		return target{}, false
	}
	raw, err := b64.DecodeString(sealed)
	if err != nil {
		return target{}, false
	}
	p, _, err := t.target.Open(raw, rt.place())
	if err != nil || len(p) < 2 {
		return target{}, false
	}
	n, k := binary.Uvarint(p[1:])
	if k <= 0 || n > uint64(len(p)-1-k) {
		return target{}, false
	}
	rest := p[1+k:]
	tg := target{Path: string(rest[:n]), Fragment: string(rest[n:]), UserInfo: p[0]&1 != 0, Attempt: int(p[0] >> 1)}
	return tg, rt.contains(tg.Path)
}

// contains says that a path with its query leads into the site, and not to one of
// the gateway's own paths.
func (rt route) contains(address string) bool {
	path, _, _ := strings.Cut(address, "?")
	rest, ok := below(path, rt.base)
	return ok && rest != "" && directory.IsCanonicalPath(path) && !strings.HasPrefix(rest, own) &&
		!strings.ContainsFunc(address, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '\\' || r == '#' })
}

// stateText is base32 without padding: WeChat allows letters and digits only
// (wechat-api.md §1.2).
var stateText = base32.StdEncoding.WithPadding(base32.NoPadding)

// sealState makes a state of 58 letters and digits, bound to account, site,
// login cookie, target and moment.
func (t tickets) sealState(rt route, login [16]byte, sealedTarget string, now time.Time) string {
	life := stateLife
	if rt.account.Kind == directory.Web {
		life = scanLife
	}
	var p [6]byte
	binary.BigEndian.PutUint16(p[:], uint16(now.Add(life).Unix()>>32))
	binary.BigEndian.PutUint32(p[2:], uint32(now.Add(life).Unix()))
	return stateText.EncodeToString(t.state.Seal(p[:], stateContext(rt, login, sealedTarget)))
}

func stateContext(rt route, login [16]byte, sealedTarget string) string {
	sum := sha256.Sum256([]byte(sealedTarget))
	return rt.place() + string(login[:]) + string(sum[:])
}

// stateHolds says whether a state was made for this login and is not too old.
func (t tickets) stateHolds(rt route, state string, login [16]byte, sealedTarget string, now time.Time) bool {
	if len(state) > 64 || broken(state) {
		return false
	}
	raw, err := stateText.DecodeString(state)
	// Decoding passes over the last bits of the last letter.
	if err != nil || stateText.EncodeToString(raw) != state {
		return false
	}
	p, _, err := t.state.Open(raw, stateContext(rt, login, sealedTarget))
	if err != nil || len(p) != 6 {
		return false
	}
	until := int64(binary.BigEndian.Uint16(p))<<32 | int64(binary.BigEndian.Uint32(p[2:]))
	return now.Unix() <= until
}

func (tg target) scope() wechat.Scope {
	if tg.UserInfo {
		return wechat.ScopeUserInfo
	}
	return wechat.ScopeBase
}

// location is the target as a Location: it always ends in an explicit fragment,
// or browsers would carry `#wechat_redirect` on (RFC 9110 §10.2.2).
func (tg target) location() string { return tg.Path + "#" + tg.Fragment }
