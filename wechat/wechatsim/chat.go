package wechatsim

import (
	"fmt"
	"slices"
	"time"
)

// Who a message in a chat is from.
const (
	ByPerson  = "person"
	ByAccount = "account"
	ByWeChat  = "wechat" // a notice
)

// Kinds of messages besides those that WeChat's MsgType names.
const (
	KindNotice       = "notice"
	KindTemplate     = "template"
	KindSubscribed   = "subscription" // a subscription notification
	KindMenuAnswer   = "msgmenu"
	KindMiniPage     = "miniprogrampage"
	maxMessages      = 1000
	clientIDLife     = 10 * time.Minute // wechat-api.md §10.1
	typingLife       = 15 * time.Second
	typingSince      = 30 * time.Second // after a message of the person
	allowanceMessage = 48 * time.Hour
	allowanceTap     = time.Minute
)

// Message is one message in a person's chat with an account.
type Message struct {
	ID     int64     `json:"id"`
	At     time.Time `json:"at"`
	AppID  string    `json:"appid"`
	Person string    `json:"person"`
	By     string    `json:"by"`   // [ByPerson], [ByAccount] or [ByWeChat]
	Kind   string    `json:"kind"` // a MsgType, or one of the kinds
	Title  string    `json:"title,omitempty"`
	Text   string    `json:"text,omitempty"`
	// URL is where a tap leads; Picture is the address of an image, and MediaID its
	// id, or that of another medium, at WeChat.
	URL     string `json:"url,omitempty"`
	Picture string `json:"picture,omitempty"`
	MediaID string `json:"media_id,omitempty"`
	// MiniAppID and MiniPath are the mini program that a tap opens.
	MiniAppID string `json:"mini_appid,omitempty"`
	MiniPath  string `json:"mini_path,omitempty"`
	// Lines are the lines of a template message.
	Lines      []Line `json:"lines,omitempty"`
	TemplateID string `json:"template_id,omitempty"`
	MsgID      int64  `json:"msgid,omitempty,string"`
}

// Line is one line of a template message as the person sees it.
type Line struct {
	Label string `json:"label"`
	Value string `json:"value"`
}

// mailbox is what passes between an account, its server and people.
type mailbox struct {
	target    PushTarget
	pushes    []*Push
	lines     map[string]*pushLine // by person
	chats     map[string]*chat     // by person
	scenes    []*Scene             // oldest first
	permanent map[string]*Scene    // by kind and scene
	templates []Template
	made      int // templates, ever
	industry  [2]industry
	chosen    time.Time // the industry
}

// counts are how many there were of what has a number.
type counts struct {
	pushes, messages, ids int64
	scenes                int
}

// startPost prepares what passes between accounts, servers and people. Every
// account that may have templates begins with some.
func (s *Sim) startPost(targets []PushTarget) {
	s.pusher, s.live, s.scenes = newPushClient(), newLive(), map[string]*Scene{}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range targets {
		s.state(t.AppID).post.target, _ = t.settle() // checked by Options.Check
	}
	for _, a := range s.Accounts() {
		for _, t := range library {
			if mayServe(a) && slices.Contains(startTemplates, t.Short) {
				s.addTemplate(a.AppID, t)
			}
		}
	}
}

func (p *mailbox) line(person string) *pushLine {
	if p.lines == nil {
		p.lines = map[string]*pushLine{}
	}
	if p.lines[person] == nil {
		p.lines[person] = &pushLine{}
	}
	return p.lines[person]
}

func (p *mailbox) chat(person string) *chat {
	if p.chats == nil {
		p.chats = map[string]*chat{}
	}
	if p.chats[person] == nil {
		p.chats[person] = &chat{
			allowed: map[string]allowance{}, consents: map[string]consent{}, sent: map[string]sentMessage{},
		}
	}
	return p.chats[person]
}

// chat is what is between a person and an account.
type chat struct {
	messages []Message
	unread   int
	blocked  bool                 // the person refuses the account's messages
	allowed  map[string]allowance // of customer messages, by what they are owed to
	consents map[string]consent   // to subscription notifications, by template id
	sent     map[string]sentMessage
	spoke    time.Time // when the person last said something
	typing   time.Time // until when the account is shown to be typing
}

// sentMessage is a template message, remembered by its client_msg_id.
type sentMessage struct {
	at    time.Time
	msgID int64
}

// allowance is how many customer messages may still be sent, and until when.
type allowance struct {
	left  int
	until time.Time
}

// show puts a message into a chat.
func (s *Sim) show(appid, person string, m Message) {
	m.At, m.AppID, m.Person = s.Now(), appid, person
	s.mu.Lock()
	s.made.messages++
	m.ID = s.made.messages
	c := s.state(appid).post.chat(person)
	if len(c.messages) >= maxMessages {
		c.messages = slices.Delete(c.messages, 0, maxMessages/10)
	}
	c.messages = append(c.messages, m)
	if m.By != ByPerson {
		c.unread++
		c.typing = time.Time{}
	}
	s.mu.Unlock()
	s.touch()
}

// Chat is a person's chat with an account, oldest first: at most the last 1000
// messages, never nil.
func (s *Sim) Chat(person, appid string) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []Message{}
	for _, m := range s.state(appid).post.chat(person).messages {
		m.Lines = slices.Clone(m.Lines)
		list = append(list, m)
	}
	return list
}

// Unread is how many messages of an account a person has not looked at.
func (s *Sim) Unread(person, appid string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state(appid).post.chat(person).unread
}

// Read makes a person look at a chat.
func (s *Sim) Read(person, appid string) {
	s.mu.Lock()
	c := s.state(appid).post.chat(person)
	had := c.unread > 0
	c.unread = 0
	s.mu.Unlock()
	if had {
		s.touch()
	}
}

// Block makes a person refuse an account's messages, or take them again, without
// leaving it. Its only error is [ErrUnknown].
func (s *Sim) Block(person, appid string, refuse bool) error {
	if _, _, err := s.pair(person, appid); err != nil {
		return fmt.Errorf("blocking %s: %w", appid, err)
	}
	s.mu.Lock()
	s.state(appid).post.chat(person).blocked = refuse
	s.mu.Unlock()
	s.touch()
	return nil
}

// Blocked says whether a person refuses an account's messages.
func (s *Sim) Blocked(person, appid string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state(appid).post.chat(person).blocked
}

// pair looks a person and an account up. Its only error is [ErrUnknown].
func (s *Sim) pair(person, appid string) (Person, Account, error) {
	p, ok := s.person(person)
	if !ok {
		return Person{}, Account{}, fmt.Errorf("%w person", ErrUnknown)
	}
	a, ok := s.account(appid)
	if !ok {
		return Person{}, Account{}, fmt.Errorf("%w account", ErrUnknown)
	}
	return p, a, nil
}

// allow lets an account write to a person because of something that he did
// (wechat-api.md §10.3).
func (s *Sim) allow(appid, person, because string) {
	now := s.Now()
	granted := allowance{3, now.Add(allowanceTap)}
	if because == "message" {
		granted = allowance{5, now.Add(allowanceMessage)}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.state(appid).post.chat(person)
	c.allowed[because] = granted
	if because == "message" {
		c.spoke = now
	}
}
