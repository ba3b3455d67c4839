package console

import (
	"archive/zip"
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/caddy-wsite/caddy-wsite/merchant"
)

// Codes for many merchants at once, to be printed or mailed.

type codesView struct {
	Realm Realm
	IDs   string // with blanks between
	List  []merchant.Listed
	// Get is how many of them get a code, by account.
	Get []getting
}

type getting struct {
	AppID string
	Count int
}

// shownPicked is how many of those who were picked the page lists.
const shownPicked = 150

// Shown are those of the list that the page shows, More how many it doesn't.
func (v codesView) Shown() []merchant.Listed { return v.List[:min(len(v.List), shownPicked)] }
func (v codesView) More() int                { return len(v.List) - len(v.Shown()) }

// codesPage says what codes for the merchants who were picked would do.
func (c *Console) codesPage(v *visit) error {
	realm, err := v.realm()
	if err != nil {
		return err
	}
	if len(realm.Accounts) == 0 {
		return refuse(http.StatusNotFound, "该域没有可生成绑定码的公众号", "No account of this realm makes codes")
	}
	list, err := v.picked(realm, merchant.MostCodes)
	if err != nil {
		return err
	}
	view := codesView{Realm: realm, List: list}
	ids := make([]string, len(list))
	for i, m := range list {
		ids[i] = m.ID
	}
	view.IDs = strings.Join(ids, " ")
	for _, appID := range realm.Accounts {
		get := getting{AppID: appID}
		for _, m := range list {
			if m.Status != merchant.Disabled && !boundAt(m, appID) {
				get.Count++
			}
		}
		view.Get = append(view.Get, get)
	}
	return v.page(http.StatusOK, "codes", view)
}

// boundAt says whether somebody is bound to a merchant at an account.
func boundAt(m merchant.Listed, appID string) bool {
	return slices.ContainsFunc(m.Bindings, func(b merchant.Binding) bool { return b.AppID == appID })
}

// makeCodes makes codes and sends their images as they are made. What stops it halfway stands
// in the table at the end, as those who have a new code by then need it.
func (c *Console) makeCodes(v *visit) error {
	realm, err := v.realm()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(v.ctx)
	defer cancel()
	out := &codesFile{visit: v, realm: realm.Name, names: map[string]bool{}}
	err = c.Merchants.MakeCodes(ctx, merchant.Bulk{
		Realm: realm.Name, AppID: v.r.PostFormValue("appid"), Merchants: strings.Fields(v.r.PostFormValue("ids")),
		Life: lives[v.r.PostFormValue("life")], By: v.staff.Actor(),
	}, func(m merchant.MadeCode) {
		if out.add(m) != nil {
			cancel() // nobody gets the others
		}
	})
	if err != nil && out.zip == nil {
		return err
	}
	if err != nil || out.failed != nil {
		v.ended("refused", cutOff)
		c.Log.ErrorContext(v.ctx, "making codes for a list was cut off", "made", len(out.names), "error", err, "writing", out.failed)
	}
	return out.close()
}

// cutOff is what the journal says where not all got theirs.
var cutOff = Text{"中断", "cut off"}

// codesFile is a ZIP file of codes: an image each, and a table of all.
type codesFile struct {
	*visit
	realm  string
	zip    *zip.Writer // nil before the first code
	names  map[string]bool
	list   []merchant.MadeCode
	failed error
}

func (f *codesFile) begin() {
	f.w.Header().Set("Content-Type", "application/zip")
	f.w.Header().Set("Content-Disposition", `attachment; filename="codes-`+f.realm+`.zip"`)
	f.zip = zip.NewWriter(f.w)
}

// add puts what became of a merchant into the file.
func (f *codesFile) add(m merchant.MadeCode) error {
	f.list = append(f.list, m)
	if m.Fault != nil || f.failed != nil {
		return f.failed
	}
	if f.zip == nil {
		f.begin()
	}
	_, png, err := f.Draw(m.Code.URL)
	if err != nil { // its link is in the table
		f.Log.ErrorContext(f.ctx, "drawing a code", "error", err)
		f.ended("done", undrawn)
		return nil
	}
	f.failed = f.write(f.name(m), zip.Store, png) // it is packed already
	return f.failed
}

func (f *codesFile) write(name string, method uint16, content []byte) error {
	w, err := f.zip.CreateHeader(&zip.FileHeader{Name: name, Method: method, Modified: f.Now()})
	if err == nil {
		_, err = w.Write(content)
	}
	if err == nil {
		err = f.zip.Flush()
	}
	if err == nil {
		err = http.NewResponseController(f.w).Flush()
	}
	return err
}

// close writes the table, which says who got no code and why.
func (f *codesFile) close() error {
	if f.zip == nil {
		f.begin()
	}
	var table strings.Builder
	if err := merchant.WriteCodes(&table, f.list); err != nil {
		return err
	}
	if err := f.write("codes.csv", zip.Deflate, []byte(table.String())); err != nil {
		f.ended("refused", cutOff)
		return nil // the answer is under way, or nobody waits for it
	}
	_ = f.zip.Close()
	return nil
}

// longestName bounds the name of a file, in bytes: most file systems take 255.
const longestName = 200

// name is what the image of a merchant's code is called: <id>-<name>.png, with what some
// file systems don't take replaced. No two have the same, in any letters.
func (f *codesFile) name(m merchant.MadeCode) string {
	text := strings.Map(func(r rune) rune {
		switch {
		case unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r) || strings.ContainsRune("-_.() ", r):
			return r
		case unicode.IsGraphic(r):
			return '_'
		}
		return -1
	}, m.Name)
	for len(m.Merchant)+1+len(text) > longestName {
		_, last := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-last]
	}
	stem := m.Merchant + "-" + strings.TrimRight(text, " .")
	name := stem
	for i := 2; f.names[strings.ToLower(name)]; i++ {
		name = stem + "-" + strconv.Itoa(i)
	}
	f.names[strings.ToLower(name)] = true
	return name + ".png"
}
