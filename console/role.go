package console

import "slices"

// Role says what somebody on the staff may do. Each may do what the ones before it may.
type Role string

const (
	Viewer        Role = "viewer"
	Operator      Role = "operator"
	Administrator Role = "administrator"
)

// Roles are all of them, the least first.
var Roles = []Role{Viewer, Operator, Administrator}

// Valid says whether it is one of [Roles].
func (r Role) Valid() bool { return slices.Contains(Roles, r) }

// Action is something that staff do here.
type Action string

const (
	keepSelf        Action = "self" // his own password and sessions
	seeOverview     Action = "overview"
	seeAccounts     Action = "accounts"      // how accounts stand
	checkAccount    Action = "account.check" // asks WeChat
	configure       Action = "configure"     // accounts and sites
	seeMerchants    Action = "merchants"
	editMerchants   Action = "merchant.edit"
	bindMerchants   Action = "merchant.bind" // codes, and who is bound
	notifyMerchants Action = "merchant.notify"
	seeUsers        Action = "users"
	operateUsers    Action = "user.operate" // sessions, blocks and links
	mergeUsers      Action = "user.merge"   // and erase, and resolve conflicts
	seeMessages     Action = "messages"
	sendMessages    Action = "message.send" // again, or never
	clearQuota      Action = "quota.clear"
	seeEvents       Action = "events"
	replayEvents    Action = "event.replay"
	seePushes       Action = "pushes"
	replayPushes    Action = "push.replay"
	seeJobs         Action = "jobs"
	runJobs         Action = "job.run"
	seeAudit        Action = "audit"
	keepStaff       Action = "staff"
	seeJournal      Action = "journal"
)

// rights is the least role that each action takes.
var rights = map[Action]Role{
	keepSelf:        Viewer,
	seeOverview:     Viewer,
	seeAccounts:     Viewer,
	checkAccount:    Operator,
	configure:       Administrator,
	seeMerchants:    Viewer,
	editMerchants:   Operator,
	bindMerchants:   Operator,
	notifyMerchants: Operator,
	seeUsers:        Viewer,
	operateUsers:    Operator,
	mergeUsers:      Administrator,
	seeMessages:     Viewer,
	sendMessages:    Operator,
	clearQuota:      Administrator,
	seeEvents:       Viewer,
	replayEvents:    Operator,
	seePushes:       Viewer,
	replayPushes:    Operator,
	seeJobs:         Viewer,
	runJobs:         Operator,
	seeAudit:        Administrator,
	keepStaff:       Administrator,
	seeJournal:      Administrator,
}

// May says whether the role is enough for an action.
func (r Role) May(a Action) bool {
	least, known := rights[a]
	return known && r.Valid() && slices.Index(Roles, r) >= slices.Index(Roles, least)
}
