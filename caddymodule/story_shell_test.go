package caddymodule

import (
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// shell knows what the README says to type, and the curl that the demo prints. It
// runs both in this process: the machine needs no curl, and an option that is not
// known here is fatal.
type shell struct {
	t    testing.TB
	demo *runningDemo
	jars map[string]*cookiejar.Jar
	out  string // of the last command
}

func newShell(t testing.TB) *shell { return &shell{t: t, jars: map[string]*cookiejar.Jar{}} }

// run runs a command. `curl N` is the demo's curl line of that number.
func (sh *shell) run(command string) error {
	sh.t.Helper()
	if command == "make demo" {
		return sh.makeDemo()
	}
	number, ok := strings.CutPrefix(command, "curl ")
	if !ok || sh.demo == nil {
		return fmt.Errorf("nothing here runs %q", command)
	}
	lines := regexp.MustCompile(`(?m)\bcurl (.*)$`).FindAllStringSubmatch(sh.demo.printed, -1)
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 || n > len(lines) {
		return fmt.Errorf("the demo prints %d lines of curl", len(lines))
	}
	return sh.curl(shellWords(lines[n-1][1]))
}

// makeDemo does what the README's command does by way of the Makefile.
func (sh *shell) makeDemo() error {
	for file, line := range map[string]string{
		"../README.md": "\n```sh\nmake demo\n```\n", "../README.zh-CN.md": "\n```sh\nmake demo\n```\n",
		"../Makefile": "\n\tgo run ./caddymodule/caddy wsite demo\n",
	} {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if !strings.Contains(string(text), line) {
			sh.t.Errorf("%s doesn't say%s", file, line)
		}
	}
	sh.demo = startDemo(sh.t)
	sh.out = sh.demo.printed
	return nil
}

// shellWords splits a line as a shell does, as far as single quotes go.
func shellWords(line string) []string {
	var words []string
	for _, m := range regexp.MustCompile(`'([^']*)'|(\S+)`).FindAllStringSubmatch(line, -1) {
		words = append(words, m[1]+m[2])
	}
	return words
}

// curlRequest is what the words behind curl ask for.
type curlRequest struct {
	url, data, reads, writes string
	follow                   bool
	headers                  []string
}

func readCurl(words []string) (curlRequest, error) {
	var request curlRequest
	for i := 0; i < len(words); i++ {
		word := words[i]
		if !strings.HasPrefix(word, "-") {
			request.url = word
			continue
		}
		for _, option := range word[1:] {
			var header, output string
			value := map[rune]*string{'b': &request.reads, 'c': &request.writes, 'd': &request.data, 'H': &header, 'o': &output}[option]
			switch {
			case option == 's':
			case option == 'L':
				request.follow = true
			case value == nil || i+1 == len(words):
				return request, fmt.Errorf("curl has no option -%c here", option)
			default:
				i++
				*value = words[i]
			}
			if header != "" {
				request.headers = append(request.headers, header)
			}
		}
	}
	return request, nil
}

// curl is as much of curl as the demo uses.
func (sh *shell) curl(words []string) error {
	request, err := readCurl(words)
	if err != nil {
		return err
	}
	jar := sh.jars[request.reads]
	if jar == nil {
		jar, _ = cookiejar.New(nil)
	}
	if request.writes != "" {
		sh.jars[request.writes] = jar
	}
	method, body := http.MethodGet, io.Reader(nil)
	if request.data != "" {
		method, body = http.MethodPost, strings.NewReader(request.data)
	}
	req, err := http.NewRequest(method, request.url, body)
	if err != nil {
		return err
	}
	if request.data != "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, h := range request.headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	client := http.Client{Jar: jar}
	if !request.follow {
		client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	sh.out = string(text)
	return err
}
