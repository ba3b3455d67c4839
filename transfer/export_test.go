package transfer

import (
	"fmt"
	"strings"
	"testing"
)

func TestExport(t *testing.T) {
	t.Parallel()
	t.Run("an id that a spreadsheet would take for a formula is written as it is", func(t *testing.T) {
		t.Parallel()
		store := openStore(t)
		var text strings.Builder
		text.WriteString("appid,openid,unionid,user,kind,hint\n")
		for i, user := range []string{"=1+1", "+86", "-7", "@SUM"} {
			fmt.Fprintf(&text, "%s,oPerson%d,uPerson%d,%s,real,\n", appA, i, i, user)
		}
		if sum, err := job(store, file(t, text.String())).Run(t.Context()); err != nil || sum.Refused() > 0 {
			t.Fatalf("importing: %+v, %v", sum, err)
		}
		if got := exported(t, store, false); got != text.String() {
			t.Errorf("exported\n%s\nwant\n%s", got, text.String())
		}
	})
}
