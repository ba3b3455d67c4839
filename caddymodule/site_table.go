package caddymodule

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/caddy-wsite/caddy-wsite/directory"
)

// Sites as commands and tables write them.

// siteColumn is a field of a site, and how a text becomes its value.
type siteColumn struct {
	name, help string
	set        func(s *directory.Site, text string) error
}

// siteColumns are all fields but the ptid, by their names in the API.
var siteColumns = []siteColumn{
	wordColumn("realm", "its realm", func(s *directory.Site) *string { return &s.Realm }),
	wordsColumn("accounts", "the app ids that it is opened through, the default first", func(s *directory.Site) *[]string { return &s.Accounts }),
	wordsColumn("hosts", "further hosts that serve it", func(s *directory.Site) *[]string { return &s.Hosts }),
	wordColumn("on_origin", "whether the origin serves it: on or off", func(s *directory.Site) *string { return &s.OnOrigin }),
	wordColumn("audience", "what its tokens are made out to", func(s *directory.Site) *string { return &s.Audience }),
	{"paths", "policies of paths: \"/pay/notify public; /vip/* require unionid\"", setPaths},
	wordColumn("outside", "browsers other than WeChat's: guest, ask, scan or deny", func(s *directory.Site) *string { return (*string)(&s.Outside) }),
	wordColumn("fragment", "whether # survives a login: on or off", func(s *directory.Site) *string { return &s.Fragment }),
	wordColumn("upstream", "where it runs: host:port", func(s *directory.Site) *string { return &s.Upstream }),
	wordColumn("algorithm", "how its tokens are signed: ES256, RS256 or EdDSA", func(s *directory.Site) *string { return &s.Algorithm }),
	wordsColumn("claims", "personal claims of its tokens: openid, unionid or none", func(s *directory.Site) *[]string { return &s.Claims }),
	wordsColumn("send", "further ways to tell it who the visitor is: bearer, plain", func(s *directory.Site) *[]string { return &s.Send }),
	wordColumn("bind_header", "whether it may tell logins by X-User-Bind: on or off", func(s *directory.Site) *string { return &s.BindHeader }),
	wordColumn("phone", "whether it may have phone numbers: on or off", func(s *directory.Site) *string { return &s.Phone }),
	wordColumn("no_cache", "whether HTML is marked no-cache: on or off", func(s *directory.Site) *string { return &s.NoCache }),
}

func wordColumn(name, help string, field func(*directory.Site) *string) siteColumn {
	return siteColumn{name, help, func(s *directory.Site, text string) error {
		*field(s) = strings.TrimSpace(text)
		return nil
	}}
}

func wordsColumn(name, help string, field func(*directory.Site) *[]string) siteColumn {
	return siteColumn{name, help, func(s *directory.Site, text string) error {
		*field(s) = strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" ,;\t\r\n", r) })
		return nil
	}}
}

func setPaths(s *directory.Site, text string) error {
	s.Paths = nil
	for rule := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ';' || r == '\n' }) {
		path, policy, ok := strings.Cut(strings.Join(strings.Fields(rule), " "), " ")
		if path == "" {
			continue
		}
		if !ok {
			return fmt.Errorf("paths: %q has no policy; write `/pay/notify public; /vip/* require unionid`", path)
		}
		s.Paths = append(s.Paths, directory.PathRule{Path: path, Policy: directory.Policy(policy)})
	}
	return nil
}

// siteRow is a row of a table of sites.
type siteRow struct {
	line int
	ptid string
	// onto makes the row's site of the one that there is, or of an empty one.
	onto func(directory.Site) (directory.Site, error)
	// err says what is wrong with the row.
	err error
}

// siteRows reads a table: CSV with a heading, whose further columns are those of
// [siteColumns], or a JSON object to a line. An error of its own ends it.
func siteRows(in io.Reader, jsonl bool) iter.Seq2[siteRow, error] {
	b := bufio.NewReader(in)
	if mark, _ := b.Peek(3); string(mark) == "\xef\xbb\xbf" { // spreadsheets write it
		_, _ = b.Discard(3)
	}
	if jsonl {
		return jsonRows(b)
	}
	return csvRows(b)
}

func csvRows(in io.Reader) iter.Seq2[siteRow, error] {
	return func(yield func(siteRow, error) bool) {
		r := csv.NewReader(in)
		r.FieldsPerRecord = -1
		heading, err := r.Read()
		if errors.Is(err, io.EOF) {
			err = errors.New("line 1: the table is empty; it begins with a heading such as ptid,accounts,hosts")
		}
		var columns []siteColumn
		if err == nil {
			columns, err = headed(heading)
		}
		if err != nil {
			yield(siteRow{}, err)
			return
		}
		at := slices.IndexFunc(columns, func(c siteColumn) bool { return c.set == nil })
		for {
			record, err := r.Read()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(siteRow{}, err)
				return
			}
			line, _ := r.FieldPos(0)
			row := siteRow{line: line}
			if len(record) != len(columns) {
				row.err = fmt.Errorf("the row has %d fields, the heading %d", len(record), len(columns))
			} else {
				row.ptid = strings.TrimSpace(record[at])
			}
			row.onto = func(s directory.Site) (directory.Site, error) {
				for i, c := range columns {
					if c.set == nil {
						continue
					}
					if err := c.set(&s, record[i]); err != nil {
						return s, err
					}
				}
				return s, nil
			}
			if !yield(row, nil) {
				return
			}
		}
	}
}

// headed are the columns of a heading; the ptid's has no set.
func headed(heading []string) (columns []siteColumn, err error) {
	names := []string{"ptid"}
	for _, c := range siteColumns {
		names = append(names, c.name)
	}
	for i, name := range heading {
		name = strings.ToLower(strings.TrimSpace(name))
		if slices.ContainsFunc(columns, func(c siteColumn) bool { return c.name == name }) {
			return nil, fmt.Errorf("line 1: the column %q is there twice", name)
		}
		switch at := slices.Index(names, name); {
		case at < 0:
			meant := ""
			if near := directory.Nearest(name, names); near != "" {
				meant = fmt.Sprintf("; did you mean %q?", near)
			}
			return nil, fmt.Errorf("line 1: column %d: there is no field %q%s; a site has %s", i+1, name, meant, strings.Join(names, ", "))
		case at == 0:
			columns = append(columns, siteColumn{name: name})
		default:
			columns = append(columns, siteColumns[at-1])
		}
	}
	if !slices.ContainsFunc(columns, func(c siteColumn) bool { return c.set == nil }) {
		return nil, errors.New("line 1: the column ptid is missing")
	}
	return columns, nil
}

func jsonRows(in io.Reader) iter.Seq2[siteRow, error] {
	return func(yield func(siteRow, error) bool) {
		lines := bufio.NewScanner(in)
		lines.Buffer(nil, 1<<20)
		for n := 1; lines.Scan(); n++ {
			text := bytes.TrimSpace(lines.Bytes())
			if len(text) == 0 {
				continue
			}
			var site directory.Site
			d := json.NewDecoder(bytes.NewReader(text))
			d.DisallowUnknownFields()
			row := siteRow{line: n, err: d.Decode(&site)}
			if row.err == nil && d.More() {
				row.err = errors.New("there is more than one object on the line")
			}
			row.ptid = site.PTID
			row.onto = func(directory.Site) (directory.Site, error) { return site, nil }
			if !yield(row, nil) {
				return
			}
		}
		if err := lines.Err(); err != nil {
			yield(siteRow{}, fmt.Errorf("reading the table: %w", err))
		}
	}
}
