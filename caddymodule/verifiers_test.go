package caddymodule

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
)

// The verifiers that the documents offer have to work as they stand there.
func TestVerifiers(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	page := g.phone("ming").open(g.at(appA, "game", "/"))
	user := g.whoami(page, "game")
	token := g.upstream.last().Header.Get("X-User")
	code := func(language string) string {
		t.Helper()
		m := regexp.MustCompile("(?s)```" + language + "\n(.*?)```").FindStringSubmatch(doc(t, "README.md"))
		if m == nil {
			t.Fatalf("the README has nothing in %s", language)
		}
		return strings.NewReplacer("https://www.example.com", g.url, "shop01", "game").Replace(m[1])
	}

	// One after the other: one that waits for its turn may find the token expired.
	t.Run("Python with PyJWT takes the token", func(t *testing.T) {
		program := "class request: headers = {'X-User': '" + token + "'}\n" + code("python") + "print(user['sub'])\n"
		// Debian's own Python, which is the one that Debian's packages are for.
		out, err := exec.Command("/usr/bin/python3", "-c", program).CombinedOutput()
		if err != nil || strings.TrimSpace(string(out)) != user.Subject {
			t.Errorf("Python said %s (%v), not %s", out, err, user.Subject)
		}
	})
	t.Run("Python with PyJWT refuses it for another audience", func(t *testing.T) {
		program := "class request: headers = {'X-User': '" + token + "'}\n" + strings.ReplaceAll(code("python"), `"game"`, `"shop"`)
		out, err := exec.Command("/usr/bin/python3", "-c", program).CombinedOutput()
		if err == nil || !strings.Contains(string(out), "InvalidAudienceError") {
			t.Errorf("Python said %s (%v)", out, err)
		}
	})
	t.Run("the claims are those of the documents", func(t *testing.T) {
		claims := jwt.MapClaims{}
		if _, _, err := jwt.NewParser().ParseUnverified(token, claims); err != nil {
			t.Fatal(err)
		}
		for _, file := range []string{"docs/upstream.md", "README.md"} {
			text := doc(t, file)
			for name := range claims {
				if !strings.Contains(text, "`"+name+"`") && !strings.Contains(text, `"`+name+`"`) {
					t.Errorf("the claim %s is not in %s", name, file)
				}
			}
		}
	})
}
