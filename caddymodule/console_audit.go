package caddymodule

import (
	"context"

	"github.com/caddy-wsite/caddy-wsite/console"
	"github.com/caddy-wsite/caddy-wsite/identity"
)

// consoleAudit is the record of what was done to users, as the console shows it.
type consoleAudit struct{ *App }

// Records returns records from the newest back.
func (a consoleAudit) Records(ctx context.Context, q identity.AuditQuery) ([]identity.AuditRecord, int64, error) {
	return a.facts().Centre.AuditBack(ctx, q)
}

// Verify walks the chain of a realm.
func (a consoleAudit) Verify(ctx context.Context, realm string, kept []byte, progress func(done int64)) (int64, []byte, int64, error) {
	chain := &watchedAudit{Store: a.facts().Store, head: kept}
	count, head, err := identity.VerifyAudit(ctx, chain, realm, progress)
	return count, head, chain.at, err
}

var _ console.Audit = consoleAudit{}
