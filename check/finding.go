package check

import "strings"

// Text is a sentence in both languages.
type Text struct {
	EN string `json:"en"`
	ZH string `json:"zh"`
}

// Finding is what one part of the check has found.
type Finding struct {
	// What was tried, one of [Whats].
	What string `json:"what"`
	// OK says that it works, as far as that can be told from here.
	OK bool `json:"ok"`
	// Warn says that it deserves a look although it is OK: it will fail soon, or could
	// not be judged.
	Warn bool `json:"warn,omitempty"`
	// Code is stable; "ok" if there is nothing more to say.
	Code string `json:"code"`
	// Said tells what was found, Do what to do about it, which is empty if nothing.
	Said Text `json:"said"`
	Do   Text `json:"do,omitzero"`
}

// What is tried, in this order.
const (
	WhatToken    = "token"           // the account's access token can be fetched
	WhatRights   = "rights"          // the account may ask about its followers
	WhatTicket   = "js_ticket"       // pages may use the JS-SDK
	WhatTemplate = "templates"       // template messages may be sent
	WhatQuota    = "quota"           // the day's quotas last
	WhatVerify   = "verify_file"     // WeChat's domain check is answered
	WhatCallback = "callback_domain" // logins may come back to our host
	WhatNetwork  = "push_network"    // WeChat reaches the server that it pushes to
	WhatPush     = "push_url"        // pushes come out where they should
	WhatClock    = "clock"           // our clock agrees with WeChat's
)

// Whats are all of them, in order.
func Whats() []string {
	return []string{WhatToken, WhatRights, WhatTicket, WhatTemplate, WhatQuota, WhatVerify, WhatCallback, WhatNetwork, WhatPush, WhatClock}
}

// grade is how bad a code is.
type grade int

const (
	fine grade = iota
	look       // fine, but look at it
	bad
)

// found makes a finding of a code. In its texts {} stands for the detail.
func found(what, code, detail string) Finding {
	t, known := texts[code]
	if !known {
		t, detail = texts[codeRefused], code
	}
	fill := func(s string) string { return strings.ReplaceAll(s, "{}", detail) }
	return Finding{
		What: what, OK: t.grade != bad, Warn: t.grade == look, Code: code,
		Said: Text{EN: fill(t.said.EN), ZH: fill(t.said.ZH)},
		Do:   Text{EN: fill(t.do.EN), ZH: fill(t.do.ZH)},
	}
}

// Codes are all that a [Finding] can have, for documents and tests.
func Codes() []string {
	var all []string
	for code := range texts {
		all = append(all, code)
	}
	return all
}
