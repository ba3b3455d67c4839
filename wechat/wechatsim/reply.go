package wechatsim

import (
	"encoding/xml"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// maxText is how many bytes the text of a message may have.
const maxText = 2048

// replyXML is a passive reply, in the open or in its envelope (wechat-api.md §8.3,
// §9.2). The names are matched exactly, as WeChat does.
type replyXML struct {
	XMLName      xml.Name `xml:"xml"`
	ToUserName   string   `xml:"ToUserName"`
	FromUserName string   `xml:"FromUserName"`
	CreateTime   string   `xml:"CreateTime"`
	MsgType      string   `xml:"MsgType"`
	Content      string   `xml:"Content"`
	Image        mediaXML `xml:"Image"`
	Voice        mediaXML `xml:"Voice"`
	Video        mediaXML `xml:"Video"`
	Music        struct {
		Title        string `xml:"Title"`
		Description  string `xml:"Description"`
		MusicURL     string `xml:"MusicUrl"`
		ThumbMediaID string `xml:"ThumbMediaId"`
	} `xml:"Music"`
	ArticleCount string `xml:"ArticleCount"`
	Articles     struct {
		Items []struct {
			Title       string `xml:"Title"`
			Description string `xml:"Description"`
			PicURL      string `xml:"PicUrl"`
			URL         string `xml:"Url"`
		} `xml:"item"`
	} `xml:"Articles"`
	Encrypt      string `xml:"Encrypt"`
	MsgSignature string `xml:"MsgSignature"`
	TimeStamp    string `xml:"TimeStamp"`
	Nonce        string `xml:"Nonce"`
}

type mediaXML struct {
	MediaID     string `xml:"MediaId"`
	Title       string `xml:"Title"`
	Description string `xml:"Description"`
}

// quiet says whether an answer means that there is nothing to say.
func quiet(answer string) bool { return answer == "" || answer == "success" }

// readReply reads an answer that isn't quiet. Its errors say what WeChat wouldn't.
func (s *Sim) readReply(target PushTarget, d delivery, answer string) (Message, error) {
	reply, err := parseReply(answer)
	if err != nil {
		return Message{}, err
	}
	switch {
	case target.Mode != PushPlain && reply.Encrypt != "":
		if reply, err = openReply(target, reply); err != nil {
			return Message{}, err
		}
	case target.Mode == PushSafe:
		return Message{}, errors.New("reading a reply: it isn't encrypted, although the mode is safe")
	}
	if _, err := strconv.ParseInt(reply.CreateTime, 10, 64); err != nil {
		return Message{}, errors.New("reading a reply: CreateTime is no number of seconds")
	}
	if reply.ToUserName != d.from || reply.FromUserName != s.OriginalID(d.AppID) {
		return Message{}, errors.New("reading a reply: ToUserName and FromUserName are those of the push, swapped")
	}
	return reply.message()
}

func parseReply(text string) (replyXML, error) {
	var reply replyXML
	if err := xml.Unmarshal([]byte(text), &reply); err != nil {
		return replyXML{}, fmt.Errorf("reading a reply: neither empty nor success nor XML: %w", err)
	}
	return reply, nil
}

// openReply takes a reply out of its envelope.
func openReply(target PushTarget, envelope replyXML) (replyXML, error) {
	if envelope.MsgSignature != pushSignature(target.Token, envelope.TimeStamp, envelope.Nonce, envelope.Encrypt) {
		return replyXML{}, errors.New("reading a reply: MsgSignature is wrong")
	}
	key, err := decodeAESKey(target.AESKey)
	if err != nil {
		return replyXML{}, err
	}
	plain, err := decryptPush(key, envelope.Encrypt, target.AppID)
	if err != nil {
		return replyXML{}, fmt.Errorf("reading a reply: %w", err)
	}
	return parseReply(plain)
}

// message is what the person sees.
func (r replyXML) message() (Message, error) {
	m := Message{By: ByAccount, Kind: r.MsgType}
	missing := func(what string) (Message, error) {
		return Message{}, fmt.Errorf("reading a reply: a reply of type %q needs %s", r.MsgType, what)
	}
	switch r.MsgType {
	case "text":
		if m.Text = r.Content; m.Text == "" || len(m.Text) > maxText {
			return missing("a Content of 1 to 2048 bytes")
		}
	case "image":
		m.MediaID = r.Image.MediaID
	case "voice":
		m.MediaID = r.Voice.MediaID
	case "video":
		m.MediaID, m.Title, m.Text = r.Video.MediaID, r.Video.Title, r.Video.Description
	case "music":
		m.Title, m.Text, m.URL, m.MediaID = r.Music.Title, r.Music.Description, r.Music.MusicURL, r.Music.ThumbMediaID
	case "news":
		count, err := strconv.Atoi(r.ArticleCount)
		if err != nil || count < 1 || len(r.Articles.Items) < 1 || r.Articles.Items[0].Title == "" {
			return missing("an ArticleCount and as many Articles, with titles")
		}
		// Of several, WeChat shows the first.
		first := r.Articles.Items[0]
		m.Title, m.Text, m.Picture, m.URL = first.Title, first.Description, first.PicURL, first.URL
	case "transfer_customer_service":
		m.By, m.Text = ByWeChat, "已转人工客服 · Handed over to the staff"
	default:
		return missing("another MsgType")
	}
	if m.MediaID == "" && strings.Contains("image voice video music", m.Kind) {
		return missing("a MediaId")
	}
	return m, nil
}

// answered ends a push that got an answer: the person sees a reply, or that it
// makes no sense.
func (s *Sim) answered(d delivery, answer string) {
	if quiet(answer) {
		s.finish(d, PushAnswered, "")
		return
	}
	m, err := s.readReply(s.PushTargetOf(d.AppID), d, answer)
	if err != nil {
		s.fault(d, err)
		return
	}
	if !d.deaf {
		s.show(d.AppID, d.person, m)
	}
	s.finish(d, PushReplied, "")
}

// unavailable ends a push that got no answer.
func (s *Sim) unavailable(d delivery) { s.fault(d, nil) }

// fault ends a push that failed. Who waits for an answer is told (wechat-api.md
// §8.2).
func (s *Sim) fault(d delivery, err error) {
	if d.dialogue {
		s.show(d.AppID, d.person, Message{By: ByWeChat, Kind: KindNotice, Text: "该公众号提供的服务出现故障，请稍后再试"})
	}
	reason := ""
	if err != nil {
		reason = err.Error()
	}
	s.finish(d, PushUnavailable, reason)
}

// finish notes how a push ended, and what was wrong with its last answer.
func (s *Sim) finish(d delivery, outcome, reason string) {
	s.mu.Lock()
	d.Outcome = outcome
	for i := len(d.Tries) - 1; i >= 0 && reason != ""; i-- {
		if !d.Tries[i].Forged {
			d.Tries[i].Error = reason
			break
		}
	}
	s.mu.Unlock()
	s.touch()
	if s.log != nil {
		s.log.Info("push", "push", d.String(), "took", s.Now().Sub(d.At).Round(time.Millisecond))
	}
}
