package console_test

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/caddy-wsite/caddy-wsite/console"
)

func TestJournal_words(t *testing.T) {
	t.Parallel()
	k := start(t)
	root := k.staff(t, "boss", console.Administrator)
	for range 2 {
		root.post("/staff", "name", "li", "role", "operator")
	}
	root.post("/users/main/find", "by", "id", "id", "nobody")
	if a := root.post("/audit/main/verify"); a.status != http.StatusOK {
		t.Fatalf("verifying answered %d", a.status)
	}
	root.post("/staff/nobody/sessions/end")
	zh, en := regexp.MustCompile(`<span class="(?:well|amiss)">([^<]*)<`), []string{"refused: This name is taken", "refused: There is no such page"}
	page := root.get("/journal").body
	for _, said := range en {
		if !strings.Contains(page, said) {
			t.Errorf("it doesn't say %q", said)
		}
	}
	root.header.Set("Accept-Language", "zh")
	page = root.get("/journal").body
	said := zh.FindAllStringSubmatch(page, -1)
	if len(said) != 4 || !strings.Contains(page, "拒绝：该用户名已存在") || !strings.Contains(page, "成功：2000 条记录完整") {
		t.Errorf("in Chinese it says %q", said)
	}
	for _, s := range said {
		if regexp.MustCompile(`[A-Za-z]{3}`).MatchString(s[1]) {
			t.Errorf("in Chinese it says %q", s[1])
		}
	}
	for _, c := range []struct {
		e    console.Entry
		want console.Text
	}{
		{console.Entry{Result: "done"}, console.Text{ZH: "成功", EN: "done"}},
		{console.Entry{Result: "refused"}, console.Text{ZH: "拒绝", EN: "refused"}},
		{console.Entry{Result: "refused: of an older version: so"}, console.Text{ZH: "拒绝：of an older version: so", EN: "refused: of an older version: so"}},
		{console.Entry{Result: "asked to confirm", ZH: "等待确认"}, console.Text{ZH: "等待确认", EN: "asked to confirm"}},
	} {
		if got := c.e.Came(); got != c.want {
			t.Errorf("%+v says %+v", c.e, got)
		}
	}
}

// TestJobReason holds that whatever stops a job is said in both languages.
func TestJobReason(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../job/*.go")
	if err != nil {
		t.Fatal(err)
	}
	codes := map[string]bool{"wechat_40001": true, "wechat_retry": true}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		for _, m := range regexp.MustCompile(`(?:Code:|Why:|Why =|Failed,)\s+"([a-z_]*[a-z])"`).FindAllStringSubmatch(string(text), -1) {
			codes[m[1]] = true
		}
	}
	if len(codes) < 13 {
		t.Errorf("the codes are %v", codes)
	}
	for code := range codes {
		if said := console.JobReason(code); said.ZH == code || said.EN == code || regexp.MustCompile(`[a-z]{12}`).MatchString(said.ZH) {
			t.Errorf("%s is said as %+v", code, said)
		}
	}
	k := start(t)
	k.did.jobs = []console.Job{{ID: "j1", Kind: "followers", State: "failed", Why: "broken", Error: "so"}}
	b := k.staff(t, "ming", console.Viewer)
	b.header.Set("Accept-Language", "zh")
	for _, path := range []string{"/jobs", "/jobs/j1"} {
		if page := b.get(path).body; !strings.Contains(page, "出错了，详见网关日志") {
			t.Errorf("%s says %s", path, page)
		}
	}
}
