package caddymodule

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// demos keeps demos apart: each is the one Caddy of its process.
var demos sync.Mutex

// runningDemo is a demo and what it printed.
type runningDemo struct {
	*demo
	printed string
	stop    func() error // and wait for its end
}

// twoPorts finds a port that is free together with the next one.
func twoPorts(t testing.TB) int {
	t.Helper()
	// Below the ports that systems give to clients, which could be taken any moment.
	for port := 20_000 + os.Getpid()%8_000; port < 32_000; port += 2 {
		if free(port) == nil && free(port+1) == nil {
			return port
		}
	}
	t.Fatal("there are no two free ports side by side")
	return 0
}

// startDemo runs `caddy wsite demo` until the test is over.
func startDemo(t testing.TB, changes ...func(*demo)) *runningDemo {
	t.Helper()
	demos.Lock()
	t.Cleanup(demos.Unlock)
	var out bytes.Buffer
	ready, ended := make(chan struct{}), make(chan error, 1)
	d := &runningDemo{demo: &demo{port: twoPorts(t), out: &out, ready: func() { close(ready) }}}
	for _, change := range changes {
		change(d.demo)
	}
	ctx, cancel := context.WithCancel(t.Context())
	starting.Lock()
	go func() { ended <- d.run(ctx) }()
	select {
	case <-ready:
		starting.Unlock()
	case err := <-ended:
		starting.Unlock()
		t.Fatalf("starting the demo: %v", err)
	}
	d.printed = out.String()
	var once sync.Once
	d.stop = func() (err error) {
		once.Do(func() {
			starting.Lock()
			defer starting.Unlock()
			cancel()
			err = <-ended
		})
		return err
	}
	t.Cleanup(func() { _ = d.stop() })
	return d
}

