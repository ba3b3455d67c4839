package transfer

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
)

var update = flag.Bool("update", false, "write the golden files")

const appA, appB, appLone = "wx00000000000000aa", "wx00000000000000bb", "wx00000000000000cc"

// all reads a file to its end.
func all(t testing.TB, r io.Reader, o Options) (rows []Row, problems []*Problem, err error) {
	t.Helper()
	reader, err := Open(r, o)
	if err != nil {
		return nil, nil, err
	}
	for {
		row, err := reader.Next()
		problem := (*Problem)(nil)
		switch {
		case errors.Is(err, io.EOF):
			return rows, problems, nil
		case errors.As(err, &problem):
			problems = append(problems, problem)
		case err != nil:
			return rows, problems, err
		default:
			rows = append(rows, row)
		}
	}
}

func TestProfiles(t *testing.T) {
	t.Parallel()
	for _, p := range Profiles {
		t.Run("a table of "+p.Name+" is read as its makers mean it", func(t *testing.T) {
			t.Parallel()
			files, err := filepath.Glob(filepath.Join("testdata", p.Name+".[cj]s*"))
			if err != nil || len(files) != 1 {
				t.Fatalf("files %q: %v", files, err)
			}
			file, err := os.Open(files[0])
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			o := Options{Profile: p, JSON: strings.HasSuffix(files[0], "l"), Encoding: Auto}
			if p.Name == "joolun" {
				o.Account = appA
			}
			rows, problems, err := all(t, file, o)
			if err != nil {
				t.Fatal(err)
			}
			var got bytes.Buffer
			for _, row := range rows {
				fmt.Fprintf(&got, "%+v\n", row)
			}
			for _, problem := range problems {
				text, _ := json.Marshal(problem)
				fmt.Fprintf(&got, "%s\n", text)
			}
			golden := filepath.Join("testdata", p.Name+".golden")
			if *update {
				if err := os.WriteFile(golden, got.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil || !bytes.Equal(got.Bytes(), want) {
				t.Errorf("%v; read\n%s\nwant\n%s", err, got.Bytes(), want)
			}
		})
	}
}

// plain is a row as `account openid unionid user`.
func plain(rows []Row) (said []string) {
	for _, r := range rows {
		said = append(said, strings.TrimRight(fmt.Sprintf("%d %s %s %s %s", r.Line, r.AppID, r.OpenID, r.UnionID, r.User), " "))
	}
	return said
}

func TestReader(t *testing.T) {
	t.Parallel()
	const header = "appid,openid,unionid,user\n"
	utf16, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String(header + "a,oX,uX,用户\n")
	if err != nil {
		t.Fatal(err)
	}
	gbk, err := simplifiedchinese.GBK.NewEncoder().String("账号,开放号,会员\na,oX,第一\n")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		text, columns, account string
		json                   bool
		want                   []string
	}{
		"commas":                                         {text: header + "a,oX,uX,1\n", want: []string{"2 a oX uX 1"}},
		"semicolons":                                     {text: "appid;openid;unionid;user\na;oX;u,X;1\n", want: []string{"2 a oX u,X 1"}},
		"tabs":                                           {text: "appid\topenid\tunionid\tuser\na\toX\tuX\t1\n", want: []string{"2 a oX uX 1"}},
		"CRLF, and no end of the last line":              {text: "appid,openid,unionid,user\r\na,oX,uX,1\r\na,oY,uY,2", want: []string{"2 a oX uX 1", "3 a oY uY 2"}},
		"blank lines":                                    {text: "\n" + header + "\n\na,oX,uX,1\n\r\n", want: []string{"5 a oX uX 1"}},
		"a mark of UTF-8":                                {text: "\ufeff" + header + "a,oX,uX,1\n", want: []string{"2 a oX uX 1"}},
		"UTF-16 with its mark":                           {text: utf16, want: []string{"2 a oX uX 用户"}},
		"GBK, also in the names of columns":              {text: gbk, columns: "appid=账号,openid=开放号,user=会员", want: []string{"2 a oX  第一"}},
		"columns in another order and spelling":          {text: "x,Union_ID,OPENID,userId\n-,uX,oX,7\n", columns: "user=user_id", account: "a", want: []string{"2 a oX uX 7"}},
		"quotes, commas and lines in a field":            {text: header + "a,\"oX\",\"u\n\"\"X\"\",\n\",1\na,oY,uY,2\n", want: []string{"2 a oX u\n\"X\",\n 1", "5 a oY uY 2"}},
		"a quote in the middle stands for itself":        {text: header + "a,oX,u\"X,1\n", want: []string{"2 a oX u\"X 1"}},
		"a quote never closed spoils no other row":       {text: header + "a,oX,\"uX,1\n" + strings.Repeat("a,oY,uY,2\n", 30), want: append([]string{`2 a oX "uX 1`}, repeated("a oY uY 2", 3, 30)...)},
		"a quote never closed at the end":                {text: header + "a,oX,uX,1\na,oX,\"uX,1\n", want: []string{"2 a oX uX 1", `3 a oX "uX 1`}},
		"two rows with a quote each keep what's between": {text: header + "a,oX,\"uX,1\na,oM,uM,5\na,oY,\"uY,1\n", want: []string{`2 a oX "uX 1`, "3 a oM uM 5", `4 a oY "uY 1`}},
		"too few and too many fields":                    {text: header + "a,oX,uX\na,oX,uX,1,2\na,oY,uY,2\n", want: []string{"4 a oY uY 2"}},
		"a line without end":                             {text: header + "a," + strings.Repeat("x", 3*maxLine) + ",uX,1\na,oY,uY,2\n", want: []string{"3 a oY uY 2"}},
		"NULL of MySQL is nothing, null is a word":       {text: header + "a,oX,NULL,1\na,oY,\\N,2\na,oZ,null,3\n", want: []string{"2 a oX  1", "3 a oY  2", "4 a oZ null 3"}},
		"a number that a spreadsheet rounded":            {text: header + "a,oX,uX,1.23457E+17\na,oY,uY,1.2e+11\na,oZ,uZ,1e\n", want: []string{"4 a oZ uZ 1e"}},
		"an id that only looks like such a number":       {text: header + "a,oX,uX,12e5\na,oY,uY,1.2E+10\na,oZ,uZ,1E+17\na,oM,uM,12.0\na,oN,uN,1.2E-17\n", want: []string{"2 a oX uX 12e5", "3 a oY uY 1.2E+10", "4 a oZ uZ 1E+17", "5 a oM uM 12.0", "6 a oN uN 1.2E-17"}},
		"a row of another account":                       {text: header + "a,oX,uX,1\nb,oY,uY,2\n,oZ,uZ,3\n", account: "a", want: []string{"2 a oX uX 1", "4 a oZ uZ 3"}},
		"JSON, a long number as it is written":           {json: true, text: "{\"appid\":\"a\",\"openid\":\"oX\",\"unionid\":null,\"user\":9007199254740993}\n\n{\"user\":\"2\",\"openid\":\"oY\",\"appid\":\"a\",\"more\":[1]}\n", want: []string{"1 a oX  9007199254740993", "3 a oY  2"}},
		"JSON that is none spoils one row":               {json: true, text: "{\"appid\":\"a\",\"openid\":\"oX\",\"user\":1}\nnull\n[]\n{\"appid\":\n{\"appid\":\"a\",\"openid\":\"oY\",\"user\":2}\n{\"appid\":\"a\",\"openid\":\"oZ\",\"user\":2.5E17}", want: []string{"1 a oX  1", "5 a oY  2"}},
		"JSON whose objects lack what is empty, each with its own spelling": {
			json: true, account: "a",
			text: "{\"openid\":\"oX\"}\n{\"openid\":\"oY\",\"unionid\":\"uY\"}\n{\"unionId\":\"uZ\",\"open_id\":\"oZ\",\"user\":3}\n{\"OPENID\":\"oM\",\"openid\":\"oN\",\"user\":4,\"Kind\":\"virtual\"}\n",
			want: []string{"1 a oX", "2 a oY uY", "3 a oZ uZ 3", "4 a oN  4"},
		},
		"JSON with a name twice spoils one row": {
			json: true,
			text: "{\"appid\":\"a\",\"openid\":\"oX\",\"user\":1}\n{\"appid\":\"a\",\"open_id\":\"oY\",\"openId\":\"oZ\",\"user\":2}\n{\"appid\":\"a\",\"openid\":\"oM\",\"user\":3}\n",
			want: []string{"1 a oX  1", "3 a oM  3"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := Profiles[0].Map(c.columns)
			if err != nil {
				t.Fatal(err)
			}
			rows, problems, err := all(t, strings.NewReader(c.text), Options{Profile: p, Account: c.account, JSON: c.json, Encoding: Auto})
			if got := plain(rows); err != nil || strings.Join(got, "|") != strings.Join(c.want, "|") {
				t.Errorf("read %q, %v; want %q; problems %+v", got, err, c.want, problems)
			}
		})
	}
}

func repeated(row string, first, n int) (rows []string) {
	for i := range n {
		rows = append(rows, fmt.Sprintf("%d %s", first+i, row))
	}
	return rows
}

func TestReader_columns(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                             "the file is empty",
		"\n \n":                        "the file is empty",
		"appid,name\n":                 `the columns openid, unionid or user are missing; there are "appid", "name"`,
		"openid,user\n":                "the columns appid (or say --account) are missing",
		"appid,openid\n":               "the columns unionid or user are missing",
		"appid,openid,open_id,user\n":  "",
		"appid,open_id,OpenId,user\n":  `the columns "open_id" and "OpenId" could both be openid`,
		"a\x00p\x00p\x00\n":            "this is no text",
		strings.Repeat("x", maxLine+1): "this is no text",
		"appid,openid,\"user\n":        "a quote in the header is not closed",
	} {
		t.Run(fmt.Sprintf("%.40q", text), func(t *testing.T) {
			t.Parallel()
			_, err := Open(strings.NewReader(text), Options{Profile: Profiles[0], Encoding: Auto})
			if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
				t.Errorf("opening: %v, want %q", err, want)
			}
		})
	}
	t.Run("JSON that begins with none", func(t *testing.T) {
		t.Parallel()
		for text, want := range map[string]string{"": "empty", "appid,openid\n": "no JSON object", `{"appid":"a"}`: `there are "appid"`} {
			if _, err := Open(strings.NewReader(text), Options{Profile: Profiles[0], JSON: true}); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%q: %v", text, err)
			}
		}
	})
	t.Run("JSON that lacks a column in all of the first hundred objects", func(t *testing.T) {
		t.Parallel()
		const first, last = "{\"appid\":\"a\",\"openid\":\"o\"}\n", "{\"user\":1}\n"
		o := Options{Profile: Profiles[0], JSON: true}
		if _, err := Open(strings.NewReader(strings.Repeat(first, 100)+last), o); err == nil || !strings.Contains(err.Error(), `unionid or user are missing; there are "appid", "openid"`) {
			t.Errorf("in the 101st: %v", err)
		}
		if rows, _, err := all(t, strings.NewReader(strings.Repeat(first, 99)+last), o); err != nil || len(rows) != 100 || rows[99].User != "1" {
			t.Errorf("in the 100th: %d rows, %v", len(rows), err)
		}
	})
	t.Run("JSON that has a column twice from the beginning", func(t *testing.T) {
		t.Parallel()
		_, err := Open(strings.NewReader(`{"appid":"a","open_id":"o","openId":"o","user":1}`), Options{Profile: Profiles[0], JSON: true})
		if err == nil || !strings.Contains(err.Error(), `"openId" and "open_id" could both be openid`) {
			t.Error(err)
		}
	})
	t.Run("profiles and columns that nobody knows", func(t *testing.T) {
		t.Parallel()
		if _, err := ProfileNamed("discuz"); err == nil || !strings.Contains(err.Error(), "joolun, wx-api, yudao") {
			t.Error(err)
		}
		for _, list := range []string{"openid", "phone=x", "openid=", "openid=a,,user=b"} {
			if _, err := Profiles[0].Map(list); err == nil {
				t.Errorf("--map %q is taken", list)
			}
		}
	})
}
