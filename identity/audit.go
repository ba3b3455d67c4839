package identity

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// AuditEntry is the record of a change as it goes into the store. Its number and its
// place in the chain are known only there, so the store asks for the sealed bytes.
type AuditEntry struct {
	Actor string // who caused it: gateway, key:<id>, command:<name>
	Op    string // what was done: resolve, bind, unbind …
	About string // digest of the user whom it is about
	Salt  []byte // for the key of that user, if there is none yet
	Seal  func(seq int64, salt []byte) []byte
}

// AuditRow is a record as the store keeps it.
type AuditRow struct {
	Seq    int64
	At     time.Time
	Actor  string
	Op     string
	About  string
	Sealed []byte
	Hash   []byte
	Salt   []byte // nil if it was destroyed
}

// AuditQuery picks records of a realm. Empty fields pick all.
type AuditQuery struct {
	Realm     string    // required
	About     string    // digest of the user
	Actor, Op string    // as in the records
	From, To  time.Time // from the one on, and before the other
	// Before is a number before which to look; zero for the newest.
	Before int64
	// Limit is how many records are returned, Look how many are looked at for them:
	// whom nobody finds isn't looked for among millions. Of one user all are.
	Limit, Look int
}

// AuditHash chains a record to the hash of the one before, which is empty for the
// first. Each part carries its length, so that no two records give the same input.
func AuditHash(before []byte, realm string, r AuditRow) []byte {
	var b bytes.Buffer
	for _, part := range [][]byte{before, []byte(realm), []byte(r.Actor), []byte(r.Op), []byte(r.About), r.Sealed} {
		b.Write(binary.BigEndian.AppendUint32(nil, uint32(len(part))))
		b.Write(part)
	}
	b.Write(binary.BigEndian.AppendUint64(nil, uint64(r.Seq)))
	b.Write(binary.BigEndian.AppendUint64(nil, uint64(r.At.UnixMicro())))
	sum := sha256.Sum256(b.Bytes())
	return sum[:]
}

// AuditRecord is a record as an auditor reads it.
type AuditRecord struct {
	Seq   int64     `json:"seq"`
	At    time.Time `json:"at"`
	Actor string    `json:"actor"`
	Op    string    `json:"op"`
	// Detail is nil if the user was erased.
	Detail *AuditDetail `json:"detail"`
	Hash   string       `json:"hash"`
}

// AuditDetail is what is personal in a record.
type AuditDetail struct {
	User     string     `json:"user,omitempty"`
	Via      string     `json:"via,omitempty"`
	Cause    string     `json:"cause,omitempty"` // rows of the decision table, or the code of a conflict
	Evidence string     `json:"evidence,omitempty"`
	Trace    string     `json:"trace,omitempty"`
	AppID    string     `json:"appid,omitempty"`
	OpenID   string     `json:"openid,omitempty"`
	Subject  string     `json:"subject,omitempty"`
	UnionID  string     `json:"unionid,omitempty"`
	Before   auditState `json:"before"`
	After    auditState `json:"after"`
}

// auditState are the rows that a change is about.
type auditState struct {
	Users   []auditUser   `json:"users,omitempty"`
	Unions  []auditUnion  `json:"unions,omitempty"`
	Openids []auditOpenid `json:"openids,omitempty"`
	Login   string        `json:"login,omitempty"`
	Rebind  string        `json:"rebind,omitempty"`
}

type auditUser struct {
	ID      string `json:"id"`
	Kind    Kind   `json:"kind"`
	Parent  string `json:"retired_into,omitempty"`
	Blocked bool   `json:"blocked,omitempty"`
}

type auditUnion struct {
	Subject string `json:"subject"`
	UnionID string `json:"unionid"`
	User    string `json:"user"`
}

type auditOpenid struct {
	AppID   string `json:"appid"`
	OpenID  string `json:"openid"`
	UnionID string `json:"unionid,omitempty"`
	Guest   string `json:"guest,omitempty"`
	Gen     int    `json:"gen,omitempty"`
	Hint    string `json:"hint,omitempty"`
}

