package identity

import (
	"strings"
	"testing"
)

func TestClaimCheck(t *testing.T) {
	t.Parallel()
	good := Claim{Realm: "r", Openid: Openid{"wx1", "oABC_-9"}, Unionid: Unionid{"S", "uABC"}, User: "member:17@shop"}
	tests := []struct {
		name   string
		change func(*Claim)
		ok     bool
	}{
		{"a whole claim is fine", func(*Claim) {}, true},
		{"no unionid is fine", func(c *Claim) { c.UnionID = "" }, true},
		{"no user is fine", func(c *Claim) { c.User = "" }, true},
		{"64 characters are fine", func(c *Claim) { c.User, c.OpenID = strings.Repeat("u", 64), strings.Repeat("o", 64) }, true},
		{"no realm", func(c *Claim) { c.Realm = "" }, false},
		{"no account", func(c *Claim) { c.AppID = "" }, false},
		{"no subject", func(c *Claim) { c.Subject = "" }, false},
		{"no openid", func(c *Claim) { c.OpenID = "" }, false},
		{"an openid of a broken client", func(c *Claim) { c.OpenID = "Undefined" }, false},
		{"a unionid of a broken client", func(c *Claim) { c.UnionID = "null" }, false},
		{"a user of a broken client", func(c *Claim) { c.User = "0" }, false},
		{"a space in an openid", func(c *Claim) { c.OpenID = "o 1" }, false},
		{"an openid that is too long", func(c *Claim) { c.OpenID = strings.Repeat("o", 65) }, false},
		{"a unionid that isn't ASCII", func(c *Claim) { c.UnionID = "uü" }, false},
		{"a user that is too long", func(c *Claim) { c.User = strings.Repeat("u", 65) }, false},
		{"a user that ends a header line", func(c *Claim) { c.User = "u\r\nX-User: root" }, false},
		{"a user with a space", func(c *Claim) { c.User = "u 1" }, false},
		{"a user that isn't ASCII", func(c *Claim) { c.User = "用户" }, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := good
			tt.change(&c)
			err := c.Check()
			if (err == nil) != tt.ok {
				t.Fatal(err)
			}
			if err != nil && (strings.Contains(err.Error(), "oABC") || strings.Contains(err.Error(), "member")) {
				t.Errorf("the error tells an id: %v", err)
			}
		})
	}
}
