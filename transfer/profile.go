package transfer

import (
	"fmt"
	"slices"
	"strings"
)

// Profile says in which columns a product keeps what an import reads. Columns are
// compared without regard to case and underscores, so that `open_id` in a table is
// `openId` in the same product's JSON.
type Profile struct {
	Name                         string
	AppID, OpenID, UnionID, User string
	// Kind and Hint are columns of our own exports.
	Kind, Hint string
	// Deleted marks a row that the product shows to nobody any more. It is left out.
	Deleted string
	// Subscribe is only counted: an import makes links, not followers.
	Subscribe string
	// Meaning says what the values of Subscribe mean, for people.
	Meaning string
}

// Profiles are the products known by name, the plain table first.
var Profiles = []Profile{
	{Name: "plain", AppID: "appid", OpenID: "openid", UnionID: "unionid", User: "user", Kind: "kind", Hint: "hint"},
	{
		// wx_user of JooLun. Editions with several accounts have app_id; those with a
		// mall have mall_user_id.
		Name: "joolun", AppID: "app_id", OpenID: "open_id", UnionID: "union_id", User: "mall_user_id", Deleted: "del_flag",
		Subscribe: "subscribe", Meaning: "0 was 'follows' in early editions of JooLun and is 'doesn't' in later ones",
	},
	{
		// wx_user of niefy/wx-api. It knows no users of its own.
		Name: "wx-api", AppID: "appid", OpenID: "openid", UnionID: "unionid",
		Subscribe: "subscribe", Meaning: "1 is 'follows' in wx-api, as far as it could tell by a nickname",
	},
	{
		// mp_user of Yudao (ruoyi-vue-pro). It knows no users of its own.
		Name: "yudao", AppID: "app_id", OpenID: "openid", UnionID: "union_id", Deleted: "deleted",
		Subscribe: "subscribe_status", Meaning: "0 is 'follows' in Yudao",
	},
}

// ProfileNamed returns a profile by its name.
func ProfileNamed(name string) (Profile, error) {
	var names []string
	for _, p := range Profiles {
		if p.Name == name {
			return p, nil
		}
		names = append(names, p.Name)
	}
	return Profile{}, fmt.Errorf("there is no profile %q: use one of %s, or --map", name, strings.Join(names, ", "))
}

// Map replaces columns by those of a list such as `openid=OPEN,user=MEMBER_ID`.
func (p Profile) Map(list string) (Profile, error) {
	if list == "" {
		return p, nil
	}
	places := map[string]*string{"appid": &p.AppID, "openid": &p.OpenID, "unionid": &p.UnionID, "user": &p.User}
	for _, pair := range strings.Split(list, ",") {
		what, column, ok := strings.Cut(pair, "=")
		place := places[strings.TrimSpace(what)]
		if !ok || place == nil || strings.TrimSpace(column) == "" {
			return p, fmt.Errorf("--map %q: write openid=COLUMN,unionid=COLUMN,user=COLUMN,appid=COLUMN, those that you need", pair)
		}
		*place = strings.TrimSpace(column)
	}
	return p, nil
}

// columns are the places of a profile's columns in a header; -1 where there is none.
type columns struct {
	appID, openID, unionID, user, kind, hint, deleted, subscribe int
	width                                                        int
}

// find finds the columns of a profile among names, and says what is missing and what
// is there. Without an account for all rows, each has to name its own.
func (p Profile) find(names []string, account string) (columns, error) {
	c := columns{width: len(names)}
	var missing []string
	for _, col := range []struct {
		name  string
		place *int
	}{
		{p.AppID, &c.appID},
		{p.OpenID, &c.openID},
		{p.UnionID, &c.unionID},
		{p.User, &c.user},
		{p.Kind, &c.kind},
		{p.Hint, &c.hint},
		{p.Deleted, &c.deleted},
		{p.Subscribe, &c.subscribe},
	} {
		at, err := place(names, col.name)
		if err != nil {
			return c, err
		}
		*col.place = at
	}
	if c.openID < 0 {
		missing = append(missing, p.OpenID)
	}
	if c.unionID < 0 && c.user < 0 {
		missing = append(missing, strings.Join(slices.DeleteFunc([]string{p.UnionID, p.User}, func(s string) bool { return s == "" }), " or "))
	}
	if c.appID < 0 && account == "" {
		missing = append(missing, p.AppID+" (or say --account)")
	}
	if len(missing) > 0 {
		return c, fmt.Errorf("the columns %s are missing; there are %s: choose another --profile, or name the columns with --map", strings.Join(missing, ", "), shown(names))
	}
	return c, nil
}

// names are the columns that the profile has.
func (p Profile) names() []string {
	all := []string{p.AppID, p.OpenID, p.UnionID, p.User, p.Kind, p.Hint, p.Deleted, p.Subscribe}
	return slices.DeleteFunc(all, func(name string) bool { return name == "" })
}

// place is where a column stands: under its very name, or under one that differs only
// in case and underscores.
func place(names []string, column string) (int, error) {
	if column == "" {
		return -1, nil
	}
	if at := slices.Index(names, column); at >= 0 {
		return at, nil
	}
	found := -1
	for i, name := range names {
		if folded(name) != folded(column) {
			continue
		}
		if found >= 0 {
			return -1, fmt.Errorf("the columns %q and %q could both be %s: say which with --map", names[found], name, column)
		}
		found = i
	}
	return found, nil
}

// differing adds to names those that differ from them in more than case and underscores.
func differing(names, more []string) []string {
	for _, name := range more {
		if !slices.ContainsFunc(names, func(known string) bool { return folded(known) == folded(name) }) {
			names = append(names, name)
		}
	}
	return names
}

func folded(name string) string {
	return strings.ToLower(strings.ReplaceAll(strings.TrimSpace(name), "_", ""))
}

// shown lists column names for an error: the file may not be a table at all.
func shown(names []string) string {
	const most = 40
	var list []string
	for _, name := range names[:min(len(names), most)] {
		if len(name) > most {
			name = name[:most] + "…"
		}
		list = append(list, fmt.Sprintf("%q", name))
	}
	if len(names) > most {
		list = append(list, "…")
	}
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}
