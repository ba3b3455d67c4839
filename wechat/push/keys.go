package push

import (
	"cmp"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Mode is how pushes are written.
type Mode string

// The three modes of WeChat's console.
const (
	Plain      Mode = "plain"      // signed, but for the body
	Compatible Mode = "compatible" // plain and encrypted; only the encrypted part counts
	Safe       Mode = "safe"       // encrypted
)

const (
	// MaxBody is how many bytes a push may have; WeChat's have a few thousand.
	MaxBody = 1 << 20
	// DefaultWindow is how far a timestamp may be from our clock. WeChat tries three
	// times within 15 s and may sign a retry with the timestamp of the first try, so
	// the window is for clocks that differ. It is as long as most people's clocks are
	// wrong, and much shorter than the queue remembers what it has got: whatever is
	// replayed within the window is known, and whatever is forgotten is too old.
	DefaultWindow = 10 * time.Minute
)

// Keys are how an account's pushes are proved and read.
type Keys struct {
	AppID string
	Token string
	// AESKeys are EncodingAESKeys, the current one first; the previous one while the
	// key is changed. None are needed in the mode [Plain].
	AESKeys []string
	Mode    Mode
	// Window is how far a timestamp may be from now, either way; default
	// [DefaultWindow].
	Window time.Duration
}

// String leaves the token and the keys out.
func (k Keys) String() string { return "keys of " + k.AppID }

// Format leaves them out under every verb.
func (k Keys) Format(f fmt.State, _ rune) { fmt.Fprint(f, k.String()) }

// LogValue leaves them out of logs.
func (k Keys) LogValue() slog.Value { return slog.StringValue(k.String()) }

// Check says whether the keys are fit for use; the error is a [*Refusal] with
// [CodeKeys].
func (k Keys) Check() error {
	if k.Token == "" || k.AppID == "" || len(k.AESKeys) > 2 {
		return refuse(CodeKeys)
	}
	if k.Mode != Plain && k.Mode != Compatible && k.Mode != Safe || k.Mode != Plain && len(k.AESKeys) == 0 {
		return refuse(CodeKeys)
	}
	for _, text := range k.AESKeys {
		if _, err := aesKey(text); err != nil {
			return err
		}
	}
	return nil
}

// Echo answers WeChat's check of the URL: what it returns is the whole body of the
// answer, text/plain. It is plain in every mode.
func (k Keys) Echo(q url.Values) (string, error) {
	if k.Token == "" {
		return "", refuse(CodeKeys)
	}
	p, err := parametersOf(q, "signature", "echostr")
	if err != nil {
		return "", err
	}
	if !same(p["signature"], Sign(k.Token, p["timestamp"], p["nonce"])) {
		return "", refuse(CodeSignature)
	}
	return p["echostr"], nil
}

// Open verifies and reads a push: the query and the body of WeChat's POST. The error is
// a [*Refusal].
func (k Keys) Open(q url.Values, body []byte, now time.Time) (Message, error) {
	if err := k.Check(); err != nil {
		return Message{}, err
	}
	if len(body) > MaxBody {
		return Message{}, refuse(CodeSize)
	}
	if encrypted := q.Get("encrypt_type") == "aes"; len(q["encrypt_type"]) > 1 {
		return Message{}, refuse(CodeQuery)
	} else if encrypted != (k.Mode != Plain) {
		return Message{}, refuse(CodeMode)
	}
	if k.Mode == Plain {
		p, err := parametersOf(q, "signature")
		if err != nil {
			return Message{}, err
		}
		if !same(p["signature"], Sign(k.Token, p["timestamp"], p["nonce"])) {
			return Message{}, refuse(CodeSignature)
		}
		if err := k.fresh(p["timestamp"], now); err != nil {
			return Message{}, err
		}
		return Read(body)
	}
	p, err := parametersOf(q, "msg_signature")
	if err != nil {
		return Message{}, err
	}
	return k.openEncrypted(p, body, now)
}

func (k Keys) openEncrypted(p map[string]string, body []byte, now time.Time) (Message, error) {
	outer, err := parse(body)
	if err != nil {
		return Message{}, err
	}
	sealed, err := outer.root.only("encrypt")
	if err != nil {
		return Message{}, err
	}
	if sealed == "" { // plain text doesn't become true by a parameter that says otherwise
		return Message{}, refuse(CodeMode)
	}
	if !same(p["msg_signature"], Sign(k.Token, p["timestamp"], p["nonce"], sealed)) {
		return Message{}, refuse(CodeSignature)
	}
	if err := k.fresh(p["timestamp"], now); err != nil {
		return Message{}, err
	}
	plain, key, err := k.decrypt(sealed)
	if err != nil {
		return Message{}, err
	}
	m, err := Read(plain)
	m.key = key
	return m, err
}

// Age is how far a timestamp may be from now, either way.
func (k Keys) Age() time.Duration { return cmp.Or(k.Window, DefaultWindow) }

// fresh says whether a timestamp lies within the window.
func (k Keys) fresh(timestamp string, now time.Time) error {
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil {
		return refuse(CodeQuery)
	}
	window := int64(k.Age() / time.Second)
	if age := now.Unix() - seconds; age > window || age < -window {
		return refuse(CodeStale)
	}
	return nil
}

// parametersOf are the timestamp, the nonce and others of a query. Each has to be
// there once: of two, somebody else may read the other one.
func parametersOf(q url.Values, names ...string) (map[string]string, error) {
	p := map[string]string{}
	for _, name := range append(names, "timestamp", "nonce") {
		values := q[name]
		if len(values) != 1 || !visible(values[0]) {
			return nil, refuse(CodeQuery)
		}
		p[name] = values[0]
	}
	if strings.Trim(p["timestamp"], "0123456789") != "" || len(p["timestamp"]) > 12 {
		return nil, refuse(CodeQuery)
	}
	return p, nil
}

// visible says whether a parameter is 1 to 256 visible ASCII characters.
func visible(text string) bool {
	return text != "" && len(text) <= 256 && !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
}

// Sign is WeChat's signature of several values: SHA-1 in lower-case hexadecimal of all
// of them, sorted by their bytes and written one after the other.
func Sign(values ...string) string {
	values = slices.Clone(values)
	slices.Sort(values)
	sum := sha1.Sum([]byte(strings.Join(values, "")))
	return hex.EncodeToString(sum[:])
}

// same compares signatures in constant time.
func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
