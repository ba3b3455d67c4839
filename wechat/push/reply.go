package push

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	maxReplyText = 2048 // bytes of a text, by WeChat's rule
	maxArticles  = 8
)

// Reply is what a visitor gets in answer to his message, in the answer to the push
// (wechat-api.md §8.3).
type Reply struct {
	To, From string // the visitor's openid, and the account's original id
	At       time.Time
	// Type is text, image, voice, video, music, news or transfer_customer_service.
	Type    string
	Content string // of a text, at most 2048 bytes

	MediaID            string // of image, voice and video
	Title, Description string // of video and music
	MusicURL, HQURL    string // of music
	ThumbID            string // of music: the MediaID of its picture
	Articles           []Article
	Agent              string // of transfer_customer_service: one of the staff; "" for any
}

// Article is a part of a reply of type news.
type Article struct{ Title, Description, PicURL, URL string }

// element is a part of a reply as it is written: a text, a bare number, or others.
type element struct {
	name string
	text string
	bare bool
	kids []element
}

// XML writes the reply, as WeChat reads it when it isn't encrypted. The error is a
// [*Refusal] with [CodeReply].
func (r Reply) XML() ([]byte, error) {
	kids, err := r.content()
	if err != nil {
		return nil, err
	}
	if r.To == "" || r.From == "" {
		return nil, refuse(CodeReply)
	}
	all := append([]element{
		{name: "ToUserName", text: r.To},
		{name: "FromUserName", text: r.From},
		{name: "CreateTime", text: strconv.FormatInt(r.At.Unix(), 10), bare: true},
		{name: "MsgType", text: r.Type},
	}, kids...)
	var b bytes.Buffer
	if err := (element{name: "xml", kids: all}).write(&b); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// content is what a type of reply has besides the head.
func (r Reply) content() ([]element, error) {
	needed := func(texts ...string) error {
		if slices.Contains(texts, "") {
			return refuse(CodeReply)
		}
		return nil
	}
	switch r.Type {
	case "text":
		if len(r.Content) > maxReplyText {
			return nil, refuse(CodeReply)
		}
		return []element{{name: "Content", text: r.Content}}, needed(r.Content)
	case "image":
		return []element{{name: "Image", kids: []element{{name: "MediaId", text: r.MediaID}}}}, needed(r.MediaID)
	case "voice":
		return []element{{name: "Voice", kids: []element{{name: "MediaId", text: r.MediaID}}}}, needed(r.MediaID)
	case "video":
		kids := append([]element{{name: "MediaId", text: r.MediaID}}, texts("Title", r.Title, "Description", r.Description)...)
		return []element{{name: "Video", kids: kids}}, needed(r.MediaID)
	case "music":
		kids := texts("Title", r.Title, "Description", r.Description, "MusicUrl", r.MusicURL, "HQMusicUrl", r.HQURL)
		return []element{{name: "Music", kids: append(kids, element{name: "ThumbMediaId", text: r.ThumbID})}}, needed(r.ThumbID)
	case "news":
		var items []element
		for _, a := range r.Articles {
			items = append(items, element{name: "item", kids: []element{
				{name: "Title", text: a.Title}, {name: "Description", text: a.Description}, {name: "PicUrl", text: a.PicURL}, {name: "Url", text: a.URL},
			}})
		}
		if len(items) < 1 || len(items) > maxArticles {
			return nil, refuse(CodeReply)
		}
		return []element{{name: "ArticleCount", text: strconv.Itoa(len(items)), bare: true}, {name: "Articles", kids: items}}, nil
	case "transfer_customer_service":
		if r.Agent == "" {
			return nil, nil
		}
		return []element{{name: "TransInfo", kids: []element{{name: "KfAccount", text: r.Agent}}}}, nil
	}
	return nil, refuse(CodeReply)
}

// texts are the elements among pairs of names and texts that have a text.
func texts(pairs ...string) (list []element) {
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			list = append(list, element{name: pairs[i], text: pairs[i+1]})
		}
	}
	return list
}

func (e element) write(b *bytes.Buffer) error {
	fmt.Fprintf(b, "<%s>", e.name)
	switch {
	case e.bare:
		b.WriteString(e.text)
	case e.kids == nil:
		if err := writeText(b, e.text); err != nil {
			return err
		}
	}
	for _, k := range e.kids {
		if err := k.write(b); err != nil {
			return err
		}
	}
	fmt.Fprintf(b, "</%s>", e.name)
	return nil
}

// writeText writes a section of characters. What would end it is parted into two.
func writeText(b *bytes.Buffer, text string) error {
	illegal := func(r rune) bool {
		return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xfffe || r == 0xffff
	}
	if !utf8.ValidString(text) || strings.ContainsFunc(text, illegal) {
		return refuse(CodeReply)
	}
	b.WriteString("<![CDATA[" + strings.ReplaceAll(text, "]]>", "]]]]><![CDATA[>") + "]]>")
	return nil
}

