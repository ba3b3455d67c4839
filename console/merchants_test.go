package console_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/caddy-wsite/caddy-wsite/console"
	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/merchant"
)

// fields are those of a merchant, in pairs, with what differs behind.
func fields(also ...string) []string {
	return append([]string{"name", "茶馆 <b>", "login", "tea", "contact", "王", "phone", "13812345678", "persons", "1"}, also...)
}

var version = regexp.MustCompile(`name="version" value="(\d+)"`)

func TestMerchants(t *testing.T) {
	t.Parallel()
	t.Run("who is entered stands on the list, and a second one who edits sees what the first has changed", func(t *testing.T) {
		t.Parallel()
		k := start(t)
		one, two, viewer := k.staff(t, "one", console.Operator), k.staff(t, "two", console.Operator), k.staff(t, "viewer", console.Viewer)
		if a := one.post("/merchants/main", fields("id", "M1")...); a.status != http.StatusSeeOther {
			t.Fatalf("entering answered %d %s", a.status, a.body)
		}
		if a := one.post("/merchants/main", fields("id", "M1")...); a.status != http.StatusConflict || !strings.Contains(a.body, "another merchant has this id") {
			t.Errorf("entering him twice answered %d", a.status)
		}
		if a := one.post("/merchants/main", fields("id", "M2", "persons", "0")...); a.status != http.StatusBadRequest {
			t.Errorf("with nobody to be bound it answered %d", a.status)
		}
		for _, path := range []string{"/merchants/main?find=" + viewer.finds("茶"), "/merchants/main/of/M1"} {
			if a := viewer.get(path); !strings.Contains(a.body, "茶馆 &lt;b&gt;") || strings.Contains(a.body, "13812345678") || !strings.Contains(a.body, "138****5678") {
				t.Errorf("%s says %s", path, a.body)
			}
		}
		if a := viewer.get("/merchants/main?shown=bound"); strings.Contains(a.body, "茶馆") {
			t.Error("who isn't bound is shown among those who are")
		}
		seen := version.FindStringSubmatch(two.get("/merchants/main/of/M1/edit").body)[1]
		if a := one.post("/merchants/main/of/M1/edit", fields("version", seen, "name", "Tea house")...); a.status != http.StatusSeeOther {
			t.Fatalf("editing answered %d %s", a.status, a.body)
		}
		late := two.post("/merchants/main/of/M1/edit", fields("version", seen, "contact", "Zhao")...)
		if late.status != http.StatusConflict || !strings.Contains(late.body, "Tea house") || !strings.Contains(late.body, `value="Zhao"`) {
			t.Errorf("the second one is answered %d %s", late.status, late.body)
		}
		again := version.FindStringSubmatch(late.body)[1]
		if a := two.post("/merchants/main/of/M1/edit", fields("version", again, "contact", "Zhao")...); a.status != http.StatusSeeOther {
			t.Errorf("saving again is answered %d", a.status)
		}
		if a := two.get("/merchants/main/of/M1"); !strings.Contains(a.body, "staff:one") || !strings.Contains(a.body, "staff:two") || !strings.Contains(a.body, "Zhao") {
			t.Errorf("the history is %s", a.body)
		}
		if a := k.staff(t, "root", console.Administrator).get("/journal"); strings.Count(a.body, "edited a merchant</td>") != 3 || !strings.Contains(a.body, "refused: another merchant has this id") || !strings.Contains(a.body, "main/M1") {
			t.Errorf("the journal says %s", a.body)
		}
	})
	t.Run("he is disabled and enabled from the version that was seen", func(t *testing.T) {
		t.Parallel()
		k := start(t)
		b := k.staff(t, "one", console.Operator)
		b.post("/merchants/main", fields("id", "M1")...)
		for _, turn := range []struct {
			path, version string
			status        int
		}{{"disable", "1", 303}, {"enable", "1", 409}, {"enable", "2", 303}} {
			if a := b.post("/merchants/main/of/M1/"+turn.path, "version", turn.version); a.status != turn.status {
				t.Errorf("%s from %s answered %d", turn.path, turn.version, a.status)
			}
		}
		if a := b.post("/merchants/main/of/M9/disable", "version", "1"); a.status != http.StatusNotFound {
			t.Errorf("of nobody it answered %d", a.status)
		}
	})
	t.Run("a notice goes through no other account than those of the realm", func(t *testing.T) {
		t.Parallel()
		b := start(t).staff(t, "one", console.Operator)
		if a := b.post("/merchants/main/notices", "appid", "wx02", "template", "T", "all", "1"); a.status != http.StatusNotFound {
			t.Errorf("answered %d", a.status)
		}
	})
	t.Run("a table is imported, with a report, and paged through", func(t *testing.T) {
		t.Parallel()
		k := start(t)
		b := k.staff(t, "one", console.Operator)
		table := "商户编号,商户名称\n"
		for i := range 60 {
			table += fmt.Sprintf("M%02d,Shop\n", i)
		}
		a := b.upload("/merchants/main/import", b.word(), table+"M!,wrong\n")
		if a.status != http.StatusOK || !strings.Contains(a.body, "<dd>60</dd>") || !strings.Contains(a.body, "<td data-label=\"Line\">62</td>") {
			t.Errorf("the report is %d %s", a.status, a.body)
		}
		k.console.Merchants = breaksOff{k.console.Merchants}
		a = b.upload("/merchants/main/import", b.word(), table+"N1,New\n")
		if a.status != http.StatusServiceUnavailable || !strings.Contains(a.body, "The import broke off: The database can&#39;t be reached") || !strings.Contains(a.body, "<dt>Unchanged</dt><dd>60</dd>") || !strings.Contains(a.body, "<dt>Created</dt><dd>1</dd>") {
			t.Errorf("an import that breaks off is answered %d %s", a.status, a.body)
		}
		if a := b.upload("/merchants/main/import", "", table); a.status != http.StatusForbidden {
			t.Errorf("without a word it answers %d", a.status)
		}
		if a := b.upload("/merchants/main/import", b.word(), strings.Repeat("x", 17<<20)); a.status != http.StatusRequestEntityTooLarge {
			t.Errorf("what is too long is answered %d", a.status)
		}
		next := regexp.MustCompile(`href="(\?[^"]+)">[^<]*Next`).FindStringSubmatch(b.get("/merchants/main?find=" + b.finds("shop")).body)
		if next == nil {
			t.Fatal("there is no next page")
		}
		second := b.get("/merchants/main" + strings.ReplaceAll(next[1], "&amp;", "&"))
		if strings.Contains(second.body, ">M49<") || !strings.Contains(second.body, ">M50<") || !strings.Contains(second.body, ">M59<") || !strings.Contains(second.body, "Before") {
			t.Errorf("the second page is %s", second.body)
		}
	})
}

