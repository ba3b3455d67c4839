package scene_test

import (
	"bytes"
	"encoding/xml"
	"image"
	"image/png"
	"strings"
	"testing"

	"github.com/boombuler/barcode/qr"

	"github.com/caddy-wsite/caddy-wsite/scene"
)

func TestImage(t *testing.T) {
	t.Parallel()
	const url = "http://weixin.qq.com/q/kZgfwMTm72WWPkovabbI"
	code, err := qr.Encode(url, qr.M, qr.Auto)
	if err != nil {
		t.Fatal(err)
	}
	size := code.Bounds().Dx()
	dark := func(picture image.Image, x, y int) bool {
		r, _, _, _ := picture.At(x, y).RGBA()
		return r == 0
	}
	t.Run("the picture has every module, in whole pixels, and a quiet rim", func(t *testing.T) {
		t.Parallel()
		for _, side := range []int{1, 300, 430} {
			file, err := scene.PNG(url, side)
			if err != nil {
				t.Fatal(err)
			}
			picture, err := png.Decode(bytes.NewReader(file))
			if err != nil {
				t.Fatal(err)
			}
			full := picture.Bounds().Dx()
			scale := full / (size + 8)
			if full < side || full%(size+8) != 0 {
				t.Errorf("%d pixels were asked for, and %d came, of %d modules", side, full, size)
			}
			for y := range full {
				for x := range full {
					mx, my := x/scale-4, y/scale-4
					inside := mx >= 0 && my >= 0 && mx < size && my < size
					if want := inside && dark(code, mx, my); dark(picture, x, y) != want {
						t.Fatalf("the pixel %d, %d is dark: %v", x, y, !want)
					}
				}
			}
		}
	})
	t.Run("the drawing is one path, and has as many dark modules", func(t *testing.T) {
		t.Parallel()
		file, err := scene.SVG(url)
		if err != nil {
			t.Fatal(err)
		}
		var drawing struct {
			ViewBox string `xml:"viewBox,attr"`
			Paths   []struct {
				D string `xml:"d,attr"`
			} `xml:"path"`
		}
		if err := xml.Unmarshal(file, &drawing); err != nil || len(drawing.Paths) != 2 {
			t.Fatalf("got %+v, %v", drawing, err)
		}
		area, want := 0, 0
		for _, run := range strings.Split(drawing.Paths[1].D, "M")[1:] {
			n := 0
			for _, digit := range run[strings.Index(run, "h")+1 : strings.Index(run, "v")] {
				n = 10*n + int(digit-'0')
			}
			area += n
		}
		for y := range size {
			for x := range size {
				if dark(code, x, y) {
					want++
				}
			}
		}
		if area != want {
			t.Errorf("%d modules are dark, want %d", area, want)
		}
	})
	t.Run("what doesn't fit into a code is refused", func(t *testing.T) {
		t.Parallel()
		if _, err := scene.PNG(strings.Repeat("x", 4000), 100); err == nil {
			t.Error("a picture of it was drawn")
		}
	})
}
