package wechat

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// RawAnswer is what WeChat answered, as it came.
type RawAnswer struct {
	Status      int
	ContentType string
	Body        []byte
}

// maxRaw bounds what is read of the answer of a raw call, in bytes: media are at
// most 10 MB.
const maxRaw = 16 << 20

// Raw calls any API of the account, such as "cgi-bin/menu/create", with whatever
// body. The path may begin with a slash. The token is added; the query may hold no
// other one, no secret and no code. An answer that is no JSON, such as an image,
// is one.
//
// Any error is an [*Error]. An errcode is one, and then the answer is returned,
// too. A GET goes on to the next host, anything else is sent again only if it
// surely never left.
func (c *Client) Raw(ctx context.Context, as Bearer, method, path string, query url.Values, contentType string, body []byte) (RawAnswer, error) {
	path = strings.TrimPrefix(path, "/")
	q := as.query(path, nil)
	q.need(apiPath(path), "the path is not one of WeChat's API")
	q.need(method == http.MethodGet || method == http.MethodPost, "the method is neither GET nor POST")
	q.need(method == http.MethodPost || len(body) == 0, "a GET has no body")
	for k := range query {
		q.need(!slices.Contains(ownParams, strings.ToLower(k)), "the query holds a credential")
	}
	q.params = maps.Clone(query)
	if q.params == nil {
		q.params = url.Values{}
	}
	q.params.Set("access_token", as.Token)
	if !apiPath(path) {
		q.api = "raw" // who sent what isn't known
	}
	q.method, q.idempotent, q.once = method, method == http.MethodGet, method != http.MethodGet
	q.limit, q.media = maxRaw, true
	if method == http.MethodPost {
		if contentType == "" {
			contentType = "application/json"
		}
		q.contentType, q.payload = contentType, append([]byte{}, body...)
	}
	r, err := c.send(ctx, q)
	if len(r.body) > maxRaw { // the rest of it wasn't read: a part is no answer
		r = response{}
	}
	return RawAnswer{Status: r.status, ContentType: r.contentType, Body: r.body}, err
}

// ownParams prove something, and are not for callers to choose.
var ownParams = []string{"access_token", "component_access_token", "secret", "appsecret", "code", "js_code", "refresh_token"}

// apiPath takes up to 128 characters in parts of WeChat's letters with single
// slashes between them.
func apiPath(path string) bool {
	if len(path) > 128 {
		return false
	}
	for part := range strings.SplitSeq(path, "/") {
		if !wordLike(part, 64) {
			return false
		}
	}
	return true
}
