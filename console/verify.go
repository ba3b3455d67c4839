package console

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// Whether the record of what was done to users is whole.

// outcome is what a check of the chain has come to.
type outcome struct {
	OK    bool   `json:"ok"`
	Said  Text   `json:"-"`
	Text  string `json:"text"`
	Head  string `json:"head,omitempty"`
	Count int64  `json:"count"`
}

// verifyAudit walks the chain of a realm. To who asks for it line by line it tells how far
// it is; the journal keeps what came of it.
func (c *Console) verifyAudit(v *visit) error {
	realm, err := v.realm()
	if err != nil {
		return err
	}
	kept, err := hex.DecodeString(strings.TrimSpace(v.r.PostFormValue("head")))
	if err != nil || len(kept) != 0 && len(kept) != 32 {
		return refuse(http.StatusBadRequest, "校验值应为 64 位十六进制数字", "A head is 64 hexadecimal digits")
	}
	lines := v.r.Header.Get("Accept") == "application/x-ndjson"
	progress := func(int64) {}
	if lines {
		v.w.Header().Set("Content-Type", "application/x-ndjson")
		v.w.Header().Set("X-Accel-Buffering", "no")
		progress = func(done int64) { v.jsonLine(map[string]any{"done": done}) }
	}
	count, head, at, err := c.Audit.Verify(v.ctx, realm.Name, kept, progress)
	if err != nil && !errors.Is(err, identity.ErrAuditBroken) {
		if !lines {
			return err
		}
		v.Log.ErrorContext(v.ctx, "checking the audit", "error", err)
		f := faultOf(err)
		v.ended("refused", f.Text)
		v.jsonLine(outcome{Text: v.say(f.Text)})
		return nil
	}
	o := judged(count, head, at, len(kept) > 0, err)
	o.Text, v.came, v.cameZH = v.say(o.Said), o.Said.EN, o.Said.ZH
	if o.OK {
		v.ended("done", o.Said)
	}
	if lines {
		v.jsonLine(o)
		return nil
	}
	return v.showAudit(&o)
}

// judged says what a check has come to.
func judged(count int64, head []byte, at int64, asked bool, err error) outcome {
	o := outcome{OK: err == nil, Count: count, Head: hex.EncodeToString(head)}
	switch {
	case err != nil:
		said := strings.TrimPrefix(err.Error(), "verifying audit: ")
		o.Said = Text{fmt.Sprintf("记录链在第 %d 条之后断裂：有记录被修改、增加或删除", count), "The chain is broken: " + said}
	case asked && at == 0:
		o.OK = false
		o.Said = Text{fmt.Sprintf("%d 条记录前后一致，但其中没有您保存的校验值：记录的末尾被截断", count), fmt.Sprintf("%d records hold together, and the head that you have kept is none of them: the end of the record was cut off", count)}
	case asked:
		o.Said = Text{fmt.Sprintf("%d 条记录完整；您保存的校验值是第 %d 条", count, at), fmt.Sprintf("%d records hold together; the head that you have kept is record %d", count, at)}
	default:
		o.Said = Text{fmt.Sprintf("%d 条记录完整", count), fmt.Sprintf("%d records hold together", count)}
	}
	return o
}

// say is a text in the language of who looks.
func (v *visit) say(t Text) string {
	if v.lang == "en" {
		return t.EN
	}
	return t.ZH
}

// jsonLine writes a line of JSON at once. Who doesn't hear it has gone.
func (v *visit) jsonLine(of any) {
	text, _ := json.Marshal(of)
	_, _ = v.w.Write(append(text, '\n'))
	_ = http.NewResponseController(v.w).Flush()
}