func TestMerchants_help(t *testing.T) {
	t.Parallel()
	b := start(t).staff(t, "one", console.Operator)
	b.post("/merchants/main", fields("id", "M1")...)
	t.Run("what is refused leads back to the page that it is about", func(t *testing.T) {
		for path, back := range map[string]string{"/merchants/main/notices": "/merchants/main", "/merchants/main/of/M1/codes/none/cancel": "/merchants/main/of/M1/codes/none", "/staff": "/"} {
			if a := b.post(path); a.status < 400 || strings.Contains(a.body, `class="button go"`) != (back != "/") || !strings.Contains(a.body, `href="`+back+`"`) {
				t.Errorf("%s answers %d %s", path, a.status, a.body)
			}
		}
		if a := b.get("/merchants/main/of/nobody"); a.status != http.StatusNotFound || !strings.Contains(a.body, `class="button go" href="/merchants/main"`) {
			t.Errorf("who isn't there is answered %d %s", a.status, a.body)
		}
	})
	t.Run("of two at once the second sees how it stands, and who did what", func(t *testing.T) {
		two := b.kit.staff(t, "other", console.Operator)
		m := version.FindStringSubmatch(b.get("/merchants/main/of/M1").body)
		two.post("/merchants/main/of/M1/disable", "version", m[1])
		for path, pairs := range map[string][]string{"disable": {"version", m[1]}, "enable": {"version", m[1]}, "unbind": {"appid", "wx01", "slot", "1", "code", "gone"}} {
			a := b.post("/merchants/main/of/M1/"+path, pairs...)
			if a.status != http.StatusConflict || !strings.Contains(a.body, "Somebody else was faster, and nothing was done") || !strings.Contains(a.body, `action="/merchants/main/of/M1/enable"`) || !strings.Contains(a.body, "staff:other") {
				t.Errorf("%s is answered %d %s", path, a.status, a.body)
			}
		}
		two.post("/merchants/main/of/M1/enable", "version", version.FindStringSubmatch(two.get("/merchants/main/of/M1").body)[1])
	})
	t.Run("another language shows the same page", func(t *testing.T) {
		back := regexp.MustCompile(`name="back" value="([^"]*)"`)
		for path, want := range map[string]string{"/merchants/main?shown=bound&done=saved": "/merchants/main?shown=bound", "/merchants/main/new": "/merchants/main/new"} {
			if m := back.FindStringSubmatch(b.get(path).body); m == nil || m[1] != want {
				t.Errorf("%s goes on at %q", path, m)
			}
			if a := b.post("/language", "to", "en", "back", want); a.header.Get("Location") != want {
				t.Errorf("and leads to %q", a.header.Get("Location"))
			}
		}
		if m := back.FindStringSubmatch(b.post("/merchants/main/of/M1/codes", "appid", "wx01").body); m == nil || m[1] != "/merchants/main/of/M1" {
			t.Errorf("a code that was just made goes on at %q", m)
		}
	})
	t.Run("the table to begin with can be imported", func(t *testing.T) {
		link := regexp.MustCompile(`href="data:text/csv;charset=utf-8;base64,([^"]+)"`)
		for lang, became := range map[string]string{"zh": "<dt>新增</dt><dd>1</dd>", "en": "<dt>Updated</dt><dd>1</dd>"} {
			b := start(t).staff(t, "two", console.Operator)
			b.header.Set("Accept-Language", lang)
			m := link.FindStringSubmatch(strings.ReplaceAll(b.get("/merchants/main/import").body, "&#43;", "+"))
			if m == nil {
				t.Fatal("there is none")
			}
			table, err := base64.StdEncoding.DecodeString(m[1])
			if err != nil {
				t.Fatal(err)
			}
			if lang == "en" {
				b.post("/merchants/main", fields("id", "1001")...)
			}
			if a := b.upload("/merchants/main/import", b.word(), string(table)); a.status != http.StatusOK || !strings.Contains(a.body, became) || strings.Contains(a.body, "<td data-label") {
				t.Errorf("in %s it comes to %d %s", lang, a.status, a.body)
			}
		}
	})
}

