package caddymodule

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/caddy-wsite/caddy-wsite/directory"
	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/message"
	"github.com/caddy-wsite/caddy-wsite/scene"
)

// actorScan is who sends what a visitor is told about his scan.
const actorScan = "scan"

// scanRefusals say why a code did nothing, and what to do.
var scanRefusals = map[scene.Outcome]string{
	scene.Expired: "这个二维码已过期，请索取新的二维码。\nThis QR code has expired. Please ask for a new one.",
	scene.Revoked: "这个二维码已失效，请索取新的二维码。\nThis QR code is no longer valid. Please ask for a new one.",
	scene.Used:    "这个二维码已被使用过，请索取新的二维码。\nThis QR code has been used already. Please ask for a new one.",
}

// scanRefused tells a visitor why the code that he has scanned did nothing, once for each
// scan. His scan lets the account answer him; where it can't all the same, nobody is told.
func (a *App) scanRefused(ctx context.Context, c scene.Code, s scene.Scan, o scene.Outcome) error {
	account := a.directory().Account(s.AppID)
	if account == nil || !account.Messages() || scanRefusals[o] == "" {
		return nil
	}
	if err := a.meet(ctx, c.Realm, s.AppID, s.OpenID); err != nil {
		return err
	}
	user, err := a.userAt(ctx, c.Realm, account, s.OpenID)
	if err != nil || user == "" {
		return err
	}
	content, err := json.Marshal(map[string]string{"content": scanRefusals[o]})
	if err != nil {
		return fmt.Errorf("writing a message: %w", err)
	}
	sum := sha256.Sum256([]byte(s.AppID + "\x00" + s.Key))
	_, err = a.messages.Send(ctx, message.Order{
		Realm: c.Realm, User: user, PreferAppIDs: []string{s.AppID}, Kind: message.KindCustom, Type: "text", Content: content,
		ClientID: base64.RawURLEncoding.EncodeToString(sum[:18]), By: actorScan,
	})
	var fault *message.Fault
	if errors.As(err, &fault) {
		return nil // he can't be reached, or was told before in other words
	}
	return err
}

// userAt is the user of a realm to whom an openid leads; empty if to none.
func (a *App) userAt(ctx context.Context, realm string, account *directory.Account, openID string) (string, error) {
	claim := identity.Claim{
		Realm: realm, Openid: identity.Openid{AppID: account.AppID, OpenID: openID}, Unionid: identity.Unionid{Subject: account.SubjectOrSelf()}, Via: "api",
	}
	if account.Subject == "" {
		claim.UnionID = openID
	}
	answer, err := a.lookUp(ctx, claim)
	var conflict *identity.Conflict
	if errors.Is(err, errWouldWrite) || errors.As(err, &conflict) {
		return "", nil
	}
	return answer.User.ID, err
}