func TestDemo(t *testing.T) {
	t.Parallel()
	scratch := t.TempDir()
	d := startDemo(t, func(d *demo) { d.data = filepath.Join(scratch, "demo-data") })

	t.Run("it says what to open and what to try", func(t *testing.T) {
		for _, want := range []string{d.simulator + "/phone/", d.origin + "/wsite/" + demoShared + "/shop/", "curl ", "jwks.json", "Ctrl-C", d.data} {
			if !strings.Contains(d.printed, want) {
				t.Errorf("%q is missing in\n%s", want, d.printed)
			}
		}
	})

	phone := &demoPhone{t: t, d: d, client: sessionOf(t)}
	phone.is("li")
	shop := phone.open(demoShared, "shop", "/")
	t.Run("a site says who it thinks the visitor is, and that it has verified it", func(t *testing.T) {
		if !strings.HasPrefix(shop.verdict, "✓") || !strings.HasPrefix(shop.user, "v") {
			t.Errorf("the shop shows %+v", shop)
		}
	})
	t.Run("what is forged is nobody", func(t *testing.T) {
		resp, err := http.Post(d.origin+"/wsite/"+demoShared+"/shop/pay/notify", "text/plain", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if text, _ := io.ReadAll(resp.Body); !strings.Contains(string(text), "sees nobody") {
			t.Errorf("the payment notification answers %s", text)
		}
	})
	t.Run("a second account knows the same user once the unionid is known", func(t *testing.T) {
		stranger := phone.open(demoPrivate, "club", "/")
		if stranger.user == "" || stranger.user == shop.user {
			t.Fatalf("the club shows %+v before it could know, the shop %+v", stranger, shop)
		}
		phone.allow(demoShared, "game", "/prize/")
		phone.allow(demoPrivate, "club", "/members/")
		members, again := phone.open(demoPrivate, "club", "/members/"), phone.open(demoShared, "shop", "/")
		if members.user == "" || members.user != again.user {
			t.Errorf("the club shows %q, the shop %q", members.user, again.user)
		}
		if !strings.HasPrefix(members.verdict, "✓") || !strings.HasPrefix(again.verdict, "✓") {
			t.Errorf("the verdicts are %q and %q", members.verdict, again.verdict)
		}
	})
	t.Run("who logs in at one site is that member at every site", func(t *testing.T) {
		resp, err := phone.client.PostForm(d.origin+"/wsite/"+demoShared+"/shop/login", url.Values{"member": {"m1042"}})
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		at, club := phone.open(demoShared, "shop", "/?login=m1042"), phone.open(demoPrivate, "club", "/members/")
		if at.user != "m1042" || club.user != "m1042" || !strings.Contains(at.page, "Logged in as member m1042") {
			t.Errorf("the shop shows %q, the club %q", at.user, club.user)
		}
		if other := phone.open(demoShared, "shop", "/?login=m2077"); !strings.Contains(other.page, "Can&#39;t be m2077") && !strings.Contains(other.page, "Can't be m2077") {
			t.Error("the shop doesn't say that he can't be another member")
		}
	})
	t.Run("another person is another user", func(t *testing.T) {
		other := &demoPhone{t: t, d: d, client: sessionOf(t)}
		other.is("chen")
		if seen := other.open(demoShared, "shop", "/"); seen.user == "" || seen.user == phone.open(demoShared, "shop", "/").user {
			t.Errorf("both are %s", seen.user)
		}
	})
	t.Run("a port that is taken is one line, and the command ends", func(t *testing.T) {
		for _, port := range []int{d.port, d.port - 1} { // the gateway's, the simulator's
			err := (&demo{port: port, out: io.Discard}).run(t.Context())
			if err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "is taken by another program") || !strings.Contains(err.Error(), "--port") {
				t.Errorf("starting on %d: %v", port, err)
			}
		}
	})
	t.Run("with --data the facts stay, and are found again", func(t *testing.T) {
		if err := d.stop(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(d.data, "wsite.db")); err != nil {
			t.Error(err)
		}
	})
	t.Run("its ports are free again", func(t *testing.T) {
		for _, port := range []int{d.port, d.port + 1} {
			if err := free(port); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestDemo_leavesNothing(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	d := startDemo(t)
	if !strings.Contains(d.printed, "leaves nothing behind") {
		t.Errorf("it doesn't say so:\n%s", d.printed)
	}
	if _, err := os.Stat(filepath.Join(d.data, "wsite.db")); err != nil {
		t.Errorf("the facts lie elsewhere: %v", err)
	}
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"TMPDIR", "XDG_DATA_HOME", "XDG_CONFIG_HOME"} {
		left, err := os.ReadDir(os.Getenv(name))
		if err != nil || len(left) > 0 {
			t.Errorf("it left %v in %s, %v", left, name, err)
		}
	}
}

// demoPhone is a desktop browser on the demo.
type demoPhone struct {
	t      testing.TB
	d      *runningDemo
	client *http.Client
}

func sessionOf(t testing.TB) *http.Client {
	sh := newShell(t)
	if err := sh.curl([]string{"-c", "jar", "http://127.0.0.1:1/"}); err == nil {
		t.Fatal("something listens on port 1")
	}
	return &http.Client{Jar: sh.jars["jar"]}
}

// is picks a person on the phone page.
func (p *demoPhone) is(person string) {
	p.t.Helper()
	p.post("/phone/person", "person="+person)
}

func (p *demoPhone) post(path, form string) {
	p.t.Helper()
	resp, err := p.client.Post(p.d.simulator+path, "application/x-www-form-urlencoded", strings.NewReader(form))
	if err != nil {
		p.t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode >= 400 {
		p.t.Fatalf("%s answered %d", path, resp.StatusCode)
	}
}

// shown is what a site of the demo shows.
type shown struct{ user, verdict, page string }

func (p *demoPhone) open(appID, ptid, rest string) shown {
	p.t.Helper()
	page := p.get(p.d.origin + "/wsite/" + appID + "/" + ptid + rest)
	if m := scriptData.FindStringSubmatch(page); m != nil { // our login page's script
		page = p.get(strings.ReplaceAll(m[1], "&amp;", "&"))
	}
	text := func(id string) string {
		m := regexp.MustCompile(`id="` + id + `">([^<]*)<`).FindStringSubmatch(page)
		if m == nil {
			return ""
		}
		return m[1]
	}
	return shown{text("user"), text("verdict"), page}
}

func (p *demoPhone) get(address string) string {
	p.t.Helper()
	req, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Accept", "text/html")
	resp, err := p.client.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return string(text)
}

// allow opens a path that asks, and says yes to us and to WeChat.
func (p *demoPhone) allow(appID, ptid, rest string) {
	p.t.Helper()
	asked := p.open(appID, ptid, rest)
	m := regexp.MustCompile(`id="allow" href="([^"]*)"`).FindStringSubmatch(asked.page)
	if m == nil {
		p.t.Fatalf("%s doesn't ask: %s", rest, asked.page)
	}
	consent := p.get(p.d.origin + strings.ReplaceAll(m[1], "&amp;", "&"))
	if m := scriptData.FindStringSubmatch(consent); m != nil {
		consent = p.get(strings.ReplaceAll(m[1], "&amp;", "&"))
	}
	back := regexp.MustCompile(`name="back" value="([^"]*)"`).FindStringSubmatch(consent)
	if back == nil {
		p.t.Fatalf("WeChat shows no consent page: %s", consent)
	}
	p.post("/connect/consent", fmt.Sprintf("answer=allow&back=%s", strings.NewReplacer("&amp;", "%26", "%", "%25", "+", "%2B").Replace(back[1])))
}
