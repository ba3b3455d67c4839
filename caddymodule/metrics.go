package caddymodule

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/inbox"
	"github.com/caddy-wsite/caddy-wsite/message"
)

// metrics are counted in Caddy's registry. Each is described in
// docs/operations.md; labels never hold what a visitor can choose.
type metrics struct {
	refusals *prometheus.CounterVec
	logins   *prometheus.CounterVec
	cookies  *prometheus.CounterVec
	notes    *prometheus.CounterVec
	binds    *prometheus.CounterVec
	calls    *prometheus.CounterVec
	sent     *prometheus.CounterVec
	lag      *prometheus.GaugeVec
	dead     *prometheus.GaugeVec
	jobs     *prometheus.CounterVec
	messages *prometheus.CounterVec
	pushes   *prometheus.CounterVec
	scans    *prometheus.CounterVec
	bindings *prometheus.CounterVec
	alarms   *prometheus.GaugeVec
	pushLag  *prometheus.GaugeVec
	pushDead *prometheus.GaugeVec
	queued   *prometheus.GaugeVec
	quota    *prometheus.GaugeVec
	tokens   prometheus.Counter
	facts    prometheus.Gauge
	cluster  prometheus.Gauge
	fallback prometheus.CounterFunc
	limited  *prometheus.CounterVec
	visitors prometheus.GaugeFunc
	tally    tally // the same for the console, by the hour
}

func newMetrics(registry *prometheus.Registry, a *App) (*metrics, error) {
	counters := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "wsite", Name: name, Help: help}, labels)
	}
	gauges := func(name, help string, labels ...string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "wsite", Name: name, Help: help}, labels)
	}
	m := &metrics{
		refusals: counters("refusals_total", "Requests answered by the gateway instead of the site, by step and code.", "step", "code"),
		logins:   counters("logins_total", "What became of logins.", "outcome"),
		cookies:  counters("cookies_refused_total", "Cookies of ours that did not open or were revoked.", "cookie"),
		notes:    counters("identity_notes_total", "What the identity centre met and left alone.", "note"),
		binds:    counters("binds_total", "Logins that businesses told, by the way they came and what became of them.", "via", "outcome"),
		calls:    counters("api_requests_total", "Requests to the HTTP API, by endpoint and code.", "endpoint", "code"),
		sent:     counters("broadcast_deliveries_total", "Attempts to tell a line of business of an event.", "realm", "line", "outcome"),
		lag:      gauges("broadcast_lag_seconds", "Age of the oldest event that a line of business has yet to take.", "realm", "line"),
		dead:     gauges("broadcast_dead_letters", "Events that a line of business has not taken for days.", "realm", "line"),
		jobs:     counters("job_changes_total", "States that background jobs came into.", "kind", "state"),
		messages: counters("messages_total", "States that messages came into, by account and kind.", "appid", "kind", "state"),
		pushes:   counters("pushes_total", "What became of WeChat's pushes, by account and target.", "appid", "target", "outcome", "code"),
		scans:    counters("qr_scans_total", "Scans of parametric QR codes, by what they are for and what came of it.", "purpose", "outcome"),
		bindings: counters("merchant_scans_total", "Scans of the codes of merchants, by account and what came of it.", "appid", "outcome"),
		alarms:   gauges("account_alarm", "1 while an account needs its operator: WeChat gives it no token.", "appid", "kind"),
		pushLag:  gauges("push_lag_seconds", "Age of the oldest push that a target has yet to take.", "appid", "target"),
		pushDead: gauges("push_dead", "Pushes that a target has not taken for a day.", "appid", "target"),
		queued:   gauges("message_queue", "Messages that are not sent yet.", "appid", "kind"),
		quota:    gauges("wechat_quota_used", "Calls of this node to WeChat since midnight in China.", "appid", "api"),
		tokens:   prometheus.NewCounter(prometheus.CounterOpts{Namespace: "wsite", Name: "tokens_signed_total", Help: "Tokens signed."}),
		facts:    prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "wsite", Name: "facts_up", Help: "1 while the facts can be reached."}),
		cluster:  prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "wsite", Name: "cluster_up", Help: "1 while what nodes share can be reached, or there is but one node."}),
		fallback: prometheus.NewCounterFunc(prometheus.CounterOpts{Namespace: "wsite", Name: "cluster_fallbacks_total", Help: "Calls that this node answered by itself while Redis was away."},
			func() float64 { return float64(a.fallbacks()) }),
		limited: counters("limited_total", "What was refused for being over a limit.", "limit"),
		visitors: prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "wsite", Name: "visitors_cached", Help: "Visitors kept in memory."},
			func() float64 { return float64(a.visitors.len()) }),
	}
	for _, c := range []prometheus.Collector{m.refusals, m.logins, m.cookies, m.notes, m.binds, m.calls, m.sent, m.lag, m.dead, m.jobs, m.messages, m.pushes, m.scans, m.bindings, m.alarms, m.pushLag, m.pushDead, m.queued, m.quota, m.tokens, m.facts, m.cluster, m.fallback, m.limited, m.visitors} {
		if err := registry.Register(c); err != nil {
			return nil, err
		}
	}
	m.facts.Set(1)
	m.cluster.Set(1)
	return m, nil
}

func (m *metrics) refused(ref *refusal) {
	m.refusals.WithLabelValues(ref.step(), string(ref.code)).Inc()
	m.tally.refused(ref.status())
}

func (m *metrics) login(outcome string) {
	m.logins.WithLabelValues(outcome).Inc()
	m.tally.login(outcome)
}

func (m *metrics) message(x message.Message) {
	m.messages.WithLabelValues(x.AppID, string(x.Kind), string(x.State)).Inc()
	m.tally.message(x.State)
}

func (m *metrics) push(o inbox.Observation) {
	m.pushes.WithLabelValues(o.AppID, o.Target, o.What, o.Code).Inc()
	m.tally.pushed(o)
}

func (m *metrics) cookieRefused(kind string) { m.cookies.WithLabelValues(kind).Inc() }
func (m *metrics) bound(via, code string)    { m.binds.WithLabelValues(via, code).Inc() }
func (m *metrics) signed()                   { m.tokens.Inc() }

func (m *metrics) called(endpoint, code string) {
	m.calls.WithLabelValues(endpoint, code).Inc()
}

func (m *metrics) resolved(answer identity.Answer) {
	for _, note := range answer.Notes {
		m.notes.WithLabelValues(string(note)).Inc()
	}
}

func (m *metrics) factsUp(up bool)   { set(m.facts, up) }
func (m *metrics) clusterUp(up bool) { set(m.cluster, up) }

func set(g prometheus.Gauge, up bool) {
	if up {
		g.Set(1)
		return
	}
	g.Set(0)
}
