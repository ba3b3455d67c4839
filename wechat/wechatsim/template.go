package wechatsim

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
)

// The paths of templates (wechat-api.md §10.1, §10.2).
const (
	allTemplatesPath   = "/cgi-bin/template/get_all_private_template"
	addTemplatePath    = "/cgi-bin/template/api_add_template"
	deleteTemplatePath = "/cgi-bin/template/del_private_template"
	getIndustryPath    = "/cgi-bin/template/get_industry"
	setIndustryPath    = "/cgi-bin/template/api_set_industry"
	newTemplatesPath   = "/wxaapi/newtmpl/gettemplate"
	addNewTemplatePath = "/wxaapi/newtmpl/addtemplate"
	delNewTemplatePath = "/wxaapi/newtmpl/deltemplate"
)

// maxTemplates is how many templates of a kind an account may have.
const maxTemplates = 25

// Template is one of an account's templates.
type Template struct {
	ID    string `json:"id"`    // template_id, or priTmplId: 43 characters
	Short string `json:"short"` // its id in the library
	Title string `json:"title"`
	// Content has a line for each value, with its label and a placeholder such as
	// {{thing4.DATA}}. The name of the placeholder says what fits.
	Content string `json:"content"`
	Example string `json:"example"`
	// Subscription marks the template of a subscription notification, which is for
	// bizsend and not for template messages.
	Subscription bool `json:"subscription"`
	// Words are what a const or an enum_string may be, by the name of the
	// placeholder.
	Words map[string][]string `json:"words"`
}

// templateEndpoints are the calls about templates.
var templateEndpoints = map[string]endpoint{
	allTemplatesPath:   {method: http.MethodGet, may: mayServe, run: (*call).allTemplates},
	addTemplatePath:    {method: http.MethodPost, may: mayServe, run: (*call).addTemplate},
	deleteTemplatePath: {method: http.MethodPost, may: mayServe, run: (*call).deleteTemplate},
	getIndustryPath:    {method: http.MethodGet, may: mayServe, run: (*call).getIndustry},
	setIndustryPath:    {method: http.MethodPost, may: mayServe, run: (*call).setIndustry},
	newTemplatesPath:   {method: http.MethodGet, may: mayServe, run: (*call).newTemplates},
	addNewTemplatePath: {method: http.MethodPost, may: mayServe, run: (*call).addNewTemplate},
	delNewTemplatePath: {method: http.MethodPost, may: mayServe, run: (*call).delNewTemplate},
}

// AddTemplate gives a verified service account a template, as its owner picks one
// in WeChat's console; ID is made here. It refuses an unknown account with
// [ErrUnknown], and a template without a title or with a placeholder of no kind.
func (s *Sim) AddTemplate(appid string, t Template) (Template, error) {
	a, ok := s.account(appid)
	switch {
	case !ok:
		return Template{}, fmt.Errorf("adding a template: %w account", ErrUnknown)
	case !mayServe(a):
		return Template{}, errors.New("adding a template: only a verified service account has any")
	case t.Title == "":
		return Template{}, errors.New("adding a template: the title is missing")
	}
	for _, key := range t.keys() {
		if kindOfKey(key) == nil && !oldKey(key) {
			return Template{}, fmt.Errorf("adding a template: %q is a value of no kind", key)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addTemplate(appid, t), nil
}

// addTemplate is called with the lock held.
func (s *Sim) addTemplate(appid string, t Template) Template {
	box := &s.state(appid).post
	box.made++
	t.ID = s.derive("template", appid, strconv.Itoa(box.made))
	box.templates = append(box.templates, t)
	return t
}

// Templates are the templates of an account, oldest first, never nil.
func (s *Sim) Templates(appid string) []Template {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Template{}, s.state(appid).post.templates...)
}

// template finds one of an account's templates.
func (s *Sim) template(appid, id string) (Template, bool) {
	list := s.Templates(appid)
	i := slices.IndexFunc(list, func(t Template) bool { return t.ID == id })
	if i < 0 {
		return Template{}, false
	}
	return list[i], true
}

// pick adds a template of the library to an account, or gives WeChat's errcode.
func (s *Sim) pick(appid, short string, subscription bool) (Template, int) {
	i := slices.IndexFunc(library, func(t Template) bool { return t.Short == short && t.Subscription == subscription })
	if i < 0 {
		return Template{}, 40037
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, t := range s.state(appid).post.templates {
		if t.Subscription == subscription {
			n++
		}
	}
	if n >= maxTemplates {
		return Template{}, 45026
	}
	return s.addTemplate(appid, library[i]), 0
}

// drop takes a template away, or gives WeChat's errcode.
func (s *Sim) drop(appid, id string, subscription bool) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	box := &s.state(appid).post
	had := len(box.templates)
	box.templates = slices.DeleteFunc(box.templates, func(t Template) bool { return t.ID == id && t.Subscription == subscription })
	if len(box.templates) == had {
		return 40037
	}
	return 0
}

// bearing checks the token and reads the body; false is that it has refused.
func (c *call) bearing(into any) (Account, bool) {
	a, code := c.bearerAccount()
	if code == 0 && into != nil {
		code = c.decode(into)
	}
	if code != 0 {
		c.refuse(code)
		return Account{}, false
	}
	return a, true
}

func (c *call) allTemplates() {
	a, ok := c.bearing(nil)
	if !ok {
		return
	}
	first, second := c.industryOf(a.AppID)
	list := []map[string]any{}
	for _, t := range c.Templates(a.AppID) {
		if !t.Subscription {
			list = append(list, map[string]any{
				"template_id": t.ID, "title": t.Title, "primary_industry": first.First, "deputy_industry": second.Second,
				"content": t.Content, "example": t.Example,
			})
		}
	}
	c.answer(field{"template_list", list})
}

func (c *call) addTemplate() {
	var body struct {
		Short string `json:"template_id_short"`
	}
	a, ok := c.bearing(&body)
	if !ok {
		return
	}
	t, code := c.pick(a.AppID, body.Short, false)
	if code != 0 {
		c.refuse(code)
		return
	}
	c.ok(field{"template_id", t.ID})
}

func (c *call) deleteTemplate() {
	var body struct {
		ID string `json:"template_id"`
	}
	if a, ok := c.bearing(&body); ok {
		c.done(c.drop(a.AppID, body.ID, false))
	}
}

// done answers with an errcode, or that all is well.
func (c *call) done(code int, further ...field) {
	if code != 0 {
		c.refuse(code)
		return
	}
	c.ok(further...)
}

func (c *call) newTemplates() {
	a, ok := c.bearing(nil)
	if !ok {
		return
	}
	list := []map[string]any{}
	for _, t := range c.Templates(a.AppID) {
		if t.Subscription {
			list = append(list, map[string]any{"priTmplId": t.ID, "title": t.Title, "content": t.Content, "example": t.Example, "type": 2})
		}
	}
	c.ok(field{"data", list})
}

func (c *call) addNewTemplate() {
	var body struct {
		TID json.Number `json:"tid"` // digits, as a string or a number
	}
	a, ok := c.bearing(&body)
	if !ok {
		return
	}
	t, code := c.pick(a.AppID, body.TID.String(), true)
	c.done(code, field{"priTmplId", t.ID})
}

func (c *call) delNewTemplate() {
	var body struct {
		ID string `json:"priTmplId"`
	}
	if a, ok := c.bearing(&body); ok {
		c.done(c.drop(a.AppID, body.ID, true))
	}
}
