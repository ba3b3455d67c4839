package cluster_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/cluster"
	"github.com/caddy-wsite/caddy-wsite/cluster/redistest"
)

const password = "a-pass-word-that-nobody-says"

// rights are what doc.go says that our user needs.
var rights = []any{
	"on", ">" + password, "resetkeys", "~wsite:*", "resetchannels", "&wsite:*", "-@all",
	"+hello", "+ping", "+select", "+info", "+time", "+scan", "+type", "+get", "+getrange", "+strlen", "+set", "+del",
	"+eval", "+evalsha", "+publish", "+subscribe", "+unsubscribe",
}

func TestRightsAreWrittenDown(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(doc), "ACL SETUSER")
	text, _, _ = strings.Cut(text, "In a Redis Cluster")
	var want []string
	for _, right := range rights {
		if right := right.(string); right != ">"+password {
			want = append(want, right)
		}
	}
	var got []string
	for _, word := range strings.Fields(text)[1:] {
		if word != "//" && word != ">…" {
			got = append(got, word)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("doc.go says %q, tested are %q", got, want)
	}
}

// use does something of every kind, and wants all of it to work.
func use(t testing.TB, s cluster.Shared) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	heard := make(chan []byte, 1)
	go s.Subscribe(ctx, "news/1", func(text []byte) { heard <- text })
	hear := func(want string) {
		t.Helper()
		select {
		case text := <-heard:
			if string(text) != want {
				t.Errorf("heard %q, want %q", text, want)
			}
		case <-time.After(patience):
			t.Error("heard nothing")
		}
	}
	hear("")
	life := time.Minute
	must := func(what string, ok bool, err error) {
		t.Helper()
		if !ok || err != nil {
			t.Errorf("%s: %t, %v", what, ok, err)
		}
	}
	must("Put", true, s.Put(t.Context(), "ticket/1", []byte("one"), life))
	value, ok, err := s.Get(t.Context(), "ticket/1")
	must("Get", ok && string(value) == "one", err)
	value, ok, err = s.Take(t.Context(), "ticket/1")
	must("Take", ok && string(value) == "one", err)
	ok, err = s.PutNew(t.Context(), "ticket/1", nil, life)
	must("PutNew", ok, err)
	ok, err = s.PutNew(t.Context(), "ticket/1", nil, life)
	must("PutNew again", !ok, err)
	ok, err = s.PutFenced(t.Context(), "ticket/1", nil, 7, life)
	must("PutFenced", ok, err)
	must("Delete", true, s.Delete(t.Context(), "ticket/1"))
	_, ok, err = s.Lease(t.Context(), "job/1", "x", life)
	must("Lease", ok, err)
	must("Release", true, s.Release(t.Context(), "job/1", "x"))
	v, err := s.Limit(t.Context(), "ip/1", cluster.Rate{Count: 1, Per: time.Second, Burst: 1})
	must("Limit", v.Allowed || v.RetryAfter > 0, err)
	must("Publish", true, s.Publish(t.Context(), "news/1", []byte("text")))
	hear("text")
}

