package directory

import "fmt"

// Realm is one company's user-id space.
type Realm struct {
	// The realm's name: 1 to 64 of A-Za-z0-9._-
	Name string `json:"name,omitempty"`

	// Which of two virtual users survives when they turn out to be one person:
	// `oldest`, the one born first, or `attached`, the one to whom the unionid leads
	// already. Default: `oldest`, which does not depend on what came first.
	Survivor string `json:"survivor,omitempty"`

	// How many WeChat accounts of one subject may lead to the same user, 1 to 100.
	// Default: 1.
	UnionidsPerUser int `json:"unionids_per_user,omitempty"`

	// When a person gets a real user: `login`, when a business names one, or `silent`,
	// as soon as the unionid is known; then the gateway mints the id.
	// Default: `login`.
	Register string `json:"register,omitempty"`

	// Whether a visitor is taken for the user whom an imported table names for his
	// openid, until his unionid is known. Default: `off`.
	LegacyHints string `json:"legacy_hints,omitempty"`

	// Who hears what happens to the realm's user ids.
	Broadcast []*Line `json:"broadcast,omitempty"`
}

// fill sets what the operator left out.
func (r *Realm) fill() {
	for field, value := range map[*string]string{&r.Survivor: "oldest", &r.Register: "login", &r.LegacyHints: "off"} {
		if *field == "" {
			*field = value
		}
	}
	if r.UnionidsPerUser == 0 {
		r.UnionidsPerUser = 1
	}
}

// check is called on a realm with its defaults.
func (r *Realm) check() *Fault {
	fault := func(field, format string, args ...any) *Fault {
		return &Fault{"realm", r.Name, field, fmt.Sprintf(format, args...)}
	}
	switch {
	case r.Survivor != "oldest" && r.Survivor != "attached":
		return fault("survivor", "survivor is `oldest` or `attached`, not %q", r.Survivor)
	case r.UnionidsPerUser < 1 || r.UnionidsPerUser > 100:
		return fault("unionids_per_user", "unionids_per_user is a number from 1 to 100, not %d", r.UnionidsPerUser)
	case r.Register != "login" && r.Register != "silent":
		return fault("register", "register is `login` or `silent`, not %q", r.Register)
	case r.LegacyHints != "on" && r.LegacyHints != "off":
		return fault("legacy_hints", "legacy_hints is `on` or `off`, not %q", r.LegacyHints)
	}
	return nil
}
