package wechatsim

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

const qrPath = "/cgi-bin/qrcode/create"

// The limits of parametric QR codes (wechat-api.md §7.1).
const (
	sceneLife    = time.Minute // unless the call says otherwise
	maxSceneLife = 30 * 24 * time.Hour
	maxScene     = 64 // characters
	maxPermanent = 100_000
)

// scenePage is where the codes lead. WeChat's phone reads them as codes; other
// scanners would open it.
const scenePage = "http://weixin.qq.com/q/"

// Scene is a parametric QR code of an account.
type Scene struct {
	AppID     string    `json:"appid"`
	Action    string    `json:"action"` // action_name, such as "QR_STR_SCENE"
	Scene     string    `json:"scene"`  // scene_str, or scene_id in digits
	ID        int64     `json:"id"`     // scene_id; 0 if it is a string
	Ticket    string    `json:"ticket"`
	URL       string    `json:"url"` // what the image says
	Permanent bool      `json:"permanent"`
	Made      time.Time `json:"made"`
	Until     time.Time `json:"until"` // zero for a permanent one
	Scans     int       `json:"scans"`
}

// qrEndpoints are the calls about parametric QR codes.
var qrEndpoints = map[string]endpoint{
	qrPath: {method: http.MethodPost, may: mayServe, run: (*call).createQR},
}

// createQR is /cgi-bin/qrcode/create.
func (c *call) createQR() {
	a, code := c.bearerAccount()
	var body struct {
		Expire json.Number `json:"expire_seconds"`
		Action string      `json:"action_name"`
		Info   struct {
			Scene struct {
				ID  json.Number `json:"scene_id"`
				Str string      `json:"scene_str"`
			} `json:"scene"`
		} `json:"action_info"`
	}
	if code == 0 {
		code = c.decode(&body)
	}
	if code != 0 {
		c.refuse(code)
		return
	}
	scene := Scene{AppID: a.AppID, Action: body.Action, Scene: body.Info.Scene.Str, Made: c.Now()}
	scene.Permanent = strings.HasPrefix(body.Action, "QR_LIMIT_")
	if !scene.read(body.Info.Scene.ID.String()) {
		c.refuse(40053)
		return
	}
	life := sceneLife
	if body.Expire != "" && !scene.Permanent {
		seconds, err := body.Expire.Int64()
		life = time.Duration(seconds) * time.Second
		if err != nil || seconds < 1 || seconds > int64(maxSceneLife/time.Second) {
			c.refuse(40097)
			return
		}
	}
	if !scene.Permanent {
		scene.Until = scene.Made.Add(life)
	}
	scene, ok := c.keep(scene)
	if !ok || c.is("qr_exhausted") {
		c.refuse(45029)
		return
	}
	fields := []field{{"ticket", scene.Ticket}, {"url", scene.URL}}
	if !scene.Permanent {
		fields = append(fields, field{"expire_seconds", int(life / time.Second)})
	}
	c.answer(fields...)
}

// read checks the scene against its kind (wechat-api.md §7.1).
func (s *Scene) read(id string) bool {
	n, err := strconv.ParseInt(id, 10, 64)
	switch s.Action {
	case "QR_SCENE":
		s.ID, s.Scene = n, id
		return err == nil && n != 0 && n == int64(int32(n)) || err == nil && n > 0 && n == int64(uint32(n))
	case "QR_LIMIT_SCENE":
		s.ID, s.Scene = n, id
		return err == nil && n >= 1 && n <= maxPermanent
	case "QR_STR_SCENE", "QR_LIMIT_STR_SCENE":
		length := utf8.RuneCountInString(s.Scene)
		return length >= 1 && length <= maxScene
	}
	return false
}

// keep makes a code, or finds the permanent one that there already is. It says
// whether there was room for it.
func (s *Sim) keep(scene Scene) (Scene, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	box := &s.state(scene.AppID).post
	if scene.Permanent {
		if same := box.permanent[scene.Action+scene.Scene]; same != nil {
			return *same, true
		}
		if len(box.permanent) >= maxPermanent {
			return scene, false
		}
	}
	s.made.scenes++
	n := strconv.Itoa(s.made.scenes)
	// Every ticket has "+", "/" and "=" in it, so that who forgets to escape it sees.
	raw := []byte("\x81\x07\x8e\xfb\xef\xff" + s.derive("ticket", n) + s.derive("of", n)[:42])
	scene.Ticket = base64.StdEncoding.EncodeToString(raw)
	scene.URL = scenePage + strings.NewReplacer("-", "0", "_", "1").Replace(s.derive("code", n)[:20])
	kept := &scene
	s.scenes[scene.Ticket], s.scenes[scene.URL] = kept, kept
	if box.permanent == nil {
		box.permanent = map[string]*Scene{}
	}
	if scene.Permanent {
		box.permanent[scene.Action+scene.Scene] = kept
	}
	box.scenes = append(box.scenes, kept)
	if len(box.scenes) > maxPermanent {
		gone := box.scenes[0]
		box.scenes = box.scenes[1:]
		if !gone.Permanent {
			delete(s.scenes, gone.Ticket)
			delete(s.scenes, gone.URL)
		}
	}
	s.touch()
	return scene, true
}

