package wechatsim

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"time"
)

// endpoint is one path of WeChat's API. Every file of a subject has a map of its
// own; New gathers them.
type endpoint struct {
	method string // the only one that it takes
	// may says which accounts have the right to it (wechat-api.md §13). It is nil
	// for a call without the global token of an account.
	may func(Account) bool
	run func(*call)
}

// gather makes one map of many. Two of one path are a mistake of ours.
func gather(groups ...map[string]endpoint) map[string]endpoint {
	all := map[string]endpoint{}
	for _, g := range groups {
		for path, e := range g {
			if _, twice := all[path]; twice {
				panic("wechatsim: two endpoints are called " + path)
			}
			all[path] = e
		}
	}
	return all
}

// loginEndpoints are the calls of the web login.
var loginEndpoints = map[string]endpoint{
	exchangePath: {method: http.MethodGet, run: (*call).exchange},
	refreshPath:  {method: http.MethodGet, run: (*call).refresh},
	userInfoPath: {method: http.MethodGet, run: (*call).userInfo},
	authPath:     {method: http.MethodGet, run: (*call).auth},
}

// call is one call of a server to WeChat's API.
type call struct {
	*Sim
	endpoint endpoint
	w        *recorder
	r        *http.Request
	query    url.Values
	body     []byte
	appid    string // whose call it is, as far as that can be seen; for faults
}

// maxPost is the longest body of a call, in bytes.
const maxPost = 1 << 20

// call answers a call to WeChat's API. First it meets the faults that strike
// before WeChat looks at it.
func (s *Sim) call(rec *recorder, r *http.Request) {
	e, known := s.api[r.URL.Path]
	c := &call{Sim: s, endpoint: e, w: rec, r: r, query: r.URL.Query()}
	body, err := io.ReadAll(http.MaxBytesReader(rec, r.Body, maxPost))
	c.body = body
	rec.req.Posted = string(body[:min(len(body), maxBody)])
	c.identify()
	if a, ok := c.hit("slow"); ok {
		c.pause(a.delay(3 * time.Second))
	}
	switch {
	case c.is("host_down"):
		panic(http.ErrAbortHandler)
	case c.is("http_500"):
		c.html(http.StatusInternalServerError, "<html><body><h1>500 Internal Server Error</h1></body></html>")
	case c.is("not_json"):
		c.html(http.StatusOK, "<!DOCTYPE html><html><body>系统繁忙，请稍后再试</body></html>")
	case c.is("busy"):
		c.refuse(-1)
	case c.is("rate_limited"):
		c.refuse(45011)
	case !known:
		c.refuse(40066)
	case r.Method != e.method && e.method == http.MethodGet:
		c.refuse(43001)
	case r.Method != e.method:
		c.refuse(43002)
	case err != nil:
		c.refuse(45002)
	default:
		e.run(c)
	}
}

// identify sees whose call it is, by its parameters, its token or its body.
func (c *call) identify() {
	c.appid = c.query.Get("appid")
	if t, ok := c.token(c.query.Get("access_token")); ok {
		c.appid, c.w.req.AppID, c.w.req.Person = t.appid, t.appid, t.person
	}
	if t, ok := c.globalToken(c.query.Get("access_token")); ok {
		c.appid, c.w.req.AppID = t.AppID, t.AppID
	}
	var b struct {
		AppID string `json:"appid"`
	}
	if c.appid == "" && json.Unmarshal(c.body, &b) == nil {
		c.appid, c.w.req.AppID = b.AppID, b.AppID
	}
}

// escapes are JSON's escapes, so that an escaped backslash isn't mistaken for one.
var escapes = regexp.MustCompile(`\\(?:u([0-9a-fA-F]{4})|.)`)

// decode reads the JSON of a POST. The result is 0 or WeChat's errcode: no body is
// 44002, and a character escaped that needn't be is 40033 (wechat-api.md, general
// wire rules). What it doesn't know it ignores, as WeChat does.
func (c *call) decode(into any) int {
	if len(bytes.TrimSpace(c.body)) == 0 {
		return 44002
	}
	for _, m := range escapes.FindAllSubmatch(c.body, -1) {
		if n, err := strconv.ParseUint(string(m[1]), 16, 16); err == nil && n >= ' ' {
			return 40033
		}
	}
	if json.Unmarshal(c.body, into) != nil {
		return 47001
	}
	return 0
}
