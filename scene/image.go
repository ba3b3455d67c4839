package scene

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"strings"

	"github.com/boombuler/barcode/qr"
)

// quiet is the empty rim that a scanner needs, in modules.
const quiet = 4

// modules draws what a code says into a square of dots.
func modules(url string) (size int, dark func(x, y int) bool, err error) {
	code, err := qr.Encode(url, qr.M, qr.Auto)
	if err != nil {
		return 0, nil, fmt.Errorf("drawing a QR code: %w", err)
	}
	return code.Bounds().Dx(), func(x, y int) bool {
		r, _, _, _ := code.At(x, y).RGBA()
		return r == 0
	}, nil
}

// PNG draws a code, of at least side pixels: each module is a whole number of them.
func PNG(url string, side int) ([]byte, error) {
	size, dark, err := modules(url)
	if err != nil {
		return nil, err
	}
	full := size + 2*quiet
	scale := max((min(side, 4096)+full-1)/full, 1)
	picture := image.NewPaletted(image.Rect(0, 0, full*scale, full*scale), color.Palette{color.White, color.Black})
	for y := range full * scale {
		for x := range full * scale {
			mx, my := x/scale-quiet, y/scale-quiet
			if mx >= 0 && my >= 0 && mx < size && my < size && dark(mx, my) {
				picture.SetColorIndex(x, y, 1)
			}
		}
	}
	var out bytes.Buffer
	if err := png.Encode(&out, picture); err != nil {
		return nil, fmt.Errorf("drawing a QR code: %w", err)
	}
	return out.Bytes(), nil
}

// SVG draws a code that scales, as one path.
func SVG(url string) ([]byte, error) {
	size, dark, err := modules(url)
	if err != nil {
		return nil, err
	}
	var path strings.Builder
	for y := range size {
		for x := 0; x < size; x++ {
			from := x
			for x < size && dark(x, y) {
				x++
			}
			if x > from {
				fmt.Fprintf(&path, "M%d %dh%dv1h-%dz", from+quiet, y+quiet, x-from, x-from)
			}
		}
	}
	full := size + 2*quiet
	return fmt.Appendf(nil, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h%dv%dH0z"/><path d="%s"/></svg>`,
		full, full, full, full, path.String()), nil
}
