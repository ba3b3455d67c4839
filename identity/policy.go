package identity

// Policies are what a realm may decide for itself. The zero value is the default.
type Policies struct {
	// Attached lets the virtual user to whom a unionid leads already survive an older
	// guest (D3). By default the oldest born survives, whatever came first.
	Attached bool
	// Unionids is how many unionids of one subject a user may serve, from 1; 0 is 1.
	Unionids int
	// Silent gives a person a real user as soon as his unionid is known. By default he
	// stays virtual until a business names him.
	Silent bool
	// Hints takes what an old table says of an openid for a session's user (A5) until
	// the unionid is known. By default he is a guest until then.
	Hints bool
}

func (p Policies) unionids() int { return max(p.Unionids, 1) }
