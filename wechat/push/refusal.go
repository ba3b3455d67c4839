package push

// Refusal says why a push, an answer or a key isn't taken. It holds nothing of what
// was sent, and may be logged and counted. Outside all refusals have to look alike:
// the difference between two of them is what attacks on padding live on.
type Refusal struct {
	// Code is one of the constants below. It is stable.
	Code string
	// Why is a sentence for the operator.
	Why string
}

func (r *Refusal) Error() string { return r.Why }

// Codes of a [Refusal].
const (
	CodeKeys      = "keys"      // our configuration is of no use
	CodeQuery     = "query"     // a parameter is missing, there twice, or malformed
	CodeSignature = "signature" // forged, or signed with another token
	CodeStale     = "stale"     // too old, or from the future
	CodeMode      = "mode"      // plain where it has to be encrypted, or the reverse
	CodeSize      = "size"      // too large
	CodeEncoding  = "encoding"  // not UTF-8
	CodeDoctype   = "doctype"   // has a document type, which could define entities
	CodeDepth     = "depth"     // nested too deeply
	CodeElements  = "elements"  // too many elements
	CodeSyntax    = "syntax"    // neither XML nor JSON: cut, or something hangs on to it
	CodeField     = "field"     // a field of the head is missing, malformed or there twice
	CodeCipher    = "cipher"    // the encrypted text isn't Base64 of whole blocks
	CodePadding   = "padding"   // wrong padding: encrypted with another key
	CodeLength    = "length"    // the encrypted length goes past the end
	CodeAppID     = "appid"     // encrypted for another account
	CodeReply     = "reply"     // a reply that WeChat wouldn't take
)

var sentences = map[string]string{
	CodeKeys:      "the account's push can't be read with what is configured: a token, and for the modes safe and compatible one or two EncodingAESKeys of 43 letters and digits",
	CodeQuery:     "a parameter that WeChat adds to the URL is missing, malformed or there twice",
	CodeSignature: "the signature doesn't fit: the token differs from the one in WeChat's console, or WeChat didn't send this",
	CodeStale:     "the signature is too old, or dated in the future: somebody sends an old push again, or a clock is wrong",
	CodeMode:      "the push isn't in the mode that the account is configured for: choose the same one here and in WeChat's console",
	CodeSize:      "the body is too large for a push",
	CodeEncoding:  "the body isn't UTF-8",
	CodeDoctype:   "the body has a document type, which no push has",
	CodeDepth:     "the body is nested more deeply than any push",
	CodeElements:  "the body has more elements than any push",
	CodeSyntax:    "the body is neither XML nor JSON as WeChat sends it: it is cut, or something follows it",
	CodeField:     "a field that every push has is missing, malformed or there twice with different values",
	CodeCipher:    "the encrypted text isn't Base64 of whole blocks",
	CodePadding:   "the encrypted text doesn't open: the EncodingAESKey differs from the one in WeChat's console",
	CodeLength:    "the encrypted text is shorter than it says",
	CodeAppID:     "the encrypted text is meant for another account",
	CodeReply:     "the reply isn't one that WeChat takes",
}

func refuse(code string) *Refusal { return &Refusal{Code: code, Why: sentences[code]} }