// Scenes are the parametric codes of an account, oldest first, never nil.
func (s *Sim) Scenes(appid string) []Scene {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []Scene{}
	for _, c := range s.state(appid).post.scenes {
		list = append(list, *c)
	}
	return list
}

// scene finds a code by its ticket, by what its image says, or by the address of
// its image.
func (s *Sim) scene(word string) (Scene, bool) {
	word = strings.TrimSpace(word)
	if _, ticket, ok := strings.Cut(word, showQRPath+"?ticket="); ok {
		word = unescapeTicket(ticket)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.scenes[word]
	if !ok {
		return Scene{}, false
	}
	return *c, true
}

// Scanned is what a scan came to.
type Scanned struct {
	AppID  string `json:"appid"` // "" if it was no parametric code
	Ticket string `json:"ticket"`
	// Follow says that the person sees the account's page with its button, and that
	// nothing was pushed: follow with [Sim.FollowScanned].
	Follow bool `json:"follow"`
	// URL is what the phone opens, if it was the code of a page.
	URL string `json:"url"`
}

// Scan makes a person scan a code: the ticket of a parametric code, what its image
// says, the address of its image, or any other web address, which is only handed
// back. A follower's scan is pushed as SCAN. It refuses who and what is unknown
// with [ErrUnknown], and a code that is too old.
func (s *Sim) Scan(person, ticketOrURL string) (Scanned, error) {
	p, ok := s.person(person)
	if !ok {
		return Scanned{}, fmt.Errorf("scanning: %w person", ErrUnknown)
	}
	code, ok := s.scene(ticketOrURL)
	if !ok {
		if word := strings.TrimSpace(ticketOrURL); webAddress(word) && !strings.HasPrefix(word, scenePage) {
			return Scanned{URL: word}, nil
		}
		return Scanned{}, fmt.Errorf("scanning: %w code", ErrUnknown)
	}
	if code.over(s.Now()) {
		return Scanned{}, fmt.Errorf("scanning: %w", errSceneOver)
	}
	s.mu.Lock()
	s.scenes[code.Ticket].Scans++
	s.mu.Unlock()
	scanned := Scanned{AppID: code.AppID, Ticket: code.Ticket, Follow: !p.follows(code.AppID)}
	if a, ok := s.account(code.AppID); ok && !scanned.Follow {
		s.allow(a.AppID, person, "scan")
		s.event(a, person, "SCAN", element{"EventKey", code.Scene}, element{"Ticket", code.Ticket})
		s.touch()
	}
	return scanned, nil
}

// FollowScanned makes a person follow the account whose code he scanned, which is
// pushed with the code's scene. It refuses who and what is unknown with
// [ErrUnknown], and a code that is too old.
func (s *Sim) FollowScanned(person, ticket string) error {
	code, ok := s.scene(ticket)
	if !ok {
		return fmt.Errorf("following by a code: %w code", ErrUnknown)
	}
	if code.over(s.Now()) {
		return fmt.Errorf("following by a code: %w", errSceneOver)
	}
	how := Following{Scene: "ADD_SCENE_QR_CODE", SceneID: code.ID}
	if code.ID == 0 {
		how.SceneStr = code.Scene
	}
	changed, err := s.follow(person, code.AppID, true, how)
	if changed {
		s.subscribed(person, code.AppID, true, &code)
	}
	return err
}

// lately are the newest codes of all accounts that can still be scanned.
func (s *Sim) newestScenes(most int) []Scene {
	now := s.Now()
	list := []Scene{}
	for _, a := range s.Accounts() {
		for _, c := range s.Scenes(a.AppID) {
			if !c.over(now) {
				list = append(list, c)
			}
		}
	}
	slices.SortStableFunc(list, func(a, b Scene) int { return b.Made.Compare(a.Made) })
	return list[:min(most, len(list))]
}

func (s Scene) over(now time.Time) bool { return !s.Permanent && !now.Before(s.Until) }
