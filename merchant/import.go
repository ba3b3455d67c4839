package merchant

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// maxTable is how long a table may be: 100,000 merchants are some 10 MB.
const maxTable = 64 << 20

// Imported is what became of a line of a table.
type Imported struct {
	Line int // from 1, the header's
	ID   string
	// Became is created, updated, unchanged or refused; of the last, Fault says why.
	Became string
	Fault  *Fault
}

// What becomes of a line.
const (
	Created   = "created"
	Updated   = "updated"
	Unchanged = "unchanged"
	Rejected  = "refused"
)

// columns are the names that a column may have, in small letters.
var columns = map[string]string{
	"id": "id", "编号": "id", "商户编号": "id", "商户id": "id", "商户号": "id",
	"name": "name", "名称": "name", "商户名称": "name",
	"login": "login", "登录账号": "login", "登录名": "login", "账号": "login",
	"contact": "contact", "联系人": "contact",
	"phone": "phone", "电话": "phone", "手机": "phone", "手机号": "phone", "联系电话": "phone",
	"status": "status", "状态": "status",
	"persons": "persons", "人数": "persons", "可绑定人数": "persons",
	"user": "user", "用户": "user", "用户id": "user",
	"sites": "sites", "站点": "sites",
	"registered": "registered", "注册时间": "registered",
	"last_login": "last_login", "最后登录": "last_login", "最后登录时间": "last_login",
}

// Import reads merchants from a table: CSV in UTF-8, UTF-16 with a mark, or GBK, its first
// line naming the columns in English or Chinese; id is required, and name of a new
// merchant. Who is on the list is changed in the columns that the table has. Every line is
// reported; one that is refused doesn't keep the others from being written.
func (d *Desk) Import(ctx context.Context, realm string, in io.Reader, by string, report func(Imported)) error {
	rows, heads, err := openTable(in)
	if err != nil {
		return err
	}
	b := &importing{Desk: d, realm: realm, by: by, report: report}
	for {
		fields, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return b.flush(ctx)
		}
		line, _ := rows.FieldPos(0)
		if parse := (*csv.ParseError)(nil); errors.As(err, &parse) {
			b.refuse(parse.StartLine, "", &Fault{Code: FaultTable, Limit: "a quote is not closed, or stands inside a field"})
			continue
		}
		if err != nil {
			return fmt.Errorf("reading merchants: %w", err)
		}
		if err := b.add(ctx, line, heads, fields); err != nil {
			return fmt.Errorf("importing merchants: %w", err)
		}
	}
}

// openTable decodes a table and reads its header: by column, the field; empty for one that
// means nothing to us.
func openTable(in io.Reader) (*csv.Reader, []string, error) {
	bad := func(limit string) error { return &Fault{Code: FaultTable, Limit: limit} }
	text, err := io.ReadAll(io.LimitReader(in, maxTable+1))
	if err != nil {
		return nil, nil, fmt.Errorf("reading merchants: %w", err)
	}
	if len(text) > maxTable {
		return nil, nil, bad("it is longer than 64 MB")
	}
	text, err = decoded(text)
	if err != nil || bytes.IndexByte(text, 0) >= 0 {
		return nil, nil, bad("it is no text in UTF-8 or GBK: save it as CSV")
	}
	rows := csv.NewReader(bytes.NewReader(text))
	rows.FieldsPerRecord, rows.LazyQuotes, rows.ReuseRecord = -1, true, false
	header, err := rows.Read()
	if err != nil {
		return nil, nil, bad("it has no header")
	}
	heads, id := make([]string, len(header)), false
	for i, name := range header {
		heads[i] = columns[strings.ToLower(strings.TrimSpace(name))]
		id = id || heads[i] == "id"
	}
	if !id {
		return nil, nil, bad("no column is called id or 商户编号")
	}
	return rows, heads, nil
}

// importing is an import that is under way.
type importing struct {
	*Desk
	realm, by string
	report    func(Imported)
	puts      []Put
	was       []Listed
	lines     []Imported
	seen      map[string]bool // ids among puts
}

func (b *importing) refuse(line int, id string, fault *Fault) {
	b.report(Imported{Line: line, ID: id, Became: Rejected, Fault: fault})
}

