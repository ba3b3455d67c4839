package identity

var (
	unlinkedGuest = []Note{NoteUnlinkedGuest}
	staleGuest    = []Note{NoteStaleGuest}
	mismatch      = []Note{NoteUnionIDMismatch}
)

// decideTable is the decision table of docs/identity.md. Its words are explained at
// [scene] and [decideCase].
var decideTable = []decideCase{
	{row: "A1", name: "a stranger", claim: "-", user: "g", writes: "O:g"},
	{row: "A1", name: "a guest comes back", facts: "O has g", claim: "-", user: "g"},
	{row: "A1", name: "a guest comes back with his id", facts: "O has g", claim: "- g", user: "g"},
	{row: "A2", name: "a stranger with a cookie", claim: "- v", user: "g", writes: "O:g", notes: unlinkedGuest},
	{row: "A2", name: "a guest with another cookie", facts: "O has g", claim: "- v", user: "g", notes: unlinkedGuest},
	{row: "I6", name: "a real user without a unionid", claim: "- y!", code: CodeUnionIDNeeded},
	{row: "I6", name: "a known real user without a unionid", facts: "O has g; F is y", claim: "- y!", code: CodeUnionIDNeeded},

	{row: "B1", name: "bind", facts: "N is w; O has N", claim: "M bind", code: CodeUnionIDMismatch},
	{row: "B1", name: "bind with a virtual user", facts: "N is w; O has N", claim: "M v bind", code: CodeUnionIDMismatch},
	{row: "B1", name: "bind with a real user", facts: "N is x; O has N", claim: "M y! bind", code: CodeUnionIDMismatch},
	{row: "B1", name: "a login goes on by the record", facts: "N is w; O has N", claim: "M", user: "w", notes: mismatch},
	{row: "K1", name: "the unionid is filled in", facts: "N is w; O has N", claim: "-", user: "w"},
	{row: "K1", name: "the unionid is filled in for a real user", facts: "N is w; O has N", claim: "- y!", user: "y", writes: "N→y +y w⇒y", events: "w→y"},

	{row: "C1", name: "a stranger with a unionid", claim: "N", user: "g", writes: "O:g O→N N→g +g"},
	{row: "C2", name: "a guest", facts: "O has g", claim: "N", user: "g", writes: "O→N N→g +g"},
	{row: "C2", name: "a guest with his own id", facts: "O has g", claim: "N g", user: "g", writes: "O→N N→g +g"},
	{row: "C3", name: "the cookie's guest", claim: "N v", user: "v", writes: "O→N N→v +v"},
	{row: "C4", name: "g is older", born: "gvw", facts: "O has g", claim: "N v", user: "g", writes: "O→N N→g +g v⇒g", events: "v→g"},
	{row: "C4", name: "v is older", born: "vgw", facts: "O has g", claim: "N v", user: "v", writes: "O→N N→v +v g⇒v", events: "g→v"},
	{row: "C5", name: "v serves another unionid", facts: "M is v", claim: "N v", user: "g", writes: "O:g O→N N→g +g", notes: staleGuest},
	{row: "C5", name: "v serves another unionid, guest", facts: "O has g; M is v", claim: "N v", user: "g", writes: "O→N N→g +g", notes: staleGuest},
	{row: "C5", name: "v serves a unionid of another subject", facts: "O has g; F is v", claim: "N v", user: "g", writes: "O→N N→g +g", notes: staleGuest},
	{row: "C5", name: "v became a real user", facts: "O has g; v is gone into y, F is y", claim: "N v", user: "g", writes: "O→N N→g +g", notes: staleGuest},
	{row: "C5", name: "v is the guest of another openid", facts: "O has g; P has v", claim: "N v", user: "g", writes: "O→N N→g +g", notes: staleGuest},
	{row: "C5", name: "v is in truth a real user", facts: "O has g; F is y", claim: "N y", user: "g", writes: "O→N N→g +g", notes: staleGuest},
	{row: "C6", name: "a new real user", claim: "N y!", user: "y", writes: "O→N N→y +y"},
	{row: "C6", name: "a real user of another subject", facts: "F is y", claim: "N y!", user: "y", writes: "O→N N→y"},
	{row: "C7", name: "a guest becomes a real user", facts: "O has g", claim: "N y!", user: "y", writes: "O→N N→y +y g⇒y", events: "g→y"},
	{row: "C8", name: "y serves another unionid", facts: "M is y", claim: "N y!", code: CodeUserTaken},
	{row: "C8", name: "y serves another unionid, guest", facts: "O has g; M is y", claim: "N y!", code: CodeUserTaken},

	{row: "D1", name: "first time", facts: "N is w", claim: "N", user: "w", writes: "O→N"},
	{row: "D1", name: "again", facts: "N is w; O has N", claim: "N", user: "w"},
	{row: "D1", name: "with his own id", facts: "N is w", claim: "N w", user: "w", writes: "O→N"},
	{row: "D2", name: "g is younger", born: "wvg", facts: "N is w; O has g", claim: "N", user: "w", writes: "O→N g⇒w", events: "g→w"},
	{row: "D3", name: "g is older", born: "gvw", facts: "N is w; O has g", claim: "N", user: "g", writes: "O→N N→g +g w⇒g", events: "w→g"},
	{row: "D4", name: "w is older", born: "wvg", facts: "N is w", claim: "N v", user: "w", writes: "O→N v⇒w", events: "v→w"},
	{row: "D4", name: "v is older", born: "gvw", facts: "N is w", claim: "N v", user: "v", writes: "O→N N→v +v w⇒v", events: "w→v"},
	{row: "D4", name: "same N", born: "vwg", facts: "N is w; O has N", claim: "N v", user: "v", writes: "N→v +v w⇒v", events: "w→v"},
	{row: "D4", name: "guest", born: "gvw", facts: "N is w; O has g", claim: "N v", user: "g", writes: "O→N N→g +g w⇒g v⇒g", events: "w→g v→g"},
	{row: "D4", name: "guest", born: "gwv", facts: "N is w; O has g", claim: "N v", user: "g", writes: "O→N N→g +g w⇒g v⇒g", events: "w→g v→g"},
	{row: "D4", name: "guest", born: "vgw", facts: "N is w; O has g", claim: "N v", user: "v", writes: "O→N N→v +v w⇒v g⇒v", events: "w→v g→v"},
	{row: "D4", name: "guest", born: "vwg", facts: "N is w; O has g", claim: "N v", user: "v", writes: "O→N N→v +v w⇒v g⇒v", events: "w→v g→v"},
	{row: "D4", name: "guest", born: "wgv", facts: "N is w; O has g", claim: "N v", user: "w", writes: "O→N g⇒w v⇒w", events: "g→w v→w"},
	{row: "D4", name: "guest", born: "wvg", facts: "N is w; O has g", claim: "N v", user: "w", writes: "O→N g⇒w v⇒w", events: "g→w v→w"},
	{row: "D5", name: "v serves another unionid", facts: "N is w; M is v", claim: "N v", user: "w", writes: "O→N", notes: staleGuest},
	{row: "D5", name: "v serves a unionid of another subject", facts: "N is w; F is v", claim: "N v", user: "w", writes: "O→N", notes: staleGuest},
	{row: "D5", name: "v became a real user", facts: "N is w; v is gone into y, F is y", claim: "N v", user: "w", writes: "O→N", notes: staleGuest},
	{row: "D5", name: "v became a real user, g is younger", born: "wvg", facts: "N is w; O has g; v is gone into y, F is y", claim: "N v", user: "w", writes: "O→N g⇒w", events: "g→w", notes: staleGuest},
	{row: "D5", name: "v became a real user, g is older", born: "gvw", facts: "N is w; O has g; v is gone into y, F is y", claim: "N v", user: "g", writes: "O→N N→g +g w⇒g", events: "w→g", notes: staleGuest},
	{row: "D6", name: "a new real user", facts: "N is w", claim: "N y!", user: "y", writes: "O→N N→y +y w⇒y", events: "w→y"},
	{row: "D6", name: "a real user of another subject", facts: "N is w; F is y", claim: "N y!", user: "y", writes: "O→N N→y w⇒y", events: "w→y"},
	{row: "D7", name: "guest", facts: "N is w; O has g", claim: "N y!", user: "y", writes: "O→N N→y +y w⇒y g⇒y", events: "w→y g→y"},
	{row: "D8", name: "y serves another unionid", facts: "N is w; M is y", claim: "N y!", code: CodeUserTaken},
	{row: "D8", name: "y serves another unionid, guest", facts: "N is w; O has g; M is y", claim: "N y!", code: CodeUserTaken},

	{row: "E1", name: "first time", facts: "N is x", claim: "N", user: "x", writes: "O→N"},
	{row: "E1", name: "again", facts: "N is x; O has N", claim: "N", user: "x"},
	{row: "E2", name: "guest", facts: "N is x; O has g", claim: "N", user: "x", writes: "O→N g⇒x", events: "g→x"},
	{row: "E3", name: "the cookie's guest", facts: "N is x", claim: "N v", user: "x", writes: "O→N v⇒x", events: "v→x"},
	{row: "E3", name: "same N", facts: "N is x; O has N", claim: "N v", user: "x", writes: "v⇒x", events: "v→x"},
	{row: "E3", name: "guest", facts: "N is x; O has g", claim: "N v", user: "x", writes: "O→N g⇒x v⇒x", events: "g→x v→x"},
	{row: "E4", name: "v serves another unionid", facts: "N is x; M is v", claim: "N v", user: "x", writes: "O→N", notes: staleGuest},
	{row: "E4", name: "v serves a unionid of another subject", facts: "N is x; F is v", claim: "N v", user: "x", writes: "O→N", notes: staleGuest},
	{row: "E4", name: "v became another real user", facts: "N is x; O has g; v is gone into y, F is y", claim: "N v", user: "x", writes: "O→N g⇒x", events: "g→x", notes: staleGuest},
	{row: "E5", name: "first time", facts: "N is x", claim: "N x!", user: "x", writes: "O→N"},
	{row: "E5", name: "guest", facts: "N is x; O has g", claim: "N x!", user: "x", writes: "O→N g⇒x", events: "g→x"},
	{row: "E6", name: "another real user", facts: "N is x", claim: "N y!", code: CodeUnionIDTaken},
	{row: "E6", name: "another real user, guest", facts: "N is x; O has g", claim: "N y!", code: CodeUnionIDTaken},
	{row: "E6", name: "another real user who serves another unionid", facts: "N is x; M is y", claim: "N y!", code: CodeUnionIDTaken},
}
