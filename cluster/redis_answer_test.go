package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

func TestCheckInfo(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		version, kind string
		mode          RedisMode
		want          string
	}{
		{"6.2.0", "standalone", RedisSingle, ""},
		{"6.2", "standalone", RedisSentinel, ""},
		{"7.0.15", "standalone", RedisSingle, ""},
		{"10.1.2", "cluster", RedisCluster, ""},
		{"6.0.16", "standalone", RedisSingle, "the server is Redis 6.0.16; 6.2 or later is needed"},
		{"5.9.9", "standalone", RedisSingle, "the server is Redis 5.9.9; 6.2 or later is needed"},
		{"", "standalone", RedisSingle, "doesn't say which version"},
		{"new", "standalone", RedisSingle, "doesn't say which version"},
		{"7.0.15", "sentinel", RedisSingle, "is a sentinel"},
		{"7.0.15", "cluster", RedisSingle, "belongs to a Redis Cluster"},
	} {
		info := fmt.Sprintf("# Server\r\nredis_version:%s\r\nredis_git_sha1:00000000\r\nredis_mode:%s\r\n", test.version, test.kind)
		err := checkInfo(info, test.mode)
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%+v: %v", test, err)
		}
	}
}

// answer is an error of a server.
type answer string

func (a answer) Error() string { return string(a) }
func (answer) RedisError()     {}

func TestTrouble(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		err     error
		want    string
		refused bool
	}{
		{nil, "", false},
		{redis.Nil, "", false},
		{ErrInvalid, "", false},
		{answer("OOM command not allowed when used memory > 'maxmemory'."), "full", false},
		{answer("ERR Error running script (call to f_1): @user_script:3: @user_script: 3: -OOM command not allowed"), "full", false},
		{answer("READONLY You can't write against a read only replica. script: 1, on @user_script:3."), "read_only", false},
		{answer("LOADING Redis is loading the dataset in memory"), "starting", false},
		{answer("ERR max number of clients reached"), "busy", false},
		{answer("CLUSTERDOWN The cluster is down"), "cluster", false},
		{answer("MISCONF Redis is configured to save RDB snapshots"), "full", false},
		{answer("WRONGPASS invalid username-password pair"), "denied", true},
		{fmt.Errorf("failed to initialize: %w", answer("NOAUTH Authentication required.")), "denied", true},
		{answer("ERR DB index is out of range"), "", true},
		{refusal{errors.New("two clusters")}, "refused", true},
		{fmt.Errorf("reading: %w", os.ErrDeadlineExceeded), "slow", false},
		{context.DeadlineExceeded, "slow", false},
		{redis.ErrPoolTimeout, "slow", false},
		{io.EOF, "unreachable", false},
		{errors.New("all sentinels are unreachable"), "unreachable", false},
	} {
		if got := trouble(test.err); got != test.want {
			t.Errorf("%v is %q, want %q", test.err, got, test.want)
		}
		if got := test.err != nil && refused(test.err); got != test.refused && !errors.Is(test.err, redis.Nil) {
			t.Errorf("%v: refused %t", test.err, got)
		}
	}
}
