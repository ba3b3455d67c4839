package caddymodule

import (
	"fmt"
	"strings"
	"testing"
)

// TestStory_words tests the runner: what it doesn't understand, it doesn't pass over.
func TestStory_words(t *testing.T) {
	t.Parallel()
	play := func(t *testing.T, told string) ([]string, error) {
		told0, files := archive(told)
		failed := &failures{TB: t}
		s := &story{t: failed, file: "a.txtar", visitors: map[string]*storyVisitor{}, users: map[string]string{}}
		err := s.play(told0, files)
		return failed.said, err
	}
	const opens = "visitor ming\nming opens /wsite/A/game/\n"
	for told, want := range map[string]string{
		"visitor ming colour=red\n":                                `a.txtar:1: visitor ming colour=red: unknown word "colour=red"`,
		"visitor ming agent=nokia\n":                               `unknown agent "nokia"`,
		"visitor two person=nobody\n":                              `there is no person "nobody"`,
		"ming opens /\n":                                           `nobody called "ming" has entered`,
		"visitor ming\nming dances wildly\n":                       `a.txtar:2: ming dances wildly: unknown verb "dances"`,
		"fault flood\n":                                            `unknown fault "flood"`,
		"fault slow twice\n":                                       `unknown word "twice"`,
		opens + "  status\n":                                       `unknown word "status"`,
		opens + "  smells like roses\n":                            `unknown word "smells"`,
		opens + "  site saw shoe=42\n":                             `unknown word "shoe"`,
		opens + "  facts unicorns=1\n":                             `nothing is called "unicorns" here`,
		opens + "  refused politely\n":                             `there is no code "politely"`,
		opens + "ming presses allow\n  status 200\n":               `the page has no "allow"`,
		opens + "ming follows\n  status 200\n":                     "leads nowhere",
		opens:                                                      "nothing is said of how it ends",
		opens + "  status 200\n-- notes --\nhello\n":               `no use for a file called "notes"`,
		opens + "  status 200\n-- changes --\nno such line -> y\n": "changes nothing",
	} {
		t.Run(strings.ReplaceAll(strings.TrimSpace(told), "\n", "; "), func(t *testing.T) {
			t.Parallel()
			if _, err := play(t, told); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("playing: %v, want %s", err, want)
			}
		})
	}
	for told, want := range map[string]string{
		opens + "  status 201\n":                                                             "a.txtar:3: status 201\n  got 200",
		opens + "  ends at /wsite/A/shop/\n":                                                 "got http://",
		opens + "  refused bug\n":                                                            `got 200 ""`,
		opens + "  page no such thing\n":                                                     "got 200",
		opens + "  site saw nothing\n":                                                       "got GET /wsite/",
		opens + "  site saw nobody\n":                                                        "got X-User",
		opens + "  site saw kind=real\n":                                                     `got kind="virtual", want "real"`,
		opens + "  facts openid_key=7\n":                                                     "got openid_key=1",
		opens + "  wechat /sns/oauth2/access_token=0\n":                                      "got /sns/oauth2/access_token=1",
		"visitor ming\nming steps to /wsite/A/game/\n" + "  site saw user=x\n":               "no request reached the site",
		opens + "  site saw user=x\n  site saw user=y\n":                                     "who is x already",
		opens + "  site saw user=x\nming opens /wsite/A/club/\n" + "  site saw user=x\n":     "and x was ",
		"visitor ming\nming steps to /wsite/A/game/\n" + "  goes to wechat scope=snsapi_x\n": "/connect/oauth2/authorize",
	} {
		t.Run("what is otherwise fails: "+strings.ReplaceAll(strings.TrimSpace(told), "\n", "; "), func(t *testing.T) {
			t.Parallel()
			failed, err := play(t, told)
			if err != nil || len(failed) == 0 || !strings.Contains(failed[0], want) {
				t.Errorf("playing: %v; it said %q, want %q", err, failed, want)
			}
		})
	}
}

// failures keeps what a test would have failed with.
type failures struct {
	testing.TB
	said []string
}

func (f *failures) Errorf(format string, args ...any) {
	f.said = append(f.said, fmt.Sprintf(format, args...))
}
