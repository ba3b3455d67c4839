package console

import (
	"encoding/base64"
	"html/template"
	"net/http"

	"github.com/caddy-wsite/caddy-wsite/merchant"
)

type importView struct {
	Realm   Realm
	Done    bool
	Counts  map[string]int
	Refused []refusedLine
	// Broke is why the import broke off, if it did: the lines that are counted are in.
	Broke Text
}

// sample is a table to begin with; its mark lets spreadsheets know that it is UTF-8.
var sample = Text{
	"\ufeff商户编号,商户名称,登录账号,联系人,电话,状态,可绑定人数,用户ID,站点,注册时间,最后登录\n1001,王家面馆,wang,王师傅,13800001001,正常,1,,,2025-03-01 10:00,\n",
	"\ufeffid,name,login,contact,phone,status,persons,user,sites,registered,last_login\n1001,Wang Noodles,wang,Mr Wang,13800001001,normal,1,,,2025-03-01 10:00,\n",
}

// Sample is a table to begin with, in the language of who looks.
func (v importView) Sample(lang string) template.URL {
	text := sample.ZH
	if lang == "en" {
		text = sample.EN
	}
	return template.URL("data:text/csv;charset=utf-8;base64," + base64.StdEncoding.EncodeToString([]byte(text)))
}

type refusedLine struct {
	Line int
	ID   string
	Said Text
}

func (c *Console) importPage(v *visit) error {
	realm, err := v.realm()
	if err != nil {
		return err
	}
	return v.page(http.StatusOK, "import", importView{Realm: realm})
}

// importMerchants puts the merchants of a table on the list, and shows what became of each.
func (c *Console) importMerchants(v *visit) error {
	realm, err := v.realm()
	if err != nil {
		return err
	}
	file, _, err := v.r.FormFile("table")
	if err != nil {
		return refuse(http.StatusBadRequest, "请选择文件", "Choose a file")
	}
	defer file.Close()
	view := importView{Realm: realm, Done: true, Counts: map[string]int{}}
	err = c.Merchants.Import(v.ctx, realm.Name, file, v.staff.Actor(), func(i merchant.Imported) {
		view.Counts[i.Became]++
		if i.Became == merchant.Rejected && len(view.Refused) < 1000 {
			en, zh := i.Fault.Say()
			view.Refused = append(view.Refused, refusedLine{i.Line, i.ID, Text{zh, en}})
		}
	})
	if err == nil {
		return v.page(http.StatusOK, "import", view)
	}
	if len(view.Counts) == 0 {
		return err
	}
	f := faultOf(err)
	view.Broke, v.came = f.Text, "refused: broke off: "+f.EN
	c.Log.ErrorContext(v.ctx, "an import of merchants broke off", "became", view.Counts, "error", err)
	return v.page(f.status, "import", view)
}
