package caddymodule

import (
	"slices"
	"strings"
)

// redirects are return targets as attackers write them, by class. good is the
// gateway's own host with its port, inside the base of a site.
func redirects(good, inside string) []string {
	hosts := []string{"evil.example", "evil.example%2f", "3627734734", "0xd8.072.54990", "[::ffff:1.2.3.4]", good + ".evil.example", "evil" + good, good + "@evil.example", "evil.example#@" + good, "evil.example?@" + good, `evil.example\@` + good}
	// What some browser takes for the two slashes in front of a host.
	fronts := []string{
		"//", "///", "////", `/\`, `\/`, `\\`, `\`, "/\\/", `//\/`, "/%5c", "%5c%5c", "/%09/", "/\t/", "/%0d/", "/\r/", "/%0a/", "/\n/", "/ /", "/%20/", "/\t\t/\t/", "/./\\", "/.//", "/..//", "/..//../", "/%2e%2e//", "/%2f/", "%2f%2f", "/%2f",
		"\t//", " //", "\x00//", "%00//", "/\x00/", "\u00a0//", "\u3000//", "\ufeff//", "〱", "ｰ", "／／", "/／", "/\u2215", "/;//", "/.;/", "/@", "@", ".", ".\\", "/?//", "/#//", "?//", "#//", ";//", ":",
	}
	schemes := []string{
		"https:", "https:/", "https://", "https:///", `https:\\`, `https:/\`, "http:", "http://", "HTTPS://", "hTTp:/", "\thttps://", " https://", "https\t://", "ht\ntps://", "%68ttps://", "ftp://", "ws://", "blob:https://", "view-source:https://", "weixin://", "intent://",
	}
	list := []string{
		"", "/", ".", "..", "javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\tscript:alert(1)", "java%0dscript:alert(1)", "\x01javascript:alert(1)", " javascript:alert(1)", "javascript://" + good + "/%0aalert(1)", "/javascript:alert(1)", "data:text/html,<script>alert(1)</script>",
		"data:text/html;base64,PHNjcmlwdD4=", "vbscript:msgbox(1)", "about:blank", "file:///etc/passwd", "https://good%00.evil.example", "https://" + good + ":80?@evil.example", "https://" + good + ":80#@evil.example/", "/%2f%2e%2e", "/%2e%2e%2fevil.example", "/x\r\nLocation: https://evil.example", "/x%0d%0aLocation:%20https://evil.example", "/\\t/evil.example", `/\u002fevil.example`, "//evil.example/%2e%2e", "//evil.example/..;/", "http://" + good + "/about", "//" + good + inside + "/x",
	}
	for _, host := range hosts {
		for _, front := range fronts {
			list = append(list, front+host)
		}
		for _, scheme := range schemes {
			list = append(list, scheme+host)
		}
	}
	// The same behind what a careless look takes for the right beginning.
	for i, p := range slices.Clone(list) {
		list = append(list, inside+[]string{"", "/", "/.."}[i%3]+p)
	}
	list = append(list, inside+"/x?a=\r\nSet-Cookie: b=c", inside+"/x?a b", inside+"/x?\ta", inside+"/x?a\x7f", inside+`/x?\evil.example`, inside+"/x?a\x00b")
	list = append(list, inside, inside+".evil.example", inside+"@evil.example", inside+"x/", inside+"/../game/x", inside+"/%2e%2e/game/x", inside+"/../../../about", inside+"/-/logout", inside+"/-/callback?code=x", inside+"/-/login?return="+inside+"/-/login",
		"/wsite/"+appB+"/shop/", "/wsite/"+appA+"/game/", "/about", "/wsite/-/jwks.json", inside+"/"+strings.Repeat("a", 5000), inside+"/x?"+strings.Repeat("a", 5000))
	return list
}
