package caddymodule

import (
	"errors"
	"fmt"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// act is what a visitor does.
func (s *story) act(v *storyVisitor, verb string, words []string) error {
	words, headers, err := withHeader(words)
	if err != nil {
		return err
	}
	switch {
	case verb == "steps" && len(words) == 2 && words[0] == "to":
		words = words[1:]
	case verb == "steps":
		return errors.New("steps to a path")
	case verb == "follows" && len(words) == 0:
		to, _, _ := strings.Cut(v.page.next(), "#")
		if to == "" {
			return errors.New("the last answer leads nowhere")
		}
		words = []string{to}
	}
	if len(words) != 1 {
		return errors.New("needs one word")
	}
	if verb == "forgets" {
		s.checked = true
		return s.forget(v, words[0])
	}
	page, err := s.travel(v, verb, words[0], headers)
	v.page, s.page = page, page
	return err
}

// withHeader takes `with NAME: VALUE` off the end of a line.
func withHeader(words []string) (rest, header []string, err error) {
	i := slices.Index(words, "with")
	if i < 0 {
		return words, nil, nil
	}
	name, value, ok := strings.Cut(strings.Join(words[i+1:], " "), ": ")
	if !ok {
		return nil, nil, errors.New("a header is written `NAME: VALUE`")
	}
	return words[:i], []string{name, value}, nil
}

// travel takes a visitor somewhere.
func (s *story) travel(v *storyVisitor, verb, path string, header []string) (seenPage, error) {
	if header != nil && verb != "opens" && verb != "posts" {
		return seenPage{}, fmt.Errorf("who %s sends no header of his own", verb)
	}
	switch verb {
	case "opens":
		if header != nil {
			navigation := []string{"Accept", "text/html,application/xhtml+xml", "X-Requested-With", "com.tencent.mm"}
			return v.send("GET", s.address(path), nil, append(navigation, header...)...), nil
		}
		return v.open(s.address(path)), nil
	case "steps", "follows":
		return v.step(s.address(path)), nil
	case "fetches":
		return v.fetch("GET", s.address(path)), nil
	case "posts":
		form := []string{"Content-Type", "application/x-www-form-urlencoded", "Accept", "*/*"}
		return v.send("POST", s.address(path), strings.NewReader("a=b"), append(form, header...)...), nil
	case "presses":
		return s.press(v, path)
	}
	return seenPage{}, fmt.Errorf("unknown verb %q", verb)
}

func (s *story) forget(v *storyVisitor, kind string) error {
	if id := storyAppIDs[kind]; id != "" {
		kind = id
	} else if kind != cookieLogin && kind != cookieGuest {
		return fmt.Errorf("we have no cookie %q", kind)
	}
	v.forget(s.g, kind)
	return nil
}

// address is the whole address of a path of the story.
func (s *story) address(path string) string {
	if strings.HasPrefix(path, "/") {
		path = s.g.url + storyAccounts.Replace(path)
	}
	return path
}

// press takes the link or sends the form of our page that is called so.
func (s *story) press(v *storyVisitor, id string) (seenPage, error) {
	if id == "form" {
		m := regexp.MustCompile(`<form method="post" action="([^"]*)"`).FindStringSubmatch(v.page.Body)
		if m == nil {
			return seenPage{}, errors.New("the page has no form")
		}
		page := v.send("POST", s.address(html.UnescapeString(m[1])), strings.NewReader(""), "Accept", "text/html", "Content-Type", "application/x-www-form-urlencoded", "Origin", s.g.url)
		if to := page.Header.Get("Location"); to != "" {
			return v.open(s.address(to)), nil
		}
		return page, nil
	}
	m := regexp.MustCompile(`<a class="[^"]*" id="` + regexp.QuoteMeta(id) + `" href="([^"]*)"`).FindStringSubmatch(v.page.Body)
	if m == nil {
		return seenPage{}, fmt.Errorf("the page has no %q: %.300s", id, v.page.Body)
	}
	return v.open(s.address(html.UnescapeString(m[1]))), nil
}

// check is what an indented line says.
func (s *story) check(words []string) error {
	rest := words[1:]
	text := strings.TrimSpace(strings.TrimPrefix(s.text, words[0]))
	switch {
	case words[0] == "prints" && text != "" && s.shell != nil:
		s.wantf(strings.Contains(s.shell.out, text), "got:\n%s", s.shell.out)
	case words[0] == "status" && len(rest) == 1:
		s.wantf(strconv.Itoa(s.page.Status) == rest[0], "got %d: %.300s", s.page.Status, s.page.Body)
	case words[0] == "ends" && len(rest) == 2 && rest[0] == "at":
		at := s.page.URL
		if s.page.Fragment != "" {
			at += "#" + s.page.Fragment
		}
		s.wantf(at == s.address(rest[1]), "got %s with %d: %.300s", at, s.page.Status, s.page.Body)
	case words[0] == "goes" && len(rest) > 1 && rest[0] == "to":
		return s.goes(rest[1:])
	case words[0] == "refused" && len(rest) == 1:
		said, known := refusals[code(rest[0])]
		if !known {
			return fmt.Errorf("there is no code %q", rest[0])
		}
		s.wantf(s.page.refusal() == rest[0] && s.page.Status == said.status, "got %d %q: %.300s", s.page.Status, s.page.refusal(), s.page.Body)
	case words[0] == "page" && text != "":
		s.wantf(strings.Contains(s.page.Body, text), "got %d: %s", s.page.Status, s.page.Body)
	case words[0] == "no" && text != "":
		s.wantf(!strings.Contains(s.page.Body, text), "got %d: %s", s.page.Status, s.page.Body)
	case words[0] == "site" && len(rest) > 1 && rest[0] == "saw":
		return s.siteSaw(rest[1:])
	case words[0] == "facts" && len(rest) > 0:
		rows := s.g.rows(s.t)
		return s.counts(rest, func(table string) (int, bool) { n, ok := rows[table]; return n, ok })
	case words[0] == "wechat" && len(rest) > 0:
		return s.counts(rest, func(path string) (int, bool) { return s.g.sim.Calls(path), strings.HasPrefix(path, "/") })
	default:
		return fmt.Errorf("unknown word %q", words[0])
	}
	return nil
}

func (s *story) goes(words []string) error {
	got := s.page.next()
	if words[0] != "wechat" {
		s.wantf(len(words) == 1 && s.address(got) == s.address(words[0]), "got %q with %d: %.300s", got, s.page.Status, s.page.Body)
		return nil
	}
	set, err := settings(words[1:], "scope")
	if err != nil {
		return err
	}
	u, err := url.Parse(got)
	s.wantf(err == nil && u.Path == "/connect/oauth2/authorize" && u.Query().Get("scope") == set["scope"] && u.Query().Get("state") != "", "got %q with %d: %.300s", got, s.page.Status, s.page.Body)
	return nil
}

func (s *story) counts(words []string, count func(string) (int, bool)) error {
	for _, word := range words {
		name, want, _ := strings.Cut(word, "=")
		n, known := count(name)
		if !known {
			return fmt.Errorf("nothing is called %q here", name)
		}
		s.wantf(strconv.Itoa(n) == want, "got %s=%d", name, n)
	}
	return nil
}

// siteSaw compares what the site was told with what the story says.
func (s *story) siteSaw(words []string) error {
	up := s.g.upstream
	arrived := up.count() > s.sites
	if words[0] == "nothing" && len(words) == 1 {
		s.wantf(!arrived, "got %s %s", up.last().Method, up.last().URI)
		return nil
	}
	if !arrived {
		s.wantf(false, "no request reached the site; the last answer was %d: %.300s", s.page.Status, s.page.Body)
		return nil
	}
	saw := up.last()
	token := saw.Header.Get(headerUser)
	if words[0] == "nobody" {
		s.wantf(len(saw.Header[headerUser]) == 0, "got X-User: %q", token)
		words = words[1:]
	}
	var user identity.Token
	if token != "" {
		_, ptid := step(strings.TrimPrefix(saw.Header.Get(headerPrefix), "/wsite"))
		user = s.g.verify(token, s.g.app.directory().Site(ptid[1:]).Audience)
	}
	for _, word := range words {
		name, want, _ := strings.Cut(word, "=")
		got, err := s.said(saw, user, name)
		if err != nil {
			return err
		}
		switch name {
		case "user":
			s.wantf(token != "", "got no X-User")
			s.sameUser(want, got)
			continue
		case "path":
			want = storyAccounts.Replace(want)
		case "appid":
			want = storyAppIDs[want]
		case "openid":
			person, account, _ := strings.Cut(want, "@")
			want = s.g.sim.OpenID(person, storyAppIDs[account])
		}
		s.wantf(got == want, "got %s=%q, want %q", name, got, want)
	}
	return nil
}

func (s *story) said(saw seen, user identity.Token, name string) (string, error) {
	switch name {
	case "path":
		return saw.URI, nil
	case "method":
		return saw.Method, nil
	case "user":
		return user.Subject, nil
	case "kind":
		return string(user.Kind), nil
	case "linked":
		return strconv.FormatBool(user.Linked), nil
	case "appid":
		return user.AppID, nil
	case "openid":
		return user.OpenID, nil
	case "amr":
		return strings.Join(user.AMR, ","), nil
	case "prev":
		return strconv.FormatBool(len(user.Prev) > 0), nil
	}
	return "", fmt.Errorf("unknown word %q", name)
}

// sameUser holds one name to one user.
func (s *story) sameUser(name, id string) {
	for other, known := range s.users {
		if other != name {
			s.wantf(known != id, "got %s, who is %s already", id, other)
		}
	}
	if s.users[name] == "" {
		s.users[name] = id
	}
	s.wantf(s.users[name] == id, "got %s, and %s was %s", id, name, s.users[name])
}
