package caddymodule

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"io"
	"testing"
)

// unpack reads a ZIP file in base64.
func unpack(t *testing.T, text string) map[string]string {
	t.Helper()
	packed, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	file, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
	if err != nil {
		t.Fatalf("%v: %.200s", err, packed)
	}
	all := map[string]string{}
	for _, f := range file.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		all[f.Name] = string(content)
	}
	return all
}
