package caddymodule

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"go.uber.org/zap"

	"github.com/caddy-wsite/caddy-wsite/inbox"
	"github.com/caddy-wsite/caddy-wsite/scene"
	"github.com/caddy-wsite/caddy-wsite/wechat/push"
)

// servePush answers WeChat's server: its check of the address, and what it pushes. What
// it gets is written down before it is answered.
func (a *App) servePush(w http.ResponseWriter, r *http.Request, appID string) error {
	if _, ok := a.pushKeys(appID); !ok {
		return a.refused(w, r, route{}, refuse(codeNoPage))
	}
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		return a.refused(w, r, route{}, refuse(codeBadMethod).allowing("GET, POST"))
	}
	if ref := a.tooMany(r.Context(), limitPushes, clientOf(r)); ref != nil {
		return a.problem(w, r, route{account: a.directory().Account(appID)}, ref)
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return a.refused(w, r, route{}, refuse(codePushRefused).because(errors.New("the query can't be read")))
	}
	ctx, part := traced(r.Context(), "push", ofAccount(appID))
	outcome := codeOK
	defer func() { ended(part, outcome) }()
	var answer inbox.Answer
	if r.Method == http.MethodGet {
		answer, err = a.inbox.Echo(ctx, appID, query)
	} else {
		// One byte more than is taken, so that what is too long is seen to be.
		end := hurry(w)
		body, read := io.ReadAll(io.LimitReader(r.Body, push.MaxBody+1))
		end()
		if read != nil {
			outcome = codePushRefused
			return a.refused(w, r, route{}, refuse(outcome).because(errors.New("the body ended too early")))
		}
		answer, err = a.inbox.Accept(ctx, appID, query, r.Header.Get("Content-Type"), body)
	}
	if err != nil {
		outcome = codeFactsDown // WeChat comes again
		if ref := (*push.Refusal)(nil); errors.As(err, &ref) {
			outcome = codePushRefused
		}
		ref := refuse(outcome).because(err)
		a.metrics.refused(ref)
		a.logRefusal(r, route{account: a.directory().Account(appID)}, ref)
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if answer.ContentType != "" {
		h.Set("Content-Type", answer.ContentType)
	}
	h.Set("Content-Length", strconv.Itoa(len(answer.Body)))
	w.WriteHeader(answer.Status)
	_, err = w.Write(answer.Body)
	return err
}

// pushHandlers are what we do with pushes ourselves.
func (a *App) pushHandlers() inbox.Handlers {
	return inbox.Handlers{Follow: a.followed, Scan: a.scanned, Sent: a.messageSent, Personal: a.personal}
}

// followed asks for the unionid of somebody who follows, if it isn't known: WeChat tells
// that of followers. That he follows the inbox has noted. Where WeChat doesn't answer it is
// asked again later, since nobody else would.
func (a *App) followed(ctx context.Context, f inbox.Follow) error {
	if account := a.directory().Account(f.AppID); !f.Following || account == nil || !account.KeepsToken() {
		return nil
	}
	return a.kinds.Returned(ctx, f.AppID, f.OpenID)
}

func (a *App) scanned(ctx context.Context, s inbox.Scan) error {
	return a.codes.Scanned(ctx, scene.Scan{
		AppID: s.AppID, OpenID: s.OpenID, Scene: s.Scene, Ticket: s.Ticket, Followed: s.Followed, At: s.At, Key: s.Key,
	})
}

func (a *App) messageSent(ctx context.Context, s inbox.Sent) error {
	return a.messages.Finished(ctx, s.AppID, s.MsgID, s.Status, s.At)
}

// closedAccount is WeChat's word for somebody who has closed his account there.
const closedAccount = "user_authorization_cancellation"

// revokedAll is WeChat's word for all that an app or a website was ever told
// (wechat-api.md §8.4).
const revokedAll = "301"

// personal does what WeChat asks for in the name of a person. Of what can be taken back
// in parts, name, picture, address and the like, nothing is kept here; it is the
// subscribers', who hear of the push as well.
func (a *App) personal(ctx context.Context, p inbox.Personal) error {
	if p.OpenID == "" && p.UnionID == "" || p.Kind != closedAccount && p.Revoked != revokedAll {
		return nil
	}
	if err := a.forgetPerson(ctx, p); err != nil {
		return err
	}
	a.log.Info("forgot a person, as WeChat has asked", zap.String("step", "push"), zap.String("appid", p.AppID), zap.String("event", p.Kind))
	return nil
}