func TestRedisWays(t *testing.T) {
	t.Parallel()
	t.Run("a URL with user, password and database, an address without, and a socket", func(t *testing.T) {
		t.Parallel()
		s := redistest.Single(t)
		s.Do(t, append([]any{"acl", "setuser", "gate"}, rights...)...)
		for address, db := range map[string]int{
			"redis://gate:" + password + "@" + s.Addr + "/3":     3,
			"unix://gate:" + password + "@" + s.Socket + "?db=4": 4,
			"redis://gate:" + password + "@" + s.Addr:            0,
			strings.Replace(s.Addr, "127.0.0.1", "localhost", 1): 0,
			"redis://" + s.Addr + "/":                            0,
			"unix://" + s.Socket:                                 0,
		} {
			use(t, open(t, at(s, func(c *cluster.RedisConfig) { c.Addresses = []string{address} })))
			if s.Do(t, "select", db); s.Do(t, "exists", "wsite:cluster") != int64(1) {
				t.Errorf("%s has nothing in database %d", strings.ReplaceAll(address, password, ""), db)
			}
		}
	})
	t.Run("TLS with an authority and a certificate of our own, and nothing less", func(t *testing.T) {
		t.Parallel()
		s := redistest.SingleTLS(t)
		use(t, open(t, at(s, func(c *cluster.RedisConfig) { c.TLS = s.TLS })))
		for what, change := range map[string]func(*cluster.RedisConfig){
			"an authority that we don't know": func(c *cluster.RedisConfig) { c.Addresses = []string{"rediss://" + s.Addr} },
			"no TLS":                          func(*cluster.RedisConfig) {},
		} {
			r := open(t, at(s, change))
			if err := r.Put(t.Context(), "k", nil, time.Minute); err == nil {
				t.Error(what)
			}
		}
	})
	t.Run("a user with no more rights than are written down will do, in every mode", func(t *testing.T) {
		t.Parallel()
		s := redistest.Single(t)
		s.Do(t, append([]any{"acl", "setuser", "gate"}, rights...)...)
		gate := func(c *cluster.RedisConfig) { c.User, c.Password = "gate", password }
		r := open(t, at(s, gate))
		use(t, r)
		s.Do(t, "acl", "setuser", "gate", "+xadd", "~events")
		if err := r.Append(t.Context(), "events", 10, map[string]string{"a": "b"}); err != nil {
			t.Error(err)
		}
		servers := redistest.Cluster(t)
		for _, s := range servers {
			s.Do(t, append([]any{"acl", "setuser", "gate"}, rights...)...)
			s.Do(t, "acl", "setuser", "gate", "+cluster|slots")
		}
		use(t, open(t, at(servers[0], gate, func(c *cluster.RedisConfig) { c.Mode = cluster.RedisCluster })))
	})
}

