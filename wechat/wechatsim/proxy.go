package wechatsim

import (
	"net/http"
	"slices"
	"strings"
)

// wechatHosts are the hosts that the simulator is, when it is asked as a proxy
// (wechat-api.md §5).
var wechatHosts = []string{
	"open.weixin.qq.com", "mp.weixin.qq.com", "api.weixin.qq.com", "api2.weixin.qq.com",
	"sh.api.weixin.qq.com", "sz.api.weixin.qq.com", "hk.api.weixin.qq.com",
}

// asProxy lets software that knows nothing of a simulator reach it as its HTTP
// proxy, with WeChat's own addresses and http instead of https. It is a proxy for
// nothing else: whoever configured it should learn of what leaves by it.
func (s *Sim) asProxy(world http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodConnect {
			http.Error(w, "the simulator has none of WeChat's certificates: use http:// instead of https://", http.StatusMethodNotAllowed)
			return
		}
		if r.URL.IsAbs() {
			host := strings.ToLower(r.URL.Hostname())
			if r.URL.Scheme != "http" || !slices.Contains(wechatHosts, host) {
				http.Error(w, "the simulator is a proxy for WeChat's hosts only", http.StatusForbidden)
				return
			}
			r.URL.Scheme, r.URL.Host = "", ""
		}
		world.ServeHTTP(w, r)
	})
}
