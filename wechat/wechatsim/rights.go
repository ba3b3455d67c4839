package wechatsim

// What accounts may do, by their kind (wechat-api.md §13). An endpoint names one of
// these; an account without the right gets 48001.

// mayCall is the right to a global token at all.
func mayCall(a Account) bool { return a.official() || a.Kind == KindMini }

// mayTicket is the right to the tickets of the JS-SDK.
func mayTicket(a Account) bool { return a.official() }

// mayReadFans is the right to ask who follows, and to write to followers.
func mayReadFans(a Account) bool { return a.official() && a.verified() }

// mayServe is the right of verified service accounts: parametric QR codes,
// template messages.
func mayServe(a Account) bool { return a.service() && a.verified() }

// mayMini is the right of mini programs.
func mayMini(a Account) bool { return a.Kind == KindMini }

func (a Account) service() bool { return a.Kind == "" || a.Kind == KindService }

// official says whether the account is an Official Account: one that can be
// followed.
func (a Account) official() bool { return a.service() || a.Kind == KindSubscription }

func (a Account) verified() bool { return !a.Unverified || a.Sandbox }