// breaksOff is a list of merchants whose database goes away when a table has been read.
type breaksOff struct{ console.Merchants }

func (m breaksOff) Import(ctx context.Context, realm string, in io.Reader, by string, report func(merchant.Imported)) error {
	if err := m.Merchants.Import(ctx, realm, in, by, report); err != nil {
		return err
	}
	return identity.ErrUnavailable
}

// finds searches for merchants, and returns what the address says of it.
func (b *browser) finds(search string) string {
	b.t.Helper()
	a := b.post("/merchants/main/find", "q", search)
	at, err := url.Parse(a.header.Get("Location"))
	if a.status != http.StatusSeeOther || err != nil || at.Path != "/merchants/main" || at.Query().Get("find") == "" {
		b.t.Fatalf("searching is answered %d, to %q", a.status, a.header.Get("Location"))
	}
	return at.Query().Get("find")
}

// TestMerchants_find holds that who is searched for stands in no address and no journal.
func TestMerchants_find(t *testing.T) {
	t.Parallel()
	k := start(t)
	b := k.staff(t, "root", console.Administrator)
	for id, phone := range map[string]string{"M1": "13812345678", "M2": "13987654321"} {
		b.post("/merchants/main", "id", id, "name", "Shop", "phone", phone, "persons", "1")
	}
	a := b.post("/merchants/main/find", "q", "13812345678", "shown", "unbound", "status", "normal")
	to := a.header.Get("Location")
	if a.status != http.StatusSeeOther || strings.Contains(to, "1381234") || !strings.Contains(to, "shown=unbound") || !strings.Contains(to, "status=normal") {
		t.Fatalf("answered %d, to %s", a.status, to)
	}
	a = b.get(to)
	if !strings.Contains(a.body, `>M1</a>`) || strings.Contains(a.body, `>M2</a>`) || !strings.Contains(a.body, `value="13812345678"`) {
		t.Errorf("it finds %s", a.body)
	}
	for _, form := range regexp.MustCompile(`(?s)<form[^>]*>`).FindAllString(a.body, -1) {
		if strings.Contains(form, `role="search"`) && !strings.Contains(form, `method="post"`) {
			t.Errorf("a search goes by %s", form)
		}
	}
	if links := regexp.MustCompile(`(?:href|name="find" value)="[^"]*"`).FindAllString(a.body, -1); strings.Contains(strings.Join(links, ""), "1381234") {
		t.Errorf("the links are %q", links)
	}
	if a := b.get("/merchants/main?q=13812345678"); !strings.Contains(a.body, `>M2</a>`) {
		t.Error("what stands in the address is searched for")
	}
	if a := b.get("/merchants/main?find=" + strings.Repeat("A", 99)); a.status != http.StatusBadRequest || !strings.Contains(a.body, "search again") {
		t.Errorf("what is made up is answered %d %s", a.status, a.body)
	}
	if a := b.post("/merchants/main/find", "q", strings.Repeat("长", 201)); a.status != http.StatusBadRequest {
		t.Errorf("what is too long is answered %d", a.status)
	}
	if a := b.post("/merchants/main/find", "q", " "); a.header.Get("Location") != "/merchants/main?shown=&status=" {
		t.Errorf("a search for nothing leads to %s", a.header.Get("Location"))
	}
	if page := b.get("/journal").body; strings.Contains(page, "1381234") || !strings.Contains(page, "looked for merchants") {
		t.Errorf("the journal says %s", page)
	}
}

// upload sends a table as the form of the page does.
func (b *browser) upload(path, word, table string) answer {
	b.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	_ = form.WriteField("word", word)
	file, _ := form.CreateFormFile("table", "merchants.csv")
	_, _ = file.Write([]byte(table))
	_ = form.Close()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.url+path, &body)
	if err == nil {
		r.Header.Set("Content-Type", form.FormDataContentType())
	}
	return b.do(r, err)
}
