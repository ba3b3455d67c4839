package merchant

import (
	"context"
	"fmt"
	"strings"

	"github.com/caddy-wsite/caddy-wsite/message"
)

// Form is what of a template has to be filled in.
type Form struct {
	Template message.Template
	Blanks   []Blank
}

// Blank is a field of a form.
type Blank struct {
	message.Field
	Label   string // what WeChat shows before it; may be empty
	Example string // WeChat's; may be empty
}

// Line is a line of a message as WeChat shows it.
type Line struct{ Label, Value string }

// Preview is a message as it will look in WeChat.
type Preview struct {
	Title string
	Lines []Line
}

// Form makes a form of a template, as WeChat has last listed it.
func (d *Desk) Form(ctx context.Context, appID, template string) (Form, error) {
	all, _, err := d.Messages.Templates(ctx, appID)
	if err != nil {
		return Form{}, fmt.Errorf("reading a template: %w", err)
	}
	for _, t := range all {
		if t.ID == template && t.Removed.IsZero() {
			return formOf(t), nil
		}
	}
	return Form{}, &Fault{Code: FaultTemplate}
}

func formOf(t message.Template) Form {
	f := Form{Template: t}
	labels, examples := map[string]string{}, map[string]string{}
	lines, samples := strings.Split(t.Content, "\n"), strings.Split(t.Example, "\n")
	for i, line := range lines {
		keys := message.ParseContent(line)
		for _, key := range keys {
			labels[key] = label(line, key)
		}
		// WeChat's example has the lines of the content.
		if len(keys) == 1 && len(samples) == len(lines) {
			if before, sample := before(line), samples[i]; strings.HasPrefix(sample, before) {
				examples[keys[0]] = strings.TrimSpace(strings.TrimPrefix(sample, before))
			}
		}
	}
	for _, field := range t.Fields() {
		f.Blanks = append(f.Blanks, Blank{field, labels[field.Key], examples[field.Key]})
	}
	return f
}

// before is what stands in a line before its first field.
func before(line string) string {
	text, _, _ := strings.Cut(line, "{{")
	return text
}

// label is what stands in a line before a field, without its colon.
func label(line, key string) string {
	at := strings.LastIndex(line[:strings.Index(line, key)], "{{")
	text := line[:max(at, 0)]
	if i := strings.LastIndex(text, "}}"); i >= 0 {
		text = text[i+2:]
	}
	return strings.Trim(text, " \t\r:：")
}

// Preview shows what data make of a form. Fields that WeChat takes and doesn't show are
// left out.
func (f Form) Preview(data map[string]string) Preview {
	p := Preview{Title: f.Template.Title}
	for _, b := range f.Blanks {
		if b.Required {
			p.Lines = append(p.Lines, Line{b.Label, data[b.Key]})
		}
	}
	return p
}