func (s *auditState) addUser(u User) {
	if u.Version > 0 {
		s.Users = append(s.Users, auditUser{u.ID, u.Kind, u.Parent, !u.BlockedAt.IsZero()})
	}
}

func (s *auditState) addUnion(n UnionRow) {
	if n.Version > 0 {
		s.Unions = append(s.Unions, auditUnion{n.Subject, n.UnionID, n.User})
	}
}

func (s *auditState) addOpenid(o OpenidRow) {
	if o.Version > 0 {
		s.Openids = append(s.Openids, auditOpenid{o.AppID, o.OpenID, o.UnionID, o.Guest, o.Gen, o.Hint})
	}
}

// written is what a change writes, as state.
func written(c Change) (s auditState) {
	for _, u := range c.Users {
		u.Version++
		s.addUser(u)
	}
	for _, n := range c.Unions {
		n.Version++
		s.addUnion(n)
	}
	for _, o := range c.Openids {
		o.Version++
		s.addOpenid(o)
	}
	for _, l := range c.Logins {
		s.Login = l.User
	}
	if c.Rebind != nil {
		s.Rebind = string(c.Rebind.State)
	}
	return s
}

// record adds the audit of a change.
func (c *Centre) record(change *Change, actor, op string, detail AuditDetail) error {
	key, err := c.GuestKey(change.Realm)
	if err != nil {
		return err
	}
	detail.After = written(*change)
	plain, err := json.Marshal(detail)
	if err != nil {
		return err
	}
	if actor == "" {
		actor = "gateway"
	}
	fresh := make([]byte, 16)
	c.random(fresh)
	realm := change.Realm
	change.Audit = &AuditEntry{
		Actor: actor, Op: op, About: mark(key, MarkUser, detail.User), Salt: fresh,
		Seal: func(seq int64, salt []byte) []byte {
			aead := auditBox(key, salt)
			nonce := make([]byte, aead.NonceSize())
			c.random(nonce)
			return aead.Seal(nonce, nonce, plain, auditContext(realm, seq))
		},
	}
	return nil
}

func (c *Centre) random(b []byte) {
	if c.Random != nil {
		c.Random(b)
		return
	}
	rand.Read(b)
}

// auditBox seals the records about one user: the salt is his alone, and destroying it
// destroys the key.
func auditBox(realmKey, salt []byte) cipher.AEAD {
	// None of these can fail: the lengths are right.
	key, err := hkdf.Key(sha256.New, realmKey, salt, "caddy-wsite audit", 32)
	if err != nil {
		panic(err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	return aead
}

func auditContext(realm string, seq int64) []byte {
	return binary.BigEndian.AppendUint64([]byte(realm+"\x00"), uint64(seq))
}

// ErrAuditBroken says that the chain of records doesn't hold: one was changed, added
// or taken out.
var ErrAuditBroken = errors.New("the audit chain is broken")

// VerifyAudit walks the chain of a realm from its first record, and returns how many
// there are and the hash of the last. Keep that: with it, also a chain that was cut
// off at its end is found out.
func VerifyAudit(ctx context.Context, store Store, realm string, progress func(done int64)) (count int64, head []byte, err error) {
	const page = 1000
	for {
		rows, err := store.Audit(ctx, realm, "", count, page)
		if err != nil {
			return count, head, fmt.Errorf("verifying audit: %w", err)
		}
		for _, row := range rows {
			if row.Seq != count+1 {
				return count, head, fmt.Errorf("verifying audit: record %d is missing: %w", count+1, ErrAuditBroken)
			}
			if !bytes.Equal(row.Hash, AuditHash(head, realm, row)) {
				return count, head, fmt.Errorf("verifying audit: record %d doesn't fit to the one before: %w", row.Seq, ErrAuditBroken)
			}
			count, head = row.Seq, row.Hash
		}
		progress(count)
		if len(rows) < page {
			return count, head, nil
		}
	}
}
