package console

import (
	"cmp"
	"html/template"
	"strings"
	"time"

	"github.com/caddy-wsite/caddy-wsite/directory"
	"github.com/caddy-wsite/caddy-wsite/merchant"
)

// pagesIn are all templates by language and name, which tell the time of a zone, and what
// accounts are called.
func pagesIn(zone *time.Location, accountName func(appID string) string) map[string]map[string]*template.Template {
	files, err := pageFiles.ReadDir("pages")
	if err != nil {
		panic(err)
	}
	all := map[string]map[string]*template.Template{}
	for _, lang := range []string{"zh", "en"} {
		all[lang] = map[string]*template.Template{}
		for _, file := range files {
			name := strings.TrimSuffix(file.Name(), ".html")
			if name != "layout" {
				all[lang][name] = template.Must(template.New(name).Funcs(words(lang, zone, accountName)).ParseFS(pageFiles, "pages/layout.html", "pages/"+file.Name()))
			}
		}
	}
	return all
}

// zoneName is what pages call a zone.
func zoneName(zone *time.Location) Text {
	if zone.String() == "Asia/Shanghai" {
		return Text{"北京时间", "Beijing time"}
	}
	return Text{zone.String(), zone.String()}
}

// words are the functions of templates in a language, for pagesIn.
func words(lang string, zone *time.Location, accountName func(appID string) string) template.FuncMap {
	t := func(zh, en string) string {
		if lang == "en" {
			return en
		}
		return zh
	}
	return template.FuncMap{
		"t":    t,
		"text": func(said Text) string { return t(said.ZH, said.EN) },
		"when": func(at time.Time) string {
			if at.IsZero() {
				return "–"
			}
			return at.In(zone).Format("2006-01-02 15:04")
		},
		"zone":         func() string { return t(zoneName(zone).ZH, zoneName(zone).EN) },
		"iso":          func(at time.Time) string { return at.UTC().Format(time.RFC3339) },
		"role":         func(r Role) string { return t(roleNames[r].ZH, roleNames[r].EN) },
		"mask":         Masked,
		"number":       grouped,
		"merchantPath": merchantPath,
		"noticePath":   noticePath,
		"recipient":    recipientText,
		"beside":       func(path string, at Realm, all []Realm) realmLinks { return realmLinks{path, at, all} },
		"reason":       reasonText,
		"about":        about,
		"standing":     standing,
		"noticeState":  noticeState,
		"field": func(name string) string {
			en, zh := merchant.FieldName(name)
			return t(zh, en)
		},
		// called is an account where there is little room, account where one must be sure.
		"called": func(appID string) string { return cmp.Or(accountName(appID), appID) },
		"account": func(appID string) string {
			if called := accountName(appID); called != "" {
				return called + " (" + appID + ")"
			}
			return appID
		},
		"accountKind": func(k directory.AccountKind) Text { return named(accountKinds, k) },
		"tokenKind":   func(k string) Text { return named(tokenKinds, k) },
		"alarm":       func(a string) Text { return named(alarms, a) },
		"actor":       actor,
		"codeState":   func(s merchant.State) string { said := stateText(s); return t(said.ZH, said.EN) },
		"what": func(code string) string {
			if said, known := whats[code]; known {
				return t(said.ZH, said.EN)
			}
			return code
		},
	}
}
