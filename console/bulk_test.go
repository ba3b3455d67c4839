package console_test

import (
	"archive/zip"
	"encoding/csv"
	"errors"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-wsite/caddy-wsite/console"
)

// unpacked are the files of an answer.
func (a answer) unpacked(t *testing.T) map[string]string {
	t.Helper()
	file, err := zip.NewReader(strings.NewReader(a.body), int64(len(a.body)))
	if err != nil {
		t.Fatalf("%d %v: %.200s", a.status, err, a.body)
	}
	all := map[string]string{}
	for _, f := range file.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		all[f.Name] = string(text)
	}
	return all
}

func TestCodes(t *testing.T) {
	t.Parallel()
	k := start(t)
	b := k.staff(t, "one", console.Operator)
	for id, name := range map[string]string{"M1": "=茶馆/\u202e\"1\"", "m1": "=茶馆__1_", "M2": "Off", "M3": strings.Repeat("长", 100)} {
		if a := b.post("/merchants/main", "id", id, "name", name, "persons", "1"); a.status != http.StatusSeeOther {
			t.Fatalf("entering %s answered %d", id, a.status)
		}
	}
	b.post("/merchants/main/of/M2/disable", "version", "1")
	ids := regexp.MustCompile(`name="ids" value="([^"]*)"`)
	t.Run("the page says how many get one, and what becomes of older ones", func(t *testing.T) {
		a := b.get("/merchants/main/codes?id=M1&id=M2")
		if !strings.Contains(a.body, "&lt;门店&gt; 服务号 (wx01) · codes: 1<") || !strings.Contains(a.body, "takes the place of an older one") || ids.FindStringSubmatch(a.body)[1] != "M1 M2" {
			t.Errorf("it says %s", a.body)
		}
		if a := b.get("/merchants/main/codes?all=1&status=normal&find=" + b.finds("茶")); ids.FindStringSubmatch(a.body)[1] != "M1 m1" {
			t.Errorf("all that match are %s", ids.FindString(a.body))
		}
		for path, status := range map[string]int{"": 400, "?all=1&find=" + b.finds("nobody"): 400, "?all=1&find=made-up": 400, "?id=M9": 404, "?all=1&shown=x": 404, "?" + strings.Repeat("id=M1&", 501): 400} {
			if a := b.get("/merchants/main/codes" + path); a.status != status {
				t.Errorf("%.40s is answered %d", path, a.status)
			}
		}
	})
	t.Run("a file has an image each, by names that every system takes, and a table of all", func(t *testing.T) {
		a := b.post("/merchants/main/codes", "ids", "M1 m1 M2 M3 M9", "appid", "wx01", "life", "mail")
		if a.header.Get("Content-Type") != "application/zip" || a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("the header is %v", a.header)
		}
		files := a.unpacked(t)
		var names []string
		for name, text := range files {
			if name != "codes.csv" && !strings.HasPrefix(text, "picture of http://we.example/q/") {
				t.Errorf("%s is %s", name, text)
			}
			names = append(names, name)
		}
		slices.Sort(names)
		if want := []string{"M1-_茶馆__1_.png", "M3-" + strings.Repeat("长", 65) + ".png", "codes.csv", "m1-_茶馆__1_-2.png"}; !slices.Equal(names, want) {
			t.Errorf("the files are %q", names)
		}
		rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(files["codes.csv"], "\ufeff"))).ReadAll()
		if err != nil || len(rows) != 6 {
			t.Fatalf("the table is %v, %v", rows, err)
		}
		if rows[1][1][0] != '\'' || "picture of "+rows[1][2] != files["M1-_茶馆__1_.png"] || rows[1][3] == "" || rows[3][2] != "" || rows[3][5] != "商户已停用，请先启用" || rows[5][4] == "" {
			t.Errorf("the table is %q", rows)
		}
	})
	t.Run("a code whose image can't be drawn is made all the same, and told by its link", func(t *testing.T) {
		draw := k.console.Draw
		defer func() { k.console.Draw = draw }()
		k.console.Draw = func(url string) (svg, png []byte, err error) { return nil, nil, errors.New("no room") }
		op := k.staff(t, "two", console.Operator)
		a := op.post("/merchants/main/of/M1/codes", "appid", "wx01", "life", "mail")
		if a.status != http.StatusOK || !strings.Contains(a.body, "http://we.example/q/") || !strings.Contains(a.body, "could not be drawn") || !strings.Contains(a.body, "/cancel") || strings.Contains(a.body, "data:image") || strings.Contains(a.body, "data-print") {
			t.Errorf("answered %d %s", a.status, a.body)
		}
		files := op.post("/merchants/main/codes", "ids", "M1 m1", "appid", "wx01", "life", "mail").unpacked(t)
		if len(files) != 1 || strings.Count(files["codes.csv"], "http://we.example/q/") != 2 {
			t.Errorf("the file has %q", files)
		}
		page := k.staff(t, "boss", console.Administrator).get("/journal?staff=two").body
		if strings.Count(page, "done: the image couldn&#39;t be drawn") != 2 {
			t.Errorf("the journal says %s", page)
		}
	})
	t.Run("what is wrong is refused, and the journal has both", func(t *testing.T) {
		for _, wrong := range [][]string{{"ids", "", "appid", "wx01"}, {"ids", strings.Repeat("M1 ", 501), "appid", "wx01"}} {
			if a := b.post("/merchants/main/codes", wrong...); a.status != http.StatusBadRequest || !strings.Contains(a.body, "1 to 500") {
				t.Errorf("%.20v is answered %d", wrong, a.status)
			}
		}
		a := k.staff(t, "root", console.Administrator).get("/journal")
		if strings.Count(a.body, "made codes</td>") != 4 || !strings.Contains(a.body, "refused: &#34;Merchants&#34; is wrong") || strings.Contains(a.body, "we.example") {
			t.Errorf("the journal says %s", a.body)
		}
	})
	t.Run("only who may do something with them sees boxes to tick", func(t *testing.T) {
		if a := k.staff(t, "viewer", console.Viewer).get("/merchants/main"); strings.Contains(a.body, "checkbox") {
			t.Error("a viewer may tick")
		}
		if a := b.get("/merchants/main?find=" + b.finds("off")); !strings.Contains(a.body, `name="id" value="M2"`) || !strings.Contains(a.body, `name="q" type="search" placeholder="id, name, login, contact, phone" value="off"`) {
			t.Errorf("the list is %s", a.body)
		}
	})
}
