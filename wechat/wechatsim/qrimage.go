package wechatsim

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"net/http"
	"net/url"
	"strings"

	"github.com/boombuler/barcode/qr"
)

const showQRPath = "/cgi-bin/showqrcode"

var errSceneOver = errors.New("the code is too old")

// showQR is mp.weixin.qq.com's /cgi-bin/showqrcode: the image of a code, for
// whoever has its ticket (wechat-api.md §7.2).
func (s *Sim) showQR(rec *recorder, r *http.Request) {
	code, ok := s.scene(r.URL.Query().Get("ticket"))
	if !ok || r.Method != http.MethodGet && r.Method != http.MethodHead {
		http.Error(rec, "404 Not Found", http.StatusNotFound)
		return
	}
	rec.req.AppID = code.AppID
	picture, err := qrImage(code.URL)
	if err != nil {
		http.Error(rec, "drawing: "+err.Error(), http.StatusInternalServerError)
		return
	}
	rec.Header().Set("Content-Type", "image/jpg") // as WeChat misspells it
	rec.Header().Set("Cache-Control", "max-age=60")
	rec.WriteHeader(http.StatusOK)
	_, _ = rec.ResponseWriter.Write(picture) // past the history, which is for reading
}

// qrSize is about the width of WeChat's images, in pixels, and qrMargin the white
// that a scanner needs around a code, in modules.
const (
	qrSize   = 430
	qrMargin = 4
)

// qrImage draws a text as a QR code, as a JPEG.
func qrImage(text string) ([]byte, error) {
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return nil, err
	}
	modules := code.Bounds().Dx()
	scale := max(1, qrSize/(modules+2*qrMargin))
	side := scale * (modules + 2*qrMargin)
	picture := image.NewGray(image.Rect(0, 0, side, side))
	for y := range side {
		for x := range side {
			mx, my := x/scale-qrMargin, y/scale-qrMargin
			white := true
			if mx >= 0 && my >= 0 && mx < modules && my < modules {
				r, _, _, _ := code.At(mx, my).RGBA()
				white = r != 0
			}
			if white {
				picture.SetGray(x, y, color.Gray{Y: 0xff})
			}
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, picture, &jpeg.Options{Quality: 90}); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// unescapeTicket reads the ticket of an address. A "+" that wasn't escaped is one
// here, so that a scanner may be given what a browser shows.
func unescapeTicket(escaped string) string {
	escaped, _, _ = strings.Cut(escaped, "&")
	ticket, err := url.PathUnescape(escaped)
	if err != nil {
		return escaped
	}
	return ticket
}

func webAddress(word string) bool {
	u, err := url.Parse(word)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && u.User == nil
}
