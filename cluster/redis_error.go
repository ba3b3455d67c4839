package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/redis/go-redis/v9"
)

// refusal is what keeps us from a server that answers, and doesn't go away by itself.
type refusal struct{ error }

func (r refusal) Unwrap() error { return r.error }

// troubles are the first words of what a server answers when it is no use, besides the
// error of a call that it would refuse at all times, and what we call that.
var troubles = map[string]string{
	"OOM": "full", "MISCONF": "full",
	"READONLY": "read_only", "NOREPLICAS": "read_only",
	"LOADING": "starting", "MASTERDOWN": "starting", "BUSY": "busy",
	"CLUSTERDOWN": "cluster", "TRYAGAIN": "cluster", "MOVED": "cluster", "ASK": "cluster",
	"NOAUTH": "denied", "WRONGPASS": "denied", "NOPERM": "denied", "DENIED": "denied",
}

// trouble says in a word why a Redis is no use: "slow", "unreachable", "refused" (by us)
// or one of troubles. It is empty if nothing is wrong with the server.
func trouble(err error) string {
	var server redis.Error
	var wire net.Error
	switch {
	case err == nil || errors.Is(err, redis.Nil) || errors.Is(err, ErrInvalid) || errors.Is(err, ErrFull):
		return ""
	case errors.As(err, new(refusal)):
		return "refused"
	case errors.As(err, &server):
		return troubleOf(server.Error())
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, redis.ErrPoolTimeout), errors.As(err, &wire) && wire.Timeout():
		return "slow"
	}
	return "unreachable"
}

// troubleOf reads the answer of a server. What a script has run into stands behind its
// place in the script before Redis 7, and a pool's whole server behind ERR.
func troubleOf(answer string) string {
	first, _, _ := strings.Cut(answer, " ")
	if word := troubles[first]; word != "" {
		return word
	}
	for first, word := range troubles {
		if strings.Contains(answer, ": -"+first+" ") {
			return word
		}
	}
	if strings.Contains(answer, "max number of clients") {
		return "busy"
	}
	return ""
}

// refused says whether a server that answers will never do as it is.
func refused(err error) bool {
	var server redis.Error
	word := trouble(err)
	return word == "refused" || word == "denied" || word == "" && errors.As(err, &server)
}

// advices say what is to be done about an answer in which a part stands.
var advices = []struct{ part, advice string }{
	{"WRONGPASS", "the user or the password is another one"},
	{"NOAUTH", "it takes nobody without a password"},
	{"NOPERM", "the user needs this right too"},
	{"DENIED", "it takes nobody from another machine without a password"},
	{"DB index", "it has no database of this number"},
	{"unknown command 'sentinel'", "the addresses are not those of sentinels"},
	{"cluster support disabled", "it belongs to no Redis Cluster"},
}

// advised is an error that says what is to be done, where the server doesn't.
func advised(err error) error {
	for _, a := range advices {
		if strings.Contains(err.Error(), a.part) {
			return fmt.Errorf("%s: %w", a.advice, err)
		}
	}
	return err
}

// wrongType says whether a key holds something of another type than ours.
func wrongType(err error) bool { return err != nil && strings.Contains(err.Error(), "WRONGTYPE") }
