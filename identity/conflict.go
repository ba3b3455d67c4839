package identity

// Conflict is a call that contradicts the facts. Nothing was changed.
type Conflict struct {
	Code string
	// User is whom the call named, Holder who stands in the way, if somebody does.
	User   string
	Holder string
}

// The codes of a [Conflict].
const (
	CodeUnionIDMismatch = "unionid_mismatch" // the openid is on record with another unionid (B1)
	CodeUnionIDTaken    = "unionid_taken"    // the unionid leads to another real user (E6)
	CodeUserTaken       = "user_taken"       // the real user serves another unionid of this subject (C8, D8)
	CodeUnionIDNeeded   = "unionid_needed"   // a real user can't be linked by an openid alone (I6)
	CodeUserVirtual     = "user_virtual"     // an id that the gateway minted was named as a real one (K5)
	CodeUserUnknown     = "user_unknown"     // nobody has this id
	CodeUserRetired     = "user_retired"     // the id was retired; Holder is who stands for it
	CodeUserErased      = "user_erased"      // the id was erased and never comes back (I3)
	CodeUserBlocked     = "user_blocked"     // the user is blocked
	CodeNotBound        = "not_bound"        // no WeChat account leads to this user
	CodeSubjectNeeded   = "subject_needed"   // WeChat accounts of several subjects lead to this user
	CodeSameUser        = "same_user"        // both sides are one user already
	CodeHintTaken       = "hint_taken"       // another row names another user for this openid
	CodeRebindWaiting   = "rebind_waiting"   // a move of this user is waiting already
	CodeRebindUnknown   = "rebind_unknown"   // there is no such move, or it has ended
	CodeOpenidUnknown   = "openid_unknown"   // nothing is known of this openid
	CodeSubjectMissing  = "subject_missing"  // a unionid was given for an account without a subject
	CodeForeignUnionID  = "foreign_unionid"  // the unionid is on record in another subject
	CodeSeveralUnionIDs = "several_unionids" // several WeChat accounts of the subject lead to this user
	CodeNothing         = "nothing_to_import"
)

// conflictTexts say what is wrong and what can be done, in this order.
var conflictTexts = map[string][2]string{
	CodeUnionIDMismatch: {"the openid is on record with another unionid", "if the account has moved to another open platform, run `caddy wsite resubject`"},
	CodeUnionIDTaken:    {"this WeChat account already leads to another user", "log in as that user, or let an operator merge the two, or rebind"},
	CodeUserTaken:       {"another WeChat account already leads to this user", "log in with that one, or let an operator unbind or rebind the user"},
	CodeUnionIDNeeded:   {"a user can't be linked by an openid alone", "send the unionid too, or bind with the visitor's own token"},
	CodeUserVirtual:     {"this id was minted by the gateway and is nobody's own", "name the id that your business gave the user"},
	CodeUserUnknown:     {"nobody has this id", "check the id and the realm"},
	CodeUserRetired:     {"this id was retired", "use the id that stands for it"},
	CodeUserErased:      {"this user was erased", "give the person a new id"},
	CodeUserBlocked:     {"this user is blocked", "unblock him first"},
	CodeNotBound:        {"no WeChat account leads to this user", "there is nothing to take apart"},
	CodeSubjectNeeded:   {"WeChat accounts of several subjects lead to this user", "say which subject"},
	CodeSameUser:        {"both are the same user already", "there is nothing to do"},
	CodeHintTaken:       {"another row names another user for this openid", "decide which is right, and import that row alone"},
	CodeRebindWaiting:   {"a move of this user is waiting already", "cancel it first"},
	CodeRebindUnknown:   {"there is no such move, or it has ended", "list the moves"},
	CodeOpenidUnknown:   {"nothing is known of this openid", "let the visitor open a page first"},
	CodeSubjectMissing:  {"this account has no subject, so it can't have unionids", "give the account its `subject`, or leave the unionid out"},
	CodeForeignUnionID:  {"this unionid is on record in another subject", "check the subjects of both accounts: a unionid belongs to one open platform"},
	CodeSeveralUnionIDs: {"several WeChat accounts of this subject lead to this user", "unbind the one that was lost, then bind the new one"},
	CodeNothing:         {"the row names neither a unionid nor a user", "leave it out"},
}

// ConflictCodes are all of them, for documents and tests.
func ConflictCodes() []string {
	var codes []string
	for code := range conflictTexts {
		codes = append(codes, code)
	}
	return codes
}

func (c *Conflict) Error() string {
	text := conflictTexts[c.Code][0]
	if text == "" {
		text = c.Code
	}
	if c.Holder != "" {
		text += " (" + Mask(c.Holder) + ")"
	}
	return text
}

// Advice says what can be done about a conflict.
func (c *Conflict) Advice() string { return conflictTexts[c.Code][1] }

// Mask shortens an id for the eyes of somebody whom it doesn't concern: enough to
// compare two, not enough to use one.
func Mask(id string) string {
	if len(id) <= 6 {
		return id[:min(len(id), 1)] + "…"
	}
	return id[:3] + "…" + id[len(id)-2:]
}
