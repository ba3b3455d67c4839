package caddymodule

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/wechat/wechatsim"
)

// TestStory plays testdata/story/*.txtar. A story is told before the first file of
// the archive, one sentence a line. A line at the margin is something that happens;
// an indented one below it is what comes of it. A word that the runner doesn't know
// is fatal: it would prove nothing.
//
// The file "Caddyfile" replaces the standard one; each line "old -> new" of the file
// "changes" changes it. The accounts are called A, B, C and D, also in paths:
// /wsite/A/shop/ stands for the address with the app id in it.
//
// What happens, with P for a visitor's name:
//
//	visitor P [person=NAME] [agent=android|ios|desktop] [keeps=nothing]
//	P opens PATH [with NAME: VALUE]     and goes where he is sent, to the end
//	P steps to PATH                     and stops at the first answer
//	P follows                           one step to where he was sent
//	P fetches PATH                      as a page's script does
//	P posts PATH [with NAME: VALUE]     as a form does
//	P presses ID                        the button of our page that is called so
//	P forgets KIND                      our cookie of an account (A), "login" or "guest"
//	fault NAME [times=N|always]         happens at WeChat
//	heal                                ends all faults
//	consent allow|refuse                is what people answer WeChat
//	time passes DURATION                for everybody
//	shell COMMAND                       what the README says to type
//
// What comes of it:
//
//	status N                            the last answer's
//	ends at PATH                        with its query and fragment
//	goes to PATH                        that is where the answer sends him
//	goes to wechat scope=SCOPE
//	refused CODE                        by us, with that code's status
//	page TEXT, no TEXT                  what the last page holds, and doesn't
//	site saw nothing                    no request reached the site
//	site saw nobody                     no X-User came along
//	site saw WORD=VALUE …               of the token; user=NAME is the same user wherever
//	                                    NAME is, and another one wherever it isn't;
//	                                    path=PATH and method=METHOD are the request's
//	facts TABLE=N …                     rows
//	wechat PATH=N …                     calls so far
//	prints TEXT                         the last shell command
func TestStory(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/story/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no stories: %v", err)
	}
	for _, file := range files {
		t.Run(strings.ReplaceAll(strings.TrimSuffix(filepath.Base(file), ".txtar"), "_", " "), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			told, files := archive(string(text))
			s := &story{t: t, file: file, visitors: map[string]*storyVisitor{}, users: map[string]string{}}
			if err := s.play(told, files); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// archive takes a txtar archive apart.
func archive(text string) (comment string, files map[string]string) {
	files = map[string]string{}
	marks := regexp.MustCompile(`(?m)^-- (\S+) --\n`).FindAllStringSubmatchIndex(text, -1)
	comment = text
	for i, m := range marks {
		end := len(text)
		if i+1 < len(marks) {
			end = marks[i+1][0]
		}
		files[text[m[2]:m[3]]] = text[m[1]:end]
		if i == 0 {
			comment = text[:m[0]]
		}
	}
	return comment, files
}

// story is one that is being played.
type story struct {
	t        testing.TB
	file     string
	line     int
	text     string // of the line
	g        *gateway
	shell    *shell
	visitors map[string]*storyVisitor
	users    map[string]string // user ids by the names that the story has for them
	page     seenPage          // the last answer
	sites    int               // requests that the site had seen before
	checked  bool
}

// storyVisitor is a phone and the page that it shows.
type storyVisitor struct {
	*phone
	page seenPage
}

var storyAccounts = strings.NewReplacer("/wsite/A/", "/wsite/"+appA+"/", "/wsite/B/", "/wsite/"+appB+"/", "/wsite/C/", "/wsite/"+appLone+"/", "/wsite/D/", "/wsite/"+appSub+"/")

var storyAppIDs = map[string]string{"A": appA, "B": appB, "C": appLone, "D": appSub}

// play plays a story. Its error says that the story is written wrongly; what turns
// out otherwise than told fails the test.
func (s *story) play(told string, files map[string]string) error {
	if !strings.Contains(told, "\nshell ") {
		if err := s.begin(files); err != nil {
			return err
		}
	}
	s.checked = true
	for i, line := range strings.Split(told, "\n") {
		s.line, s.text = i+1, strings.TrimSpace(line)
		if s.text == "" || strings.HasPrefix(s.text, "#") {
			continue
		}
		var err error
		if line[0] == ' ' || line[0] == '\t' {
			s.checked = true
			err = s.check(strings.Fields(s.text))
		} else {
			err = s.do(strings.Fields(s.text))
		}
		if err != nil {
			return fmt.Errorf("%s:%d: %s: %w", s.file, s.line, s.text, err)
		}
	}
	if !s.checked {
		return fmt.Errorf("%s: nothing is said of how it ends", s.file)
	}
	return nil
}

// begin starts the gateway that the story is about.
func (s *story) begin(files map[string]string) error {
	text, changes := standard, []string{}
	for name, body := range files {
		switch name {
		case "Caddyfile":
			text = body
		case "changes":
			for line := range strings.Lines(body) {
				from, to, ok := strings.Cut(strings.TrimSpace(line), " -> ")
				if !ok || !strings.Contains(text, from) {
					return fmt.Errorf("%s: the change %q changes nothing", s.file, line)
				}
				changes = append(changes, from, strings.ReplaceAll(to, `\n`, "\n"))
			}
		default:
			return fmt.Errorf("%s: the runner has no use for a file called %q", s.file, name)
		}
	}
	s.g = startGatewayOn(s.t, simulated(s.t), text, s.t.TempDir(), changes...)
	return nil
}

// wantf fails the test at the story's line.
func (s *story) wantf(ok bool, format string, args ...any) {
	s.t.Helper()
	if !ok {
		s.t.Errorf("%s:%d: %s\n  %s", s.file, s.line, s.text, fmt.Sprintf(format, args...))
	}
}

// settings reads words of the form name=value, and refuses others than known.
func settings(words []string, known ...string) (map[string]string, error) {
	set := map[string]string{}
	for _, word := range words {
		name, value, _ := strings.Cut(word, "=")
		ok := false
		for _, k := range known {
			ok = ok || k == name
		}
		if !ok {
			return nil, fmt.Errorf("unknown word %q", word)
		}
		set[name] = value
	}
	return set, nil
}

// do plays a line at the margin.
func (s *story) do(words []string) error {
	if visitor := s.visitors[words[0]]; visitor != nil && len(words) > 1 {
		if s.g.upstream != nil {
			s.sites = s.g.upstream.count()
		}
		s.checked = false
		return s.act(visitor, words[1], words[2:])
	}
	rest := words[1:]
	switch {
	case words[0] == "visitor" && len(rest) > 0:
		return s.enter(rest[0], rest[1:])
	case words[0] == "fault" && len(rest) > 0:
		return s.fault(rest[0], rest[1:])
	case words[0] == "heal" && len(rest) == 0:
		s.g.sim.Disarm("")
		return nil
	case words[0] == "consent" && len(rest) == 1 && (rest[0] == "allow" || rest[0] == "refuse"):
		s.g.sim.Answer(rest[0])
		return nil
	case words[0] == "time" && len(rest) == 2 && rest[0] == "passes":
		passed, err := time.ParseDuration(rest[1])
		if err != nil {
			return err
		}
		s.g.advance(passed)
		s.g.sim.Advance(passed)
		return nil
	case words[0] == "shell":
		s.checked = false
		if s.shell == nil {
			s.shell = newShell(s.t)
		}
		return s.shell.run(strings.TrimPrefix(s.text, "shell "))
	}
	return fmt.Errorf("nobody called %q has entered, and nothing is called so", words[0])
}

// enter brings a visitor in.
func (s *story) enter(name string, words []string) error {
	set, err := settings(words, "person", "agent", "keeps")
	if err != nil {
		return err
	}
	person := set["person"]
	if person == "" {
		person = name
		if !knownPerson(s.g.sim, name) {
			s.g.sim.Add(wechatsim.Person{Name: name, Nickname: name})
		}
	} else if !knownPerson(s.g.sim, person) {
		return fmt.Errorf("there is no person %q", person)
	}
	p := s.g.phone(person)
	switch set["agent"] {
	case "", "android":
	case "ios":
		p.ua = uaIOS
	case "desktop":
		p.ua = uaDesktop
	default:
		return fmt.Errorf("unknown agent %q", set["agent"])
	}
	switch set["keeps"] {
	case "":
	case "nothing":
		p.client.Jar = onlyOf{p.jar, s.g.sim.URL}
	default:
		return fmt.Errorf("unknown word %q", set["keeps"])
	}
	s.visitors[name] = &storyVisitor{phone: p}
	return nil
}

func knownPerson(sim *wechatsim.Server, name string) bool {
	for _, p := range sim.People() {
		if p.Name == name {
			return true
		}
	}
	return false
}

// onlyOf is a browser's jar that keeps the cookies of one origin only.
type onlyOf struct {
	http.CookieJar
	origin string
}

func (j onlyOf) SetCookies(u *url.URL, cookies []*http.Cookie) {
	if strings.HasPrefix(u.String(), j.origin) {
		j.CookieJar.SetCookies(u, cookies)
	}
}

func (s *story) fault(name string, words []string) error {
	set, err := settings(words, "times", "always")
	if err != nil {
		return err
	}
	known := false
	for _, f := range wechatsim.Faults {
		known = known || f.Name == name
	}
	if !known {
		return fmt.Errorf("unknown fault %q", name)
	}
	if _, always := set["always"]; always {
		s.g.sim.Fail(name, wechatsim.Always())
		return nil
	}
	times := 1
	if n := set["times"]; n != "" {
		if _, err := fmt.Sscanf(n, "%d", &times); err != nil {
			return err
		}
	}
	s.g.sim.Fail(name, wechatsim.Times(times))
	return nil
}
