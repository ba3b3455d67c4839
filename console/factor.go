package console

import (
	"bytes"
	"context"
	"crypto/subtle"
	"encoding/base32"
	"errors"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"
)

// The second factor: codes of an app on a phone (TOTP, RFC 6238), of 6 digits, each good
// for 30 seconds, by SHA-1, as all such apps take them.

const (
	factorPeriod = 30 // seconds
	factorDigits = 6
	// factorSkew is how many steps a clock may be off, either way.
	factorSkew = 1
	// Recoveries is how many recovery codes somebody gets.
	Recoveries   = 10
	recoverySize = 10 // bytes
)

// Factor is somebody's second factor.
type Factor struct {
	Staff  string
	Sealed []byte // the secret
	Step   int64  // of the last code that was used
}

// FactorStore keeps second factors. Every method that writes does it in one transaction.
type FactorStore interface {
	// ConsoleFactor finds somebody's, with how many recovery codes are left.
	ConsoleFactor(ctx context.Context, staff string) (f Factor, recoveries int, found bool, err error)
	// ConsoleFactors lists all.
	ConsoleFactors(ctx context.Context) ([]Factor, error)
	// PutConsoleFactor gives somebody a second factor with the digests of his recovery
	// codes, and ends all his sessions but one; false if he has one.
	PutConsoleFactor(ctx context.Context, f Factor, recoveries [][]byte, keep string) (bool, error)
	// SpendConsoleStep notes which step's code was used; false if that one, or a later
	// one, was before.
	SpendConsoleStep(ctx context.Context, staff string, step int64) (bool, error)
	// SpendConsoleRecovery takes a recovery code away; false if there is none such.
	SpendConsoleRecovery(ctx context.Context, staff string, hash []byte) (bool, error)
	// EndConsoleFactor takes somebody's away with his recovery codes; false if he had none.
	EndConsoleFactor(ctx context.Context, staff string) (bool, error)
	// ResealConsoleFactor writes what was sealed anew, unless it isn't as it was any more.
	ResealConsoleFactor(ctx context.Context, staff string, was, sealed []byte) error
}

// Sealer seals secrets; an [identity.Box] does.
type Sealer interface {
	Seal(plain []byte, context string) []byte
	Open(sealed []byte, context string) (plain []byte, stale bool, err error)
}

// factorOf is what somebody's secret is sealed for.
func factorOf(staff string) string { return "factor " + staff }

// Reseal seals under the master key in force what was sealed under the older one. A secret
// that doesn't open is left alone, and told of in the error, after all others.
func Reseal(ctx context.Context, store FactorStore, box Sealer) error {
	all, err := store.ConsoleFactors(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, f := range all {
		secret, stale, err := box.Open(f.Sealed, factorOf(f.Staff))
		if err == nil && stale {
			err = store.ResealConsoleFactor(ctx, f.Staff, f.Sealed, box.Seal(secret, factorOf(f.Staff)))
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// newFactor makes a secret, with the address that an app reads; host is what it calls it.
func (c *Console) newFactor(staff, host string) (secret, url string, err error) {
	host, _, _ = strings.Cut(host, ":")
	raw := make([]byte, 20)
	c.Random(raw)
	key, err := totp.Generate(totp.GenerateOpts{
		Issuer: "wsite " + host, AccountName: staff, Period: factorPeriod, Digits: factorDigits, Algorithm: otp.AlgorithmSHA1, SecretSize: 20, Rand: bytes.NewReader(raw),
	})
	if err != nil {
		return "", "", err
	}
	return key.Secret(), key.URL(), nil
}

// codeStep is the step whose code this is, of those around now; false for none.
func codeStep(secret, code string, now time.Time) (step int64, ok bool) {
	for off := int64(-factorSkew); off <= factorSkew; off++ {
		at := now.Unix()/factorPeriod + off
		want, err := totp.GenerateCodeCustom(secret, time.Unix(at*factorPeriod, 0), totp.ValidateOpts{Period: factorPeriod, Digits: factorDigits, Algorithm: otp.AlgorithmSHA1})
		// Without leaving early: how long it takes tells nothing.
		if err == nil && subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 {
			step, ok = at, true
		}
	}
	return step, ok
}

var recoveryText = base32.StdEncoding.WithPadding(base32.NoPadding)

// newRecoveries makes recovery codes, and what is kept of them.
func (c *Console) newRecoveries() (codes []string, hashes [][]byte) {
	for range Recoveries {
		raw := make([]byte, recoverySize)
		c.Random(raw)
		code := strings.ToLower(recoveryText.EncodeToString(raw))
		codes, hashes = append(codes, code[:4]+"-"+code[4:8]+"-"+code[8:12]+"-"+code[12:]), append(hashes, digest(code))
	}
	return codes, hashes
}

// plainCode is a code without what people put between its signs.
func plainCode(code string) string {
	return strings.ToLower(strings.Map(func(r rune) rune {
		if r == '-' || r == ' ' || r == '\u00a0' || r == '\t' {
			return -1
		}
		return r
	}, code))
}

// proves says whether a code is one of somebody's second factor, or one of his recovery
// codes, and spends it: each is good once.
func (c *Console) proves(ctx context.Context, staff, code string) (bool, error) {
	f, _, found, err := c.Store.ConsoleFactor(ctx, staff)
	if err != nil || !found {
		return false, err
	}
	code = plainCode(code)
	if len(code) != factorDigits {
		return c.Store.SpendConsoleRecovery(ctx, staff, digest(code))
	}
	secret, _, err := c.Sealer.Open(f.Sealed, factorOf(staff))
	if err != nil {
		return false, err
	}
	step, ok := codeStep(string(secret), code, c.Now())
	if !ok {
		return false, nil
	}
	return c.Store.SpendConsoleStep(ctx, staff, step)
}