func TestRedisRefusals(t *testing.T) {
	t.Parallel()
	s := redistest.Single(t, "--requirepass", password)
	admin := func(c *cluster.RedisConfig) { c.Password = password }
	cases := map[string]struct {
		change func(c *cluster.RedisConfig)
		want   string
	}{
		"no password":      {func(c *cluster.RedisConfig) { c.Password = "" }, "it takes nobody without a password: NOAUTH"},
		"a wrong password": {func(c *cluster.RedisConfig) { c.Password = password + "x" }, "the user or the password is another one: WRONGPASS"},
		"a wrong password in a URL": {func(c *cluster.RedisConfig) {
			c.Addresses = []string{"redis://default:" + password + "x@" + s.Addr}
		}, "WRONGPASS"},
		"an unknown user":      {func(c *cluster.RedisConfig) { c.User = "nobody" }, "WRONGPASS"},
		"a database too many":  {func(c *cluster.RedisConfig) { c.DB = 99 }, "it has no database of this number"},
		"no cluster":           {func(c *cluster.RedisConfig) { c.Mode = cluster.RedisCluster }, "it belongs to no Redis Cluster"},
		"no sentinel":          {func(c *cluster.RedisConfig) { c.Mode, c.MasterName = cluster.RedisSentinel, "m" }, "the addresses are not those of sentinels"},
		"a port too high":      {func(c *cluster.RedisConfig) { c.Addresses = []string{"redis://127.0.0.1:65536"} }, "a port is a number"},
		"port 0":               {func(c *cluster.RedisConfig) { c.Addresses = []string{"127.0.0.1:0"} }, "a port is a number"},
		"a mode":               {func(c *cluster.RedisConfig) { c.Mode = "guess" }, "there are single, sentinel and cluster"},
		"no address":           {func(c *cluster.RedisConfig) { c.Addresses = nil }, "an address is needed"},
		"two addresses":        {func(c *cluster.RedisConfig) { c.Addresses = []string{s.Addr, s.Addr} }, "one address"},
		"sentinels, no master": {func(c *cluster.RedisConfig) { c.Mode = cluster.RedisSentinel }, "name of the master"},
		"a short id":           {func(c *cluster.RedisConfig) { c.Cluster = "short" }, "fewer than 16 bytes"},
		"no keys":              {func(c *cluster.RedisConfig) { c.Keys = nil }, "a key is needed"},
		"a short key":          {func(c *cluster.RedisConfig) { c.Keys = [][]byte{key(1), key(2)[1:]} }, "key 2 has 31 bytes"},
		"a prefix":             {func(c *cluster.RedisConfig) { c.Prefix = "a*" }, "a prefix is"},
		"a hash tag":           {func(c *cluster.RedisConfig) { c.Prefix = "{a}" }, "a prefix is"},
	}
	for _, address := range []string{"http://a:" + password + "@b", "redis://a:" + password + "%@b", "redis://a:" + password + "#@b:1", "redis://:" + password + "@/1", "unix://a:" + password + "@b/c", "redis://a:" + password + "@b/x", "redis://a:" + password + "@b?db=1"} {
		cases["the address "+address] = struct {
			change func(c *cluster.RedisConfig)
			want   string
		}{func(c *cluster.RedisConfig) { c.Addresses = []string{address} }, "reading address 1"}
	}
	for what, test := range cases {
		t.Run(strings.ReplaceAll(what, password, "P"), func(t *testing.T) {
			t.Parallel()
			r, err := cluster.OpenRedis(t.Context(), at(s, admin, test.change))
			if err == nil {
				_ = r.Close()
				t.Fatal("it opens")
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
			if strings.Contains(err.Error(), password) {
				t.Errorf("the password is in %q", err)
			}
		})
	}
	for i, right := range rights {
		name, ok := strings.CutPrefix(right.(string), "+")
		if !ok || name == "hello" || name == "ping" || name == "select" {
			continue
		}
		t.Run("a user without the right to "+name, func(t *testing.T) {
			t.Parallel()
			user := fmt.Sprint("user", i)
			admin := s.Client().Conn()
			defer admin.Close()
			if err := admin.Auth(t.Context(), password).Err(); err != nil {
				t.Fatal(err)
			}
			if err := admin.Do(t.Context(), append(append([]any{"acl", "setuser", user}, rights...), "-"+name)...).Err(); err != nil {
				t.Fatal(err)
			}
			r, err := cluster.OpenRedis(t.Context(), at(s, func(c *cluster.RedisConfig) { c.User, c.Password = user, password }))
			switch {
			case err == nil:
				defer r.Close()
				if name == "info" || name == "time" || name == "scan" || name == "get" || name == "set" {
					t.Error("it opens")
				}
			case !strings.Contains(err.Error(), "the user needs this right too: NOPERM") || strings.Contains(err.Error(), password):
				t.Error(err)
			}
		})
	}
}

func TestRedisPrefix(t *testing.T) {
	t.Parallel()
	s := redistest.Single(t)
	t.Run("two clusters on one prefix are refused, nodes of one are not", func(t *testing.T) {
		open(t, at(s))
		open(t, at(s))
		_, err := cluster.OpenRedis(t.Context(), at(s, func(c *cluster.RedisConfig) { c.Cluster = "the facts of another" }))
		if err == nil || !strings.Contains(err.Error(), `two clusters on one prefix: "wsite:"`) {
			t.Errorf("got %v", err)
		}
		use(t, open(t, at(s, func(c *cluster.RedisConfig) { c.Cluster, c.Prefix = "the facts of another", "other:" })))
	})
	t.Run("the prefix stays ours for a month", func(t *testing.T) {
		if left := s.Client().TTL(t.Context(), "wsite:cluster").Val(); left < 29*24*time.Hour {
			t.Errorf("for %v", left)
		}
	})
	t.Run("keys of another application are refused, streams and our own are not", func(t *testing.T) {
		use(t, open(t, at(s)))
		s.Do(t, "set", "elsewhere", "1")
		s.Do(t, "xadd", "wsite:events", "*", "a", "b")
		use(t, open(t, at(s)))
		for _, name := range []string{"wsite:session", "wsite:v:ticket:short", "wsite:cluster2", "wsite:v:ticket:" + strings.Repeat("a", 32) + "0"} {
			s.Do(t, "set", name, "1")
			_, err := cluster.OpenRedis(t.Context(), at(s))
			if err == nil || !strings.Contains(err.Error(), `another application has keys that begin with "wsite:"`) {
				t.Errorf("%s: %v", name, err)
			}
			s.Do(t, "del", name)
		}
	})
	t.Run("a clock that differs is told, and is no error", func(t *testing.T) {
		var log bytes.Buffer
		for _, ahead := range []time.Duration{time.Second, -5 * time.Second} {
			r := open(t, at(s, func(c *cluster.RedisConfig) {
				c.Now = func() time.Time { return time.Now().Add(-ahead) }
				c.Log = slog.New(slog.NewTextHandler(&log, nil))
			}))
			if got := r.Skew(); (got - ahead).Abs() > 900*time.Millisecond {
				t.Errorf("%v, want %v", got, ahead)
			}
			use(t, r)
		}
		if text := log.String(); strings.Count(text, "disagree") != 1 || !strings.Contains(text, "ahead=-") {
			t.Error(text)
		}
	})
}
