package wechat_test

import (
	"compress/gzip"
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-wsite/caddy-wsite/wechat"
)

// A small answer that becomes a large one costs no more than the bound.
func TestAnswersThatBlowUpAreFaults(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]http.HandlerFunc{
		"100 MiB of spaces, compressed": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			mib := []byte(strings.Repeat(" ", 1<<20))
			for range 100 {
				if _, err := z.Write(mib); err != nil {
					return // the client has hung up
				}
			}
			_ = z.Close()
		},
		"a hundred thousand lists in one another": says(`{"subscribe":0,"openid":"` + openid + `","x":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + `}`),
		"a thousand times the same name":          says(`{` + strings.Repeat(`"openid":{},`, 1000) + `"subscribe":0}`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			host := serve(t, answer)
			_, err := newClient(t, wechat.Config{Hosts: []string{host.URL}}).Fan(t.Context(), bearer, openid)
			if want(t, err, wechat.ClassFault); host.calls() != 1 {
				t.Errorf("%d requests", host.calls())
			}
		})
	}
	t.Run("a compressed answer is an answer", func(t *testing.T) {
		t.Parallel()
		host := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			_, _ = z.Write([]byte(`{"subscribe":0,"openid":"` + openid + `"}`))
			_ = z.Close()
		})
		if f, err := newClient(t, wechat.Config{Hosts: []string{host.URL}}).Fan(t.Context(), bearer, openid); err != nil || f.OpenID != openid {
			t.Errorf("got %v, %v", f, err)
		}
	})
}
