package console

import (
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
