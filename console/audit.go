package console

import (
	"context"
	"encoding/csv"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// The record of what was done to users.

var auditRoutes = []route{
	{"GET", "/audit", seeAudit, "", (*Console).auditHome},
	{"GET", "/audit/{realm}", seeAudit, "", (*Console).auditPage},
	{"GET", "/audit/{realm}/records.csv", seeAudit, "", (*Console).auditTable},
	{"POST", "/audit/{realm}/verify", seeAudit, "audit_verify", (*Console).verifyAudit},
}

var auditWords = map[string]Text{
	"audit_verify": {"校验审计记录", "verified the audit"},
}

// Audit is the record of what was done to users, each entry chained to the one before.
type Audit interface {
	// Records returns those that a query picks, the newest first, and the number before
	// which it goes on, as [identity.Centre.AuditBack] does.
	Records(ctx context.Context, q identity.AuditQuery) ([]identity.AuditRecord, int64, error)
	// Verify walks the chain of a realm, and tells progress how far it is. head is the hash
	// of the last record; known says where a hash that was kept from an earlier time is
	// among them, zero if it isn't. A chain that doesn't hold is
	// [identity.ErrAuditBroken].
	Verify(ctx context.Context, realm string, kept []byte, progress func(done int64)) (count int64, head []byte, known int64, err error)
}

// auditLook is how many records are looked at for one page.
const auditLook = 20000

// auditOps are what may be done to users.
var auditOps = []choice{
	{"resolve", Text{"识别", "resolved"}},
	{"bind", Text{"绑定", "bound"}},
	{"unbind", Text{"解绑", "unbound"}},
	{"merge", Text{"合并", "merged"}},
	{"block", Text{"封禁", "blocked"}},
	{"unblock", Text{"解除封禁", "unblocked"}},
	{"erase", Text{"删除", "erased"}},
	{"import", Text{"导入", "imported"}},
	{"migrate_openid", Text{"迁移 openid", "openid migrated"}},
	{"resubject", Text{"更换开放平台", "moved to another open platform"}},
	{"rebind", Text{"申请换绑", "move to another WeChat account asked for"}},
	{"rebound", Text{"完成换绑", "moved to another WeChat account"}},
	{"cancel_rebind", Text{"取消换绑", "move called off"}},
	{"rebind_ended", Text{"换绑未成", "move that couldn't be made"}},
	{"dismiss", Text{"忽略冲突", "conflict dismissed"}},
	{"reopen", Text{"重新列为待处理", "conflict taken up again"}},
	{"revoke", Text{"撤销登录", "logins revoked"}},
}

// record is a record as a page shows it.
type record struct{ identity.AuditRecord }

// OpName is what was done.
func (r record) OpName() Text { return wordsOf(auditOps, r.Op) }

// User is whom it is about; nobody if he was erased.
func (r record) User() string {
	if r.Detail == nil {
		return ""
	}
	return r.Detail.User
}

// By is who of the staff it was; empty for anybody else.
func (r record) By() string {
	name, _ := strings.CutPrefix(r.Actor, "staff:")
	if name == r.Actor {
		return ""
	}
	return name
}

// Said is the rest of what stands in it, masked where it names a person at WeChat.
func (r record) Said() (lines []string) {
	d := r.Detail
	if d == nil {
		return nil
	}
	for _, x := range []struct{ name, value string }{
		{"via", d.Via},
		{"cause", d.Cause},
		{"evidence", hidden(d.Evidence, d.OpenID, d.UnionID)},
		{"appid", d.AppID},
		{"openid", masked(d.OpenID)},
		{"subject", d.Subject},
		{"unionid", masked(d.UnionID)},
		{"trace", d.Trace},
	} {
		if x.value != "" {
			lines = append(lines, x.name+" "+x.value)
		}
	}
	return lines
}

// hidden is a text in which these ids are masked.
func hidden(text string, ids ...string) string {
	for _, id := range ids {
		if id != "" {
			text = strings.ReplaceAll(text, id, Masked(id))
		}
	}
	return text
}

// masked is an id shortened, if there is one.
func masked(id string) string {
	if id == "" || strings.HasPrefix(id, "(") { // it was erased
		return id
	}
	return Masked(id)
}

type auditView struct {
	Realm  Realm
	Realms []Realm
	Ops    []choice
	// Filter is what is asked for; From and To are as entered.
	Filter   identity.AuditQuery
	From, To string
	List     []record
	Next     string // address of the next page; empty at the end
	Short    bool   // there may be others further back
	Table    string // address of the same as a table
	Outcome  *outcome
}

func (c *Console) auditHome(v *visit) error { return v.firstRealm("/audit/") }

// auditQuery is what the address asks for.
func (v *visit) auditQuery() (Realm, identity.AuditQuery, error) {
	realm, err := v.realm()
	if err != nil {
		return realm, identity.AuditQuery{}, err
	}
	q := v.r.URL.Query()
	a := identity.AuditQuery{Realm: realm.Name, About: q.Get("user"), Actor: plain(q.Get("actor")), Before: max(v.seq("before"), 0), Limit: pageSize, Look: auditLook}
	if a.Op, err = v.chosen("op", auditOps); err != nil {
		return realm, a, err
	}
	if a.About != "" && !identity.ValidUser(a.About) {
		return realm, a, refuse(http.StatusBadRequest, "这不是有效的用户 ID", "That can't be a user id")
	}
	for field, at := range map[string]*time.Time{"from": &a.From, "to": &a.To} {
		if text := q.Get(field); text != "" {
			if *at, err = time.ParseInLocation("2006-01-02T15:04", text, v.Zone); err != nil {
				return realm, a, refuse(http.StatusBadRequest, "时间有误", "That is no time")
			}
		}
	}
	return realm, a, nil
}

func (c *Console) auditPage(v *visit) error { return v.showAudit(nil) }

func (v *visit) showAudit(checked *outcome) error {
	realm, q, err := v.auditQuery()
	if err != nil {
		return err
	}
	list, next, err := v.Audit.Records(v.ctx, q)
	if err != nil {
		return err
	}
	view := auditView{Realm: realm, Realms: v.Realms(), Ops: auditOps, Filter: q, From: v.r.URL.Query().Get("from"), To: v.r.URL.Query().Get("to"), Outcome: checked}
	for _, r := range list {
		view.List = append(view.List, record{r})
	}
	if next > 0 {
		view.Next, view.Short = v.next("before", strconv.FormatInt(next, 10)), len(list) < q.Limit
	}
	view.Table = "/audit/" + realm.Name + "/records.csv" + v.next("before", "")
	return v.page(http.StatusOK, "audit", view)
}

// auditTable writes all records that the address asks for as a table: CSV in UTF-8 with a
// mark at its beginning, as spreadsheets want it.
func (c *Console) auditTable(v *visit) error {
	realm, q, err := v.auditQuery()
	if err != nil {
		return err
	}
	q.Before, q.Limit = 0, 1000
	list, next, err := c.Audit.Records(v.ctx, q)
	if err != nil {
		return err
	}
	v.w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	v.w.Header().Set("Content-Disposition", `attachment; filename="audit-`+realm.Name+`.csv"`)
	_, _ = io.WriteString(v.w, "\ufeff")
	out := csv.NewWriter(v.w)
	_ = out.Write([]string{"seq", "at", "actor", "op", "user", "said", "hash"})
	for {
		for _, r := range list {
			r := record{r}
			_ = out.Write([]string{strconv.FormatInt(r.Seq, 10), r.At.UTC().Format(time.RFC3339), cell(r.Actor), r.Op, cell(r.User()), cell(strings.Join(r.Said(), "; ")), r.Hash})
		}
		if out.Flush(); out.Error() != nil || next == 0 {
			return nil // who has gone needs no answer
		}
		q.Before = next
		if list, next, err = c.Audit.Records(v.ctx, q); err != nil {
			// The table has begun: that it was cut off shows by how the answer ends.
			v.Log.ErrorContext(v.ctx, "writing the audit as a table", "error", err)
			panic(http.ErrAbortHandler)
		}
	}
}

// cell keeps a spreadsheet from taking a text for a formula.
func cell(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}