// add takes a line in.
func (b *importing) add(ctx context.Context, line int, heads, fields []string) error {
	const chunk = 200
	given := map[string]string{}
	for i, field := range fields {
		if i < len(heads) && heads[i] != "" {
			given[heads[i]] = strings.TrimSpace(field)
		}
	}
	id := given["id"]
	switch {
	case len(fields) == 1 && fields[0] == "":
		return nil
	case len(fields) != len(heads):
		b.refuse(line, id, &Fault{Code: FaultTable, Limit: "the row has more or fewer fields than the header"})
		return nil
	}
	if b.seen[id] || len(b.puts) >= chunk { // the same id again changes what is written first
		if err := b.flush(ctx); err != nil {
			return err
		}
	}
	was, found := Listed{}, false
	if ids.MatchString(id) {
		var err error
		if was, found, err = b.Store.Merchant(ctx, b.realm, id); err != nil {
			return err
		}
	}
	m := was.Merchant
	m.Realm, m.ID = b.realm, id
	fault := fill(&m, given)
	if m = m.tidy(); fault == nil {
		fault = m.check()
	}
	if fault != nil {
		b.refuse(line, id, fault)
		return nil
	}
	diff := changed(was.Merchant, m)
	switch {
	case !found:
		m.Made, m.Version = b.Now(), 1
		b.put(line, was, Created, Put{m, b.event(id, b.by, EventMade, Detail{})})
	case len(diff) == 0:
		b.report(Imported{Line: line, ID: id, Became: Unchanged})
	default:
		m.Version++
		b.put(line, was, Updated, Put{m, b.event(id, b.by, EventEdited, Detail{Changes: diff})})
	}
	return nil
}

func (b *importing) put(line int, was Listed, became string, p Put) {
	if b.seen == nil {
		b.seen = map[string]bool{}
	}
	b.seen[p.ID] = true
	b.puts, b.was, b.lines = append(b.puts, p), append(b.was, was), append(b.lines, Imported{Line: line, ID: p.ID, Became: became})
}

// flush writes what was taken in, and reports it.
func (b *importing) flush(ctx context.Context) error {
	if len(b.puts) == 0 {
		return nil
	}
	had, err := b.Store.PutMerchants(ctx, b.puts)
	if err != nil {
		return err
	}
	for i, line := range b.lines {
		switch {
		case had[i].Version == 0:
			if err := b.silence(ctx, b.was[i], b.puts[i].Merchant); err != nil {
				return err
			}
		case had[i].Version == b.puts[i].Version-1:
			line.Became, line.Fault = Rejected, userFixed
		default:
			line.Became, line.Fault = Rejected, &Fault{Code: FaultState, Limit: ErrChanged.Error()}
		}
		b.report(line)
	}
	b.puts, b.was, b.lines = b.puts[:0], b.was[:0], b.lines[:0]
	clear(b.seen)
	return nil
}

// decoded is a table as UTF-8, without its mark.
func decoded(text []byte) ([]byte, error) {
	text, _, err := transform.Bytes(unicode.BOMOverride(encoding.Nop.NewDecoder()), text)
	if err != nil || utf8.Valid(text) {
		return text, err
	}
	return simplifiedchinese.GB18030.NewDecoder().Bytes(text)
}

// fill takes over what a line gives.
func fill(m *Merchant, given map[string]string) *Fault {
	bad := func(field, limit string) *Fault { return &Fault{Code: FaultField, Field: field, Limit: limit} }
	for field, value := range given {
		switch field {
		case "name":
			m.Name = value
		case "login":
			m.Login = value
		case "contact":
			m.Contact = value
		case "phone":
			m.Phone = value
		case "user":
			m.User = value
		case "sites":
			m.Sites = strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(" ,;|，；、", r) })
		case "status":
			status, known := statuses[strings.ToLower(value)]
			if !known {
				return bad("status", "normal or disabled")
			}
			m.Status = status
		case "persons":
			n, err := strconv.Atoi(value)
			if value != "" && err != nil {
				return bad("persons", "1 to 20")
			}
			m.Persons = n
		case "registered", "last_login":
			at, err := moment(value)
			if err != nil {
				return bad(field, "a time such as 2024-09-22 15:01")
			}
			if field == "registered" {
				m.Registered = at
			} else {
				m.LastLogin = at
			}
		}
	}
	return nil
}

var statuses = map[string]Status{
	"": Normal, "normal": Normal, "1": Normal, "正常": Normal, "启用": Normal,
	"disabled": Disabled, "0": Disabled, "停用": Disabled, "禁用": Disabled,
}

// china is where times are written that name no zone.
var china = time.FixedZone("UTC+8", 8*60*60)

// moment reads a time as tables have it.
func moment(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02", "2006/1/2 15:04:05", "2006/1/2 15:04", "2006/1/2"} {
		if at, err := time.ParseInLocation(layout, s, china); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, errors.New("no time")
}
