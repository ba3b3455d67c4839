package caddymodule

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/caddy-wsite/caddy-wsite/console"
	"github.com/caddy-wsite/caddy-wsite/scene"
)

func init() { caddy.RegisterModule(new(Console)) }

// Console is the page for staff: the merchants and who is bound to them, how the accounts
// stand, who the staff are. It answers
// everything that reaches it, so it gets a host of its own. docs/console.md describes it.
type Console struct {
	// The least role that has to have a second factor: `viewer`, `operator` or
	// `administrator`. Who hasn't turned one on can do nothing else. Default: none.
	RequireSecondFactor console.Role `json:"require_second_factor,omitempty"`

	app     *App
	once    sync.Once
	console *console.Console
}

// CaddyModule returns the Caddy module information.
func (*Console) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.wsite_console", New: func() caddy.Module { return new(Console) }}
}

// Provision finds the app.
func (h *Console) Provision(ctx caddy.Context) error {
	app, err := appOf(ctx)
	h.app = app
	return err
}

// Validate judges what was configured.
func (h *Console) Validate() error {
	if h.RequireSecondFactor != "" && !h.RequireSecondFactor.Valid() {
		return fmt.Errorf("require_second_factor: there is no role %q; use viewer, operator or administrator", h.RequireSecondFactor)
	}
	return nil
}

// ServeHTTP answers a request; it never calls the next handler.
func (h *Console) ServeHTTP(w http.ResponseWriter, r *http.Request, _ caddyhttp.Handler) (err error) {
	strip(r) // nothing here believes X-User, and nothing shall
	if err := h.app.awaitReady(r); err != nil {
		return caddyhttp.Error(http.StatusServiceUnavailable, err)
	}
	h.once.Do(func() {
		h.console = h.app.newConsole()
		h.console.Factor = h.RequireSecondFactor
	})
	answer := &begun{ResponseWriter: w}
	defer h.app.survive(r, func() {
		if answer.yes { // a table that is cut off mustn't look whole
			panic(http.ErrAbortHandler)
		}
		err = caddyhttp.Error(http.StatusInternalServerError, errors.New("a bug, see the log"))
	})
	h.console.ServeHTTP(answer, r)
	return nil
}

// newConsole makes a console over the facts of the app, once these are open.
func (a *App) newConsole() *console.Console {
	return console.New(console.Config{
		AppIDs: a.appIDs, Messages: consoleMessages{a}, Events: consoleEvents{a}, Pushes: consolePushes{a}, Jobs: consoleJobs{a}, Audit: consoleAudit{a},
		Store: a.consoleStore(), Overview: consoleOverview{a}, Zone: a.zone, Accounts: consoleAccounts{a}, Directory: consoleDirectory{a}, Realms: a.consoleRealms, Merchants: a.desk, Notices: a.desk, Users: consoleUsers{a}, Templates: a.consoleTemplates, Draw: drawCode, Now: func() time.Time { return a.now() }, Random: a.random,
		Sealer: a.factors,
		Within: func(ctx context.Context, by string) (time.Duration, bool) {
			verdict, within := a.count(ctx, limitConsoleLogins, by)
			return verdict.RetryAfter, within
		},
		Codes: func(ctx context.Context, by string) (time.Duration, bool) {
			verdict, within := a.count(ctx, limitConsoleCodes, by)
			return verdict.RetryAfter, within
		},
		Client: clientOf, Secure: a.jar.secure, Leave: a.leaveSetup, Log: a.slog,
	})
}

// consoleRealms are the realms, each with the accounts at which its merchants can be bound.
func (a *App) consoleRealms() []console.Realm {
	var list []console.Realm
	for _, realm := range a.directory().Realms() {
		r := console.Realm{Name: realm.Name}
		for _, account := range a.directory().Accounts() {
			if a.bindsAt(realm.Name, account.AppID) {
				r.Accounts = append(r.Accounts, account.AppID)
			}
		}
		slices.Sort(r.Accounts)
		list = append(list, r)
	}
	// Where merchants can be bound, staff have more to do.
	slices.SortStableFunc(list, func(x, y console.Realm) int {
		return cmp.Or(cmp.Compare(len(y.Accounts), len(x.Accounts)), strings.Compare(x.Name, y.Name))
	})
	return list
}

// consoleTemplates are the templates of an account that WeChat still lists.
func (a *App) consoleTemplates(ctx context.Context, appID string) ([]console.Template, error) {
	all, _, err := a.messages.Templates(ctx, appID)
	var list []console.Template
	for _, t := range all {
		if t.Removed.IsZero() {
			list = append(list, console.Template{ID: t.ID, Title: t.Title})
		}
	}
	return list, err
}

// drawCode draws a code for a page, and as a file.
func drawCode(url string) (svg, png []byte, err error) {
	if svg, err = scene.SVG(url); err != nil {
		return nil, nil, err
	}
	png, err = scene.PNG(url, 860)
	return svg, png, err
}

func (a *App) consoleStore() console.Store { return a.facts().Store.(pooledStore).Store }

// leaveSetup puts the code for the first administrator into a file that only who runs the
// gateway can read.
func (a *App) leaveSetup(code string) error {
	dir := caddy.AppDataDir()
	if a.Facts.Postgres == "" {
		dir = filepath.Dir(a.Facts.SQLite)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	file, err := os.CreateTemp(dir, "console-setup-*") // made with 0600
	if err != nil {
		return err
	}
	path := filepath.Join(dir, "console-setup.txt")
	_, err = fmt.Fprintf(file, "Open this path of the console within 24 hours to make the first administrator:\n/setup#%s\n", code)
	if cerr := file.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		_ = os.Remove(file.Name())
		return err
	}
	a.log.Warn("the console has no staff yet: a file holds the link with which the first administrator is made", zap.String("file", path))
	return nil
}

// inWords is what something is called in both languages.
func inWords(of interface{ Say() (en, zh string) }) console.Text {
	en, zh := of.Say()
	return console.Text{ZH: zh, EN: en}
}

var (
	_ caddy.Provisioner           = (*Console)(nil)
	_ caddy.Validator             = (*Console)(nil)
	_ caddyhttp.MiddlewareHandler = (*Console)(nil)
)
