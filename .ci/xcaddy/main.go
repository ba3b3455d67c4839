// Command xcaddy builds what xcaddy.json says, and takes our own module from
// this checkout instead of from where it is published.
//
// The xcaddy command reads no JSON, but xcaddy.Builder is a JSON type: decoding
// into that very type, strictly, is what makes xcaddy.json a truth and not a
// decoration. The type is only in tools.mod, so that xcaddy raises no version in
// an operator's build; hence this folder, which ./... doesn't see:
//
//	go run -modfile=tools.mod .ci/xcaddy/main.go -check
//	go run -modfile=tools.mod .ci/xcaddy/main.go -output dist/caddy
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"os/signal"
	"strings"

	"github.com/caddyserver/xcaddy"
)

const module = "github.com/caddy-wsite/caddy-wsite"

func main() {
	log.SetFlags(0)
	file := flag.String("file", "xcaddy.json", "what to build")
	check := flag.Bool("check", false, "only decode the file and print its Caddy version")
	output := flag.String("output", "dist/caddy", "the binary to write")
	flag.Parse()

	builder, err := read(*file)
	if err != nil {
		log.Fatal(err)
	}
	if *check {
		fmt.Println(builder.CaddyVersion)
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := build(ctx, builder, *output); err != nil {
		log.Fatal(err)
	}
}

// read decodes path as strictly as JSON can be, no unknown field and nothing after
// the object, and asks for what makes it a build of ours.
func read(path string) (xcaddy.Builder, error) {
	var builder xcaddy.Builder
	text, err := os.ReadFile(path)
	if err != nil {
		return builder, fmt.Errorf("reading the build: %w", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&builder); err != nil {
		return builder, fmt.Errorf("decoding %s: %w", path, err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return builder, fmt.Errorf("decoding %s: something follows the object", path)
	}
	if builder.CaddyVersion == "" {
		return builder, fmt.Errorf("decoding %s: it names no caddy_version, and two builds of it would differ", path)
	}
	for _, plugin := range builder.Plugins {
		if plugin.PackagePath == module+"/caddymodule" {
			return builder, nil
		}
	}
	return builder, fmt.Errorf("decoding %s: it doesn't name %s/caddymodule", path, module)
}

// build writes the binary. The replacement must be absolute: xcaddy works in a
// temporary folder. Cgo stays off, as it is for operators unless they ask for it.
func build(ctx context.Context, builder xcaddy.Builder, output string) error {
	checkout, err := os.Getwd()
	if err != nil {
		return fmt.Errorf("finding the checkout: %w", err)
	}
	builder.Replacements = append(builder.Replacements, xcaddy.NewReplace(module, checkout))
	builder.Cgo = false

	proxy, err := fallThrough()
	if err != nil {
		return err
	}
	if err := os.Setenv("GOPROXY", proxy); err != nil {
		return fmt.Errorf("setting the module proxy: %w", err)
	}
	if err := builder.Build(ctx, output); err != nil {
		return fmt.Errorf("building %s: %w", output, err)
	}
	return nil
}

// fallThrough is the first module proxy of this machine, followed by an empty one.
// go asks for versions of our module although it is replaced. Until it is published
// a proxy may refuse its name with something else than 404, and after a bar, unlike
// after a comma, any refusal means: ask the next, which knows no module at all.
func fallThrough() (string, error) {
	list, err := exec.Command("go", "env", "GOPROXY").Output()
	if err != nil {
		return "", fmt.Errorf("asking go for its module proxy: %w", err)
	}
	first := strings.TrimSpace(string(list))
	if end := strings.IndexAny(first, ",|"); end >= 0 {
		first = first[:end]
	}
	if first == "off" {
		return first, nil
	}
	return first + "|file:///nonexistent", nil
}
