package wechatsim

import "slices"

const (
	sendCustomPath = "/cgi-bin/message/custom/send"
	typingPath     = "/cgi-bin/message/custom/typing"
)

// customBody is the body of a customer message (wechat-api.md §10.3).
type customBody struct {
	To    string        `json:"touser"`
	Type  string        `json:"msgtype"`
	Text  customContent `json:"text"`
	Image customContent `json:"image"`
	Voice customContent `json:"voice"`
	Video customContent `json:"video"`
	Music customContent `json:"music"`
	News  struct {
		Articles []customContent `json:"articles"`
	} `json:"news"`
	MPNews  customContent `json:"mpnews"`
	Article customContent `json:"mpnewsarticle"`
	Menu    struct {
		Head string `json:"head_content"`
		List []struct {
			ID      any    `json:"id"`
			Content string `json:"content"`
		} `json:"list"`
		Tail string `json:"tail_content"`
	} `json:"msgmenu"`
	Card customContent `json:"wxcard"`
	Mini customContent `json:"miniprogrampage"`
}

type customContent struct {
	Content     string `json:"content"`
	MediaID     string `json:"media_id"`
	ThumbID     string `json:"thumb_media_id"`
	ArticleID   string `json:"article_id"`
	CardID      string `json:"card_id"`
	Title       string `json:"title"`
	Description string `json:"description"`
	URL         string `json:"url"`
	MusicURL    string `json:"musicurl"`
	Picture     string `json:"picurl"`
	AppID       string `json:"appid"`
	Path        string `json:"pagepath"`
}

// sendCustom is /cgi-bin/message/custom/send.
func (c *call) sendCustom() {
	var body customBody
	a, ok := c.bearing(&body)
	if !ok {
		return
	}
	p, code := c.recipient(a, body.To)
	if code != 0 {
		c.refuse(code)
		return
	}
	m, code := body.message()
	if code == 0 {
		code = c.spendAllowance(a.AppID, p.Name)
	}
	if code != 0 {
		c.refuse(code)
		return
	}
	c.show(a.AppID, p.Name, m)
	c.ok()
}

// recipient is whom a customer message is for.
func (c *call) recipient(a Account, openid string) (Person, int) {
	p, ok := c.whose(a.AppID, openid)
	switch {
	case !ok:
		return p, 40003
	case !p.follows(a.AppID):
		return p, 45015
	case c.Blocked(p.Name, a.AppID):
		return p, 48002
	}
	return p, 0
}

// spendAllowance uses up one of the messages that a person's doing allows; of
// several allowances first the one that ends first. The result is 0 or WeChat's
// errcode.
func (s *Sim) spendAllowance(appid, person string) int {
	now := s.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	allowed := s.state(appid).post.chat(person).allowed
	code, best := 45015, ""
	for because, a := range allowed {
		switch {
		case !now.Before(a.until):
			delete(allowed, because)
		case a.left == 0:
			code = 45047
		case best == "" || a.until.Before(allowed[best].until):
			best = because
		}
	}
	if best == "" {
		return code
	}
	a := allowed[best]
	a.left--
	allowed[best] = a
	return 0
}

// Allowance is how many customer messages an account may send a person now.
func (s *Sim) Allowance(person, appid string) int {
	now := s.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, a := range s.state(appid).post.chat(person).allowed {
		if now.Before(a.until) {
			n += a.left
		}
	}
	return n
}

// message is what the person sees. The second result is 0 or WeChat's errcode.
func (b customBody) message() (Message, int) {
	m := Message{By: ByAccount, Kind: b.Type}
	media := func(c customContent) (Message, int) {
		m.MediaID, m.Title, m.Text = c.MediaID, c.Title, c.Description
		if c.MediaID == "" {
			return Message{}, 40007
		}
		return m, 0
	}
	switch b.Type {
	case "text":
		m.Text = b.Text.Content
		return m, checkText(m.Text)
	case "image":
		return media(b.Image)
	case "voice":
		return media(b.Voice)
	case "video":
		return media(b.Video)
	case "mpnews":
		return media(b.MPNews)
	case "music":
		m.Title, m.Text, m.URL, m.MediaID = b.Music.Title, b.Music.Description, b.Music.MusicURL, b.Music.ThumbID
		return m, need(m.URL, 40007)
	case "news":
		if len(b.News.Articles) == 0 {
			return Message{}, 44003
		}
		if len(b.News.Articles) > 1 {
			return Message{}, 45008
		}
		first := b.News.Articles[0]
		m.Title, m.Text, m.Picture, m.URL = first.Title, first.Description, first.Picture, first.URL
		return m, 0
	case "mpnewsarticle":
		m.MediaID = b.Article.ArticleID
		return m, need(m.MediaID, 40007)
	case KindMenuAnswer:
		m.Text = b.Menu.Head
		for _, one := range b.Menu.List {
			m.Lines = append(m.Lines, Line{Value: one.Content})
		}
		m.Title = b.Menu.Tail
		return m, need(m.Text, 44004)
	case "wxcard":
		m.MediaID = b.Card.CardID
		return m, need(m.MediaID, 40007)
	case KindMiniPage:
		m.Title, m.MiniAppID, m.MiniPath, m.MediaID = b.Mini.Title, b.Mini.AppID, b.Mini.Path, b.Mini.ThumbID
		return m, need(m.MiniAppID, 40166)
	}
	return Message{}, 40008
}

func checkText(text string) int {
	switch {
	case text == "":
		return 44004
	case len(text) > maxText:
		return 45002
	}
	return 0
}

func need(what string, code int) int {
	if what == "" {
		return code
	}
	return 0
}

// showTyping is /cgi-bin/message/custom/typing.
func (c *call) showTyping() {
	var body struct {
		To      string `json:"touser"`
		Command string `json:"command"`
	}
	a, ok := c.bearing(&body)
	if !ok {
		return
	}
	p, code := c.recipient(a, body.To)
	if code == 0 && !slices.Contains([]string{"Typing", "CancelTyping"}, body.Command) {
		code = 45072
	}
	if code == 0 {
		code = c.setTyping(a.AppID, p.Name, body.Command == "Typing")
	}
	c.done(code)
}

// setTyping shows that an account is typing, or no longer. The result is 0 or
// WeChat's errcode.
func (s *Sim) setTyping(appid, person string, on bool) int {
	now := s.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.state(appid).post.chat(person)
	switch {
	case c.spoke.IsZero() || now.Sub(c.spoke) > typingSince:
		return 45080
	case on && now.Before(c.typing):
		return 45081
	case on:
		c.typing = now.Add(typingLife)
	default:
		c.typing = now
	}
	s.touch()
	return 0
}

// Typing says whether a person sees an account typing.
func (s *Sim) Typing(person, appid string) bool {
	now := s.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	return now.Before(s.state(appid).post.chat(person).typing)
}