// ReadReply reads a reply that isn't encrypted. The error is a [*Refusal]: what WeChat
// wouldn't take is refused with [CodeReply].
func ReadReply(body []byte) (Reply, error) {
	doc, err := parse(body)
	if err != nil {
		return Reply{}, err
	}
	m := Message{root: doc.root}
	seconds, err := strconv.ParseInt(strings.TrimSpace(m.Field("CreateTime")), 10, 64)
	if err != nil || seconds < 0 || seconds > 1<<40 {
		return Reply{}, refuse(CodeReply)
	}
	r := Reply{To: m.Field("ToUserName"), From: m.Field("FromUserName"), At: time.Unix(seconds, 0).UTC(), Type: m.Field("MsgType")}
	switch r.Type {
	case "text":
		r.Content = m.Field("Content")
	case "image":
		r.MediaID = m.Field("Image", "MediaId")
	case "voice":
		r.MediaID = m.Field("Voice", "MediaId")
	case "video":
		r.MediaID, r.Title, r.Description = m.Field("Video", "MediaId"), m.Field("Video", "Title"), m.Field("Video", "Description")
	case "music":
		r.Title, r.Description = m.Field("Music", "Title"), m.Field("Music", "Description")
		r.MusicURL, r.HQURL, r.ThumbID = m.Field("Music", "MusicUrl"), m.Field("Music", "HQMusicUrl"), m.Field("Music", "ThumbMediaId")
	case "news":
		if list := doc.root.find("articles"); list != nil {
			for _, item := range list.kids {
				a := Message{root: item}
				r.Articles = append(r.Articles, Article{a.Field("Title"), a.Field("Description"), a.Field("PicUrl"), a.Field("Url")})
			}
		}
	case "transfer_customer_service":
		r.Agent = m.Field("TransInfo", "KfAccount")
	}
	if _, err := r.XML(); err != nil {
		return Reply{}, err
	}
	return r, nil
}

// Seal writes a reply for the answer to m: as it is in the mode [Plain], otherwise
// encrypted with the key that m came with, so that a key can be changed meanwhile.
// nonce is that of the request, and random fills in what nobody may guess.
func (k Keys) Seal(m Message, reply []byte, nonce string, now time.Time, random func([]byte)) ([]byte, error) {
	if k.Mode == Plain {
		return reply, nil
	}
	key := m.key
	if key == "" {
		if len(k.AESKeys) == 0 {
			return nil, refuse(CodeKeys)
		}
		key = k.AESKeys[0]
	}
	return k.envelope(key, reply, letters(random, 16), now.Unix(), nonce, m.JSON)
}

// envelope writes an encrypted reply.
func (k Keys) envelope(key string, reply []byte, random string, timestamp int64, nonce string, asJSON bool) ([]byte, error) {
	sealed, err := encrypt(key, random, string(reply), k.AppID)
	if err != nil {
		return nil, err
	}
	signature := Sign(k.Token, strconv.FormatInt(timestamp, 10), nonce, sealed)
	if asJSON {
		return json.Marshal(struct {
			Encrypt      string
			MsgSignature string
			TimeStamp    int64
			Nonce        string
		}{sealed, signature, timestamp, nonce})
	}
	return fmt.Appendf(nil, "<xml><Encrypt><![CDATA[%s]]></Encrypt><MsgSignature><![CDATA[%s]]></MsgSignature><TimeStamp>%d</TimeStamp><Nonce><![CDATA[%s]]></Nonce></xml>",
		sealed, signature, timestamp, nonce), nil
}

// OpenReply reads what a backend with these keys has answered to a push: the reply in
// plain text, or nothing where it has nothing to say. The error is a [*Refusal].
func (k Keys) OpenReply(body []byte) ([]byte, error) {
	body = bytes.TrimSpace(body)
	if len(body) == 0 || string(body) == "success" {
		return nil, nil
	}
	doc, err := parse(body)
	if err != nil {
		return nil, err
	}
	m := Message{root: doc.root}
	sealed := m.Field("Encrypt")
	switch {
	case sealed == "" && k.Mode == Safe, sealed != "" && k.Mode == Plain:
		return nil, refuse(CodeMode)
	case sealed == "":
		return body, nil
	}
	if !same(m.Field("MsgSignature"), Sign(k.Token, m.Field("TimeStamp"), m.Field("Nonce"), sealed)) {
		return nil, refuse(CodeSignature)
	}
	plain, _, err := k.decrypt(sealed)
	return plain, err
}
