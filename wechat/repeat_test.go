package wechat_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/caddy-wsite/caddy-wsite/wechat"
)

// What may be sent a second time, and when (wechat-api.md §5, §10.1, §15).
func TestEveryCallIsRepeatedOnlyWhenItMay(t *testing.T) {
	t.Parallel()
	for _, e := range endpoints {
		answer := readWire(t, e.file).fill(wireWords).answer
		t.Run(e.file+" goes on when it never left", func(t *testing.T) {
			t.Parallel()
			second := serve(t, says(answer))
			got, err := e.against(t, refused(t), second.URL)
			e.must(t, got, err)
			if n := second.calls(); n != 1 {
				t.Errorf("%d requests", n)
			}
		})
		t.Run(e.file+" when nobody knows", func(t *testing.T) {
			t.Parallel()
			first := serve(t, hangsUp)
			second := serve(t, says(answer))
			got, err := e.against(t, first.URL, second.URL)
			if e.again == always {
				e.must(t, got, err)
			} else if x := want(t, err, wechat.ClassRetry); x.Unsent() {
				t.Error("it is said that it never left")
			}
			if n, m := first.calls(), second.calls(); n != 1 || (m == 1) != (e.again == always) {
				t.Errorf("%d and %d requests", n, m)
			}
		})
		t.Run(e.file+" when WeChat is busy", func(t *testing.T) {
			t.Parallel()
			host := serve(t, says(refusal(-1, "system error")))
			_, err := e.against(t, host.URL)
			if x := want(t, err, wechat.ClassRetry); x.Code != -1 {
				t.Errorf("got %v", x)
			}
			if n := host.calls(); n != 3 && e.again != unsent || n != 1 && e.again == unsent {
				t.Errorf("%d requests", n)
			}
		})
	}
}

// hangsUp reads the request and answers nothing.
func hangsUp(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	conn.Close()
}

func TestACallThatNeverLeftSaysSo(t *testing.T) {
	t.Parallel()
	for _, e := range endpoints {
		_, err := e.against(t, refused(t))
		if x := want(t, err, wechat.ClassRetry); !x.Unsent() {
			t.Errorf("%s: %v", e.file, x)
		}
	}
}
