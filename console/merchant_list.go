package console

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/caddy-wsite/caddy-wsite/merchant"
)

// listSize is how many merchants a page of the list has.
const listSize = 50

type merchantsView struct {
	Realm         Realm
	Realms        []Realm
	Filter        merchant.Filter
	Find          string // the search of the filter, as addresses have it
	Total         int64
	List          []merchant.Listed
	Before, After string // addresses of the pages beside
}

func (c *Console) merchantsHome(v *visit) error {
	if len(c.Realms()) == 0 {
		return notFound
	}
	return v.to("/merchants/" + c.Realms()[0].Name)
}

// merchantsPage lists merchants, those first whom nobody is bound to.
func (c *Console) merchantsPage(v *visit) error {
	realm, err := v.realm()
	if err != nil {
		return err
	}
	f, err := v.filter(realm)
	if err != nil {
		return err
	}
	q := v.r.URL.Query()
	f.Backward, f.Limit = q.Get("back") != "", listSize
	if group, id, ok := strings.Cut(q.Get("from"), "."); ok {
		f.From = merchant.Place{Bound: group == "bound", ID: strings.ToValidUTF8(strings.ReplaceAll(id, "\x00", ""), "")}
	}
	list, before, after, err := c.Merchants.List(v.ctx, f)
	if err != nil {
		return err
	}
	total, err := c.Merchants.Count(v.ctx, f)
	if err != nil {
		return err
	}
	view := merchantsView{Realm: realm, Realms: c.Realms(), Filter: f, Find: q.Get("find"), Total: total, List: list}
	if before && len(list) > 0 {
		view.Before = view.beside(list[0].Place(), true)
	}
	if after && len(list) > 0 {
		view.After = view.beside(list[len(list)-1].Place(), false)
	}
	return v.page(http.StatusOK, "merchants", view)
}

// filter is what of the list is asked for.
func (v *visit) filter(realm Realm) (merchant.Filter, error) {
	q := v.r.URL.Query()
	f := merchant.Filter{Realm: realm.Name, Shown: merchant.Shown(q.Get("shown")), Status: merchant.Status(q.Get("status"))}
	if !slices.Contains([]merchant.Shown{merchant.ShowAll, merchant.ShowUnbound, merchant.ShowBound, merchant.ShowUnfollowed}, f.Shown) ||
		!slices.Contains([]merchant.Status{"", merchant.Normal, merchant.Disabled}, f.Status) {
		return f, notFound
	}
	if q.Get("find") == "" {
		return f, nil
	}
	sealed, err := base64.RawURLEncoding.DecodeString(q.Get("find"))
	if err != nil {
		return f, searchOver
	}
	search, _, err := v.Sealer.Open(sealed, "search "+realm.Name)
	if err != nil {
		return f, searchOver
	}
	f.Search = string(search)
	return f, nil
}

var searchOver = refuse(http.StatusBadRequest, "搜索已失效，请重新查找", "This search is too old: search again")

// longestSearch is how long a search may be, in characters.
const longestSearch = 200

// findMerchants goes to the list of those who were searched for. Phones are searched for, so
// no address has the search as it is, nor has a log.
func (c *Console) findMerchants(v *visit) error {
	realm, err := v.realm()
	if err != nil {
		return err
	}
	q := url.Values{"shown": {v.r.PostFormValue("shown")}, "status": {v.r.PostFormValue("status")}}
	search := strings.TrimSpace(v.r.PostFormValue("q"))
	if utf8.RuneCountInString(search) > longestSearch {
		return refuse(http.StatusBadRequest, "搜索内容最多 200 个字符", "A search has 200 characters at most")
	}
	if search != "" {
		q.Set("find", base64.RawURLEncoding.EncodeToString(c.Sealer.Seal([]byte(search), "search "+realm.Name)))
	}
	return v.to("/merchants/" + realm.Name + "?" + q.Encode())
}

// beside is the address of the page before or behind a place.
func (v merchantsView) beside(at merchant.Place, back bool) string {
	q := url.Values{}
	q.Set("shown", string(v.Filter.Shown))
	q.Set("status", string(v.Filter.Status))
	q.Set("find", v.Find)
	q.Set("from", map[bool]string{true: "bound.", false: "unbound."}[at.Bound]+at.ID)
	if back {
		q.Set("back", "1")
	}
	return "?" + q.Encode()
}

// picked are the merchants whom somebody has ticked on the list or, with all, those that its
// filter picks; more than most are refused.
func (v *visit) picked(realm Realm, most int) ([]merchant.Listed, error) {
	q := v.r.URL.Query()
	tooMany := refuse(http.StatusBadRequest, fmt.Sprintf("一次最多选择 %d 个商户，请缩小筛选范围", most), fmt.Sprintf("At most %d merchants at once: narrow the filter", most))
	var list []merchant.Listed
	if q.Get("all") == "" {
		if len(q["id"]) > most {
			return nil, tooMany
		}
		for _, id := range q["id"] {
			m, err := v.Merchants.Get(v.ctx, realm.Name, id)
			if err != nil {
				return nil, err
			}
			list = append(list, m)
		}
	} else {
		f, err := v.filter(realm)
		if err != nil {
			return nil, err
		}
		f.Limit = 200
		for more := true; more && len(list) <= most; {
			var page []merchant.Listed
			if page, _, more, err = v.Merchants.List(v.ctx, f); err != nil {
				return nil, err
			}
			if list = append(list, page...); len(page) > 0 {
				f.From = page[len(page)-1].Place()
			}
		}
	}
	switch {
	case len(list) == 0:
		return nil, refuse(http.StatusBadRequest, "请先勾选商户", "Tick some merchants first")
	case len(list) > most:
		return nil, tooMany
	}
	return list, nil
}
