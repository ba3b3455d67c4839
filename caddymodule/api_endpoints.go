package caddymodule

import (
	"encoding/json"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// endpoint is something that the API can be asked.
type endpoint struct {
	method, path string           // a path that begins without a slash is below realmPath
	id           string           // in /openapi.json and in the metrics
	status       int              // of success
	changes      bool             // something is written: an Idempotency-Key counts
	scopes       []identity.Scope // one of these is needed
	in, out      reflect.Type     // of the body, or of the query of a GET; of the answer
	serve        func(c *apiCall, in []byte) ([]byte, error)
}

// endpoints is the one table of what there is. Which scope a call needs may depend on
// its body too: who names a visitor by ids alone operates.
var endpoints = []*endpoint{
	on("POST", "resolve", "resolve", (*apiCall).resolve, identity.ScopeRead),
	on("POST", "users/find", "findUser", (*apiCall).findUser, identity.ScopeRead),
	on("GET", "users/{id}", "getUser", (*apiCall).getUser, identity.ScopeRead),

	on("POST", "bind", "bind", (*apiCall).bind, identity.ScopeBind, identity.ScopeOperate).writes(200),
	on("POST", "unbind", "unbind", (*apiCall).unbind, identity.ScopeBind, identity.ScopeOperate).writes(204),

	on("POST", "rebinds", "requestRebind", (*apiCall).requestRebind, identity.ScopeOperate).writes(202),
	on("GET", "rebinds", "listRebinds", (*apiCall).listRebinds, identity.ScopeOperate),
	on("DELETE", "rebinds/{user}", "cancelRebind", (*apiCall).cancelRebind, identity.ScopeOperate).writes(204),
	on("POST", "merge", "merge", (*apiCall).merge, identity.ScopeOperate).writes(204),
	on("POST", "users/{id}/block", "blockUser", (*apiCall).blockUser, identity.ScopeOperate).writes(204),
	on("POST", "users/{id}/unblock", "unblockUser", (*apiCall).unblockUser, identity.ScopeOperate).writes(204),
	on("DELETE", "users/{id}", "eraseUser", (*apiCall).eraseUser, identity.ScopeOperate).writes(204),
	on("POST", "migrate_openid", "migrateOpenid", (*apiCall).migrateOpenid, identity.ScopeOperate).writes(204),

	on("GET", "events", "listEvents", (*apiCall).listEvents, identity.ScopeFeed),
	on("GET", "conflicts", "listConflicts", (*apiCall).listConflicts, identity.ScopeFeed),
	on("GET", "audit", "listAudit", (*apiCall).listAudit, identity.ScopeAudit),

	on("GET", "merchants", "listMerchants", (*apiCall).listMerchants, identity.ScopeMerchant),
	on("POST", "merchants", "createMerchant", (*apiCall).createMerchant, identity.ScopeMerchant).writes(201),
	on("POST", "merchant-imports", "importMerchants", (*apiCall).importMerchants, identity.ScopeMerchant).writes(200),
	on("POST", "merchant-codes", "makeMerchantCodes", (*apiCall).makeMerchantCodes, identity.ScopeMerchant),
	on("GET", "merchants/{id}", "getMerchant", (*apiCall).getMerchant, identity.ScopeMerchant),
	on("POST", "merchants/{id}", "editMerchant", (*apiCall).editMerchant, identity.ScopeMerchant).writes(200),
	on("POST", "merchants/{id}/disable", "disableMerchant", (*apiCall).disableMerchant, identity.ScopeMerchant).writes(200),
	on("POST", "merchants/{id}/enable", "enableMerchant", (*apiCall).enableMerchant, identity.ScopeMerchant).writes(200),
	on("POST", "merchants/{id}/login", "noteMerchantLogin", (*apiCall).noteMerchantLogin, identity.ScopeMerchant).writes(204),
	on("GET", "merchants/{id}/history", "listMerchantEvents", (*apiCall).merchantHistory, identity.ScopeMerchant),
	on("POST", "merchants/{id}/codes", "makeMerchantCode", (*apiCall).makeMerchantCode, identity.ScopeMerchant),
	on("GET", "merchants/{id}/codes", "listMerchantCodes", (*apiCall).listMerchantCodes, identity.ScopeMerchant),
	on("GET", "merchants/{id}/codes/{code}", "getMerchantCode", (*apiCall).getMerchantCode, identity.ScopeMerchant),
	on("POST", "merchants/{id}/codes/{code}/cancel", "cancelMerchantCode", (*apiCall).cancelMerchantCode, identity.ScopeMerchant).writes(200),
	on("POST", "merchants/{id}/codes/{code}/replace", "replaceMerchantBinding", (*apiCall).replaceMerchantBinding, identity.ScopeMerchant).writes(200),
	on("POST", "merchants/{id}/unbind", "unbindMerchant", (*apiCall).unbindMerchant, identity.ScopeMerchant).writes(204),
	on("POST", "merchants/{id}/notices", "sendMerchantNotice", (*apiCall).sendNoticeTo, identity.ScopeMerchant).writes(202),
	on("GET", "merchant-forms", "getNoticeForm", (*apiCall).noticeForm, identity.ScopeMerchant),
	on("POST", "merchant-notices", "sendNotice", (*apiCall).sendNotice, identity.ScopeMerchant).writes(202),
	on("GET", "merchant-notices", "listNotices", (*apiCall).listNotices, identity.ScopeMerchant),
	on("GET", "merchant-notices/{notice}", "getNotice", (*apiCall).getNotice, identity.ScopeMerchant),
	on("GET", "merchant-notices/{notice}/recipients", "listRecipients", (*apiCall).listRecipients, identity.ScopeMerchant),
	on("POST", "merchant-notices/{notice}/resend", "resendNotice", (*apiCall).resendNotice, identity.ScopeMerchant).writes(200),
	on("POST", "merchant-notices/{notice}/cancel", "cancelNotice", (*apiCall).cancelNotice, identity.ScopeMerchant).writes(204),

	on("GET", "/v1/accounts", "listAccounts", (*apiCall).listAccounts, identity.ScopeRead, identity.ScopeOperate),
	on("GET", accountPath, "getAccount", (*apiCall).getAccount, identity.ScopeOperate),
	on("POST", accountPath+"/check", "checkAccount", (*apiCall).checkAccount, identity.ScopeOperate),
	on("GET", accountPath+"/pushes", "listDeadPushes", (*apiCall).deadPushes, identity.ScopeOperate),
	on("POST", accountPath+"/pushes/replay", "replayPushes", (*apiCall).replayPushes, identity.ScopeOperate),
	on("POST", accountPath+"/messages/resume", "resumeMessages", (*apiCall).resumeMessages, identity.ScopeOperate).writes(204),
	on("POST", accountPath+"/clear-quota", "clearQuota", (*apiCall).clearQuota, identity.ScopeOperate).writes(204),
	on("GET", accountPath+"/calls/{rid}", "explainCall", (*apiCall).explainCall, identity.ScopeOperate),
	on("GET", accountPath+"/jobs", "listJobs", (*apiCall).listJobs, identity.ScopeOperate),
	on("POST", accountPath+"/jobs", "startJob", (*apiCall).startJob, identity.ScopeOperate).writes(202),
	on("GET", "/v1/jobs/{id}", "getJob", (*apiCall).getJob, identity.ScopeOperate),
	on("GET", "/v1/jobs/{id}/problems", "listJobProblems", (*apiCall).jobProblems, identity.ScopeOperate),
	on("POST", "/v1/jobs/{id}/resume", "resumeJob", (*apiCall).resumeJob, identity.ScopeOperate).writes(204),
	on("DELETE", "/v1/jobs/{id}", "cancelJob", (*apiCall).cancelJob, identity.ScopeOperate).writes(204),

	on("GET", "/v1/directory/accounts", "listDirectoryAccounts", (*apiCall).listKeptAccounts, identity.ScopeConfigure),
	on("GET", "/v1/directory/accounts/{id}", "getDirectoryAccount", (*apiCall).getKeptAccount, identity.ScopeConfigure),
	on("PUT", "/v1/directory/accounts/{id}", "putAccount", (*apiCall).putAccount, identity.ScopeConfigure).writes(200),
	on("DELETE", "/v1/directory/accounts/{id}", "deleteAccount", (*apiCall).deleteAccount, identity.ScopeConfigure).writes(204),
	on("GET", "/v1/directory/sites", "listSites", (*apiCall).listSites, identity.ScopeConfigure),
	on("GET", "/v1/directory/sites/{ptid}", "getSite", (*apiCall).getSite, identity.ScopeConfigure),
	on("PUT", "/v1/directory/sites/{ptid}", "putSite", (*apiCall).putSite, identity.ScopeConfigure).writes(200),
	on("DELETE", "/v1/directory/sites/{ptid}", "deleteSite", (*apiCall).deleteSite, identity.ScopeConfigure).writes(204),

	on("POST", "/v1/revocations", "revoke", (*apiCall).revoke, identity.ScopeOperate).writes(200),
	on("GET", "/v1/revocations", "listRevocations", (*apiCall).listRevocations, identity.ScopeOperate),

	on("POST", "/v1/messages", "sendMessage", (*apiCall).sendMessage, identity.ScopeMessage).writes(202),
	on("POST", "/v1/messages/batches", "sendBatch", (*apiCall).sendBatch, identity.ScopeMessage).writes(202),
	on("GET", "/v1/messages/batches/{batch}", "countBatch", (*apiCall).batchProgress, identity.ScopeMessage),
	on("GET", "/v1/messages", "listMessages", (*apiCall).listMessages, identity.ScopeMessage),
	on("GET", "/v1/messages/{id}", "getMessage", (*apiCall).getMessage, identity.ScopeMessage),
	on("POST", "/v1/messages/{id}/cancel", "cancelMessage", (*apiCall).cancelMessage, identity.ScopeMessage).writes(200),
	on("POST", "/v1/messages/{id}/replay", "replayMessage", (*apiCall).replayMessage, identity.ScopeMessage).writes(200),

	on("GET", accountPath+"/templates", "listTemplates", (*apiCall).listTemplates, identity.ScopeMessage),
	on("POST", accountPath+"/templates/sync", "syncTemplates", (*apiCall).syncTemplates, identity.ScopeMessage),
	on("POST", accountPath+"/templates/{template}/approve", "approveValues", (*apiCall).approveValues, identity.ScopeOperate).writes(204),

	on("POST", accountPath+"/qr-codes", "makeCode", (*apiCall).makeCode, identity.ScopeQR).writes(201),
	on("GET", accountPath+"/qr-codes", "listCodes", (*apiCall).listCodes, identity.ScopeQR),
	on("GET", accountPath+"/qr-codes/{id}", "getCode", (*apiCall).getCode, identity.ScopeQR),
	on("GET", accountPath+"/qr-codes/{id}/scans", "listScans", (*apiCall).listScans, identity.ScopeQR),
	on("DELETE", accountPath+"/qr-codes/{id}", "revokeCode", (*apiCall).revokeCode, identity.ScopeQR).writes(204),

	on("GET", accountPath+"/access-token", "getAccessToken", (*apiCall).accessToken, identity.ScopeToken),
	on("POST", accountPath+"/access-token/report", "reportAccessToken", (*apiCall).reportToken, identity.ScopeToken),
}

// pattern is the whole path of the endpoint, with names in braces.
func (e *endpoint) pattern() string {
	if strings.HasPrefix(e.path, "/") {
		return e.path
	}
	return realmPath + e.path
}

// none is the body, or the answer, of an endpoint that has none.
type none struct{}

// on makes an endpoint of what it takes and gives.
//
//go:noinline
func on[In, Out any](method, path, id string, serve func(*apiCall, In) (Out, error), scopes ...identity.Scope) *endpoint {
	e := &endpoint{method: method, path: path, id: id, status: http.StatusOK, scopes: scopes, in: reflect.TypeFor[In](), out: reflect.TypeFor[Out]()}
	e.serve = func(c *apiCall, body []byte) ([]byte, error) {
		var in In
		if err := decodeBody(body, &in); err != nil {
			return nil, err
		}
		out, err := serve(c, in)
		if err != nil || e.out == reflect.TypeFor[none]() {
			return nil, err
		}
		return json.Marshal(out)
	}
	return e
}

// writes says that the endpoint changes something, and how it says that it has.
func (e *endpoint) writes(status int) *endpoint {
	e.changes, e.status = true, status
	return e
}

// queryOf turns a query into the JSON of what an endpoint takes: each name once, and no
// other ones.
func queryOf(raw string, in reflect.Type) ([]byte, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, apiRefuse(apiBadQuery)
	}
	fields := map[string]reflect.Kind{}
	for i := range in.NumField() {
		name, _, _ := strings.Cut(in.Field(i).Tag.Get("json"), ",")
		fields[name] = in.Field(i).Type.Kind()
	}
	found := map[string]any{}
	for name, given := range values {
		kind, known := fields[name]
		if !known || len(given) > 1 {
			return nil, apiRefuse(apiBadQuery)
		}
		found[name] = given[0]
		if kind == reflect.Int {
			if found[name], err = strconv.Atoi(given[0]); err != nil {
				return nil, apiRefuse(apiBadQuery).saying("%s has to be a number", name)
			}
		}
	}
	return json.Marshal(found)
}

const (
	maxPage     = 1000
	defaultPage = 100
)

// pageSize is how many rows are asked for.
func pageSize(limit int) (int, error) {
	if limit == 0 {
		return defaultPage, nil
	}
	if limit < 0 || limit > maxPage {
		return 0, apiRefuse(apiBadQuery).saying("limit has to be 1 to %d", maxPage)
	}
	return limit, nil
}
