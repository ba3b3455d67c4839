package caddymodule

import (
	"errors"
	"net/http"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddytls"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

func TestCertificates(t *testing.T) {
	t.Parallel()
	g := startAPI(t, "site game {", "site hosted {\n\t\t\taccounts wx00000000000000aa\n\t\t\thosts own.localhost:8443\n\t\t}\n\t\tsite game {")
	key := g.apiKey(t, identity.AllRealms, "configure")
	g.askAt(t, key, "PUT", "/v1/directory/sites/new", keptSite(0, `"accounts": ["`+appA+`"], "hosts": ["made.localhost"]`)).want(t, http.StatusOK)
	c := &Certificates{g.app}
	for name, allowed := range map[string]bool{
		"own.localhost": true, "made.localhost": true, "other.localhost": false, "sub.made.localhost": false, "": false, "*.localhost": false, "127.0.0.1": false, "made.localhost/x": false,
	} {
		err := c.CertificateAllowed(t.Context(), name)
		if (err == nil) != allowed || !allowed && !errors.Is(err, caddytls.ErrPermissionDenied) {
			t.Errorf("%q: %v", name, err)
		}
	}
	g.askAt(t, key, "DELETE", "/v1/directory/sites/new", dropped(t, g, "new")).want(t, http.StatusNoContent)
	if err := c.CertificateAllowed(t.Context(), "made.localhost"); err == nil {
		t.Error("a host that is gone may have a certificate")
	}
	g.loseFacts(t)
	if err := c.CertificateAllowed(t.Context(), "unknown.localhost"); err == nil || errors.Is(err, caddytls.ErrPermissionDenied) {
		t.Errorf("without the facts: %v", err)
	}
}
