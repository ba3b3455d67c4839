package wechatsim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// maxHistory is how many requests are remembered; the oldest go first.
const maxHistory = 10_000

// maxBody is how many bytes of an answer are remembered.
const maxBody = 64 << 10

// Request is one request and its answer. The fields are what was really on the
// wire; String hides what a log must not show.
type Request struct {
	At        time.Time
	Method    string
	Host      string
	Path      string
	Query     url.Values
	RawQuery  string
	UserAgent string
	Cookies   int    // how many cookies came along
	AppID     string // of the query, or of its token
	Person    string // who held the phone, or whose code or token it was; may be empty
	// Status is 0 if the connection was cut without an answer.
	Status   int
	Location string
	Body     string   // at most 64 KiB
	Posted   string   // the body of the request, at most 64 KiB
	RID      string   // the name of a refused call, from the tail of its errmsg
	Faults   []string // the named faults that played a part
}

// hostname is the host without its port.
func (r Request) hostname() string { return (&url.URL{Host: r.Host}).Hostname() }

// ErrCode is the errcode of an answer; 0 if it has none.
func (r Request) ErrCode() int {
	var a struct {
		ErrCode json.Number `json:"errcode"`
	}
	if json.Unmarshal([]byte(r.Body), &a) != nil {
		return 0
	}
	n, _ := a.ErrCode.Int64()
	return int(n)
}

// String shows a request on one line. Secrets, codes, tokens, openids and states
// are masked, wherever in the query they hide.
func (r Request) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", r.Method, r.Path)
	if q := maskQuery(r.RawQuery); q != "" {
		b.WriteString("?" + q)
	}
	if r.Status == 0 {
		b.WriteString(" cut")
	} else {
		fmt.Fprintf(&b, " %d", r.Status)
	}
	if code := r.ErrCode(); code != 0 {
		fmt.Fprintf(&b, " errcode %d", code)
	}
	if len(r.Faults) > 0 {
		b.WriteString(" fault " + strings.Join(r.Faults, " "))
	}
	if r.Person != "" {
		b.WriteString(" by " + r.Person)
	}
	return b.String()
}

// shown are the parameters whose values are nobody's secret.
var shown = []string{"appid", "grant_type", "lang", "response_type", "scope", "connect_redirect", "forcePopup", "forceSnapShot"}

// maskQuery keeps the form of a query and hides its values, but for those that are
// known to be harmless: a parameter out of place must not leak.
func maskQuery(raw string) string {
	if raw == "" {
		return ""
	}
	pairs := strings.Split(raw, "&")
	for i, pair := range pairs {
		name, value, has := strings.Cut(pair, "=")
		switch {
		case !has && len(name) > 16:
			pairs[i] = "***"
		case name == "redirect_uri":
			pairs[i] = name + "=" + maskAddress(value)
		case value != "" && !slices.Contains(shown, name):
			pairs[i] = name + "=***"
		case len(value) > 64:
			pairs[i] = name + "=***"
		}
	}
	return strings.Join(pairs, "&")
}

// maskAddress keeps the part of an escaped address before its query.
func maskAddress(escaped string) string {
	s, err := url.QueryUnescape(escaped)
	if err != nil {
		return "***"
	}
	if i := strings.IndexAny(s, "?#"); i >= 0 {
		return s[:i] + "?***"
	}
	return s
}

// history remembers requests.
type history struct {
	mu   sync.Mutex
	list []Request
}

func (h *history) add(r Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.list) >= maxHistory {
		h.list = slices.Delete(h.list, 0, maxHistory/10)
	}
	h.list = append(h.list, r)
}

func (h *history) all() []Request {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]Request{}, h.list...)
}

func (h *history) clear() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.list = nil
}

// Requests are what was asked of the simulated WeChat, oldest first and without
// the phone page: at most the last 10,000. It is never nil.
func (s *Sim) Requests() []Request { return s.received.all() }

// Calls counts the requests to a path.
func (s *Sim) Calls(path string) int {
	n := 0
	for _, r := range s.Requests() {
		if r.Path == path {
			n++
		}
	}
	return n
}

// Sent are the requests that the simulator made itself; see [Sim.Settle].
func (s *Sim) Sent() []Request { return s.sent.all() }

// Forget empties Requests and Sent.
func (s *Sim) Forget() {
	s.received.clear()
	s.sent.clear()
}

// recorder watches an answer on its way out.
type recorder struct {
	http.ResponseWriter
	req Request
}

func (r *recorder) WriteHeader(status int) {
	if r.req.Status == 0 {
		r.req.Status = status
		r.req.Location = r.Header().Get("Location")
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.req.Status == 0 {
		r.WriteHeader(http.StatusOK)
	}
	r.req.Body += string(b[:min(len(b), maxBody-len(r.req.Body))])
	return r.ResponseWriter.Write(b)
}

// record answers a request and remembers both.
func (s *Sim) record(w http.ResponseWriter, r *http.Request, answer func(*recorder, *http.Request)) {
	rec := &recorder{ResponseWriter: w, req: Request{
		At: s.Now(), Method: r.Method, Host: r.Host, Path: r.URL.Path, Query: r.URL.Query(), RawQuery: r.URL.RawQuery,
		AppID:     r.URL.Query().Get("appid"),
		UserAgent: r.UserAgent(), Cookies: len(r.Cookies()),
	}}
	defer func() {
		// A handler that cuts the connection panics through here.
		s.received.add(rec.req)
		s.touch()
		if s.log != nil {
			s.log.Info("request", "request", rec.req.String())
		}
	}()
	answer(rec, r)
}
