package merchant

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caddy-wsite/caddy-wsite/message"
)

// Recipient is somebody who shall get a notice, and what has become of it.
type Recipient struct {
	Merchant string
	Name     string // the merchant's
	Slot     int    // -1 if nobody is bound
	User     string
	// Fault is why he gets nothing, and Field is which field it is about; both may be
	// empty.
	Fault string
	Field string
	// Bound says that he is still bound, and Disabled that the merchant is.
	Bound    bool
	Disabled bool

	// What the outbox says. Message is empty while the notice isn't there yet, and when it
	// was swept.
	Message string
	State   message.State
	Reason  message.Reason
	Detail  string
	Sent    time.Time
	Ended   time.Time
}

// Says says in English and Chinese why it stands so; nothing if there is nothing to say.
func (r Recipient) Says() (en, zh string) {
	if r.Fault == "" {
		return r.Reason.Say()
	}
	if en, zh = recipientFault(r.Fault); en != "" {
		return en, zh
	}
	return (&message.Fault{Code: r.Fault, Field: r.Field}).Say()
}

// name is what a recipient's message is called towards the outbox.
func (r Recipient) name(notice string) string {
	return notice + "/" + r.Merchant + "/" + strconv.Itoa(r.Slot)
}

// Recipients are those of a notice, by merchant.
func (d *Desk) Recipients(ctx context.Context, realm, notice string) iter.Seq2[Recipient, error] {
	const page = 500
	return func(yield func(Recipient, error) bool) {
		after := Recipient{Slot: -2}
		for {
			list, err := d.Store.Recipients(ctx, realm, notice, after, page)
			if err != nil {
				yield(Recipient{}, fmt.Errorf("listing recipients: %w", err))
				return
			}
			for _, r := range list {
				if !yield(r, nil) {
					return
				}
			}
			if len(list) < page {
				return
			}
			after = list[len(list)-1]
		}
	}
}

// Fill puts the messages of a notice into the outbox. Those that are there already aren't
// put twice, so it may be called again, and by several at once.
func (d *Desk) Fill(ctx context.Context, n Notice) error {
	content, err := d.Read(n)
	for after := ""; err == nil && n.All; n.All = after != "" {
		after, err = d.Store.CollectRecipients(ctx, n, after, 500)
	}
	if err != nil {
		return fmt.Errorf("filling a notice: %w", err)
	}
	var refused []Recipient
	lines := map[int]Recipient{}
	bulk := message.Bulk{
		Name: n.ID,
		Order: message.Order{
			Realm: n.Realm, PreferAppIDs: []string{n.AppID}, Kind: message.KindTemplate, Template: n.Template,
			Data: content.Data, URL: content.URL, MiniAppID: content.MiniAppID, MiniPath: content.MiniPath, NotBefore: n.Due, By: Sender,
		},
		Refused: func(row message.Row, fault *message.Fault) {
			r := lines[row.Line]
			r.Fault, r.Field = fault.Code, fault.Field
			refused = append(refused, r)
		},
	}
	_, err = d.Messages.Batch(ctx, bulk, func(yield func(message.Row, error) bool) {
		line := 0
		for r, err := range d.Recipients(ctx, n.Realm, n.ID) {
			if err != nil {
				yield(message.Row{}, err)
				return
			}
			switch {
			case r.Fault != "" || r.Message != "" || r.User == "":
			case r.Disabled:
				r.Fault = FaultDisabled
				refused = append(refused, r)
			default:
				line++
				lines[line] = r
				if !yield(message.Row{Line: line, User: r.User, ClientID: r.name(n.ID)}, nil) {
					return
				}
			}
		}
	})
	whole := context.WithoutCancel(ctx)
	for part := range slices.Chunk(refused, 500) { // others want to write too
		err = errors.Join(err, d.Store.RefuseRecipients(whole, n.Realm, n.ID, part))
	}
	if err == nil {
		err = d.Store.CloseNotice(whole, n.Realm, n.ID)
	}
	if err != nil {
		return fmt.Errorf("filling a notice: %w", err)
	}
	// Whoever has cancelled it meanwhile, or unbound somebody, hasn't seen what came since.
	now, err := d.Notice(ctx, n.Realm, n.ID)
	if err != nil {
		return err
	}
	return d.takeBack(ctx, n.Realm, n.ID, !now.Cancelled.IsZero())
}

// Resend sends a notice again to those who didn't get it and are still bound, and says to how
// many. Who refuses messages of the account isn't asked again.
func (d *Desk) Resend(ctx context.Context, realm, id string) (int64, error) {
	n, err := d.Notice(ctx, realm, id)
	switch {
	case err != nil:
		return 0, err
	case !n.Cancelled.IsZero():
		return 0, &Fault{Code: FaultState, Limit: string(Cancelled)}
	}
	count := int64(0)
	for r, err := range d.Recipients(ctx, realm, id) {
		if err != nil {
			return count, err
		}
		if r.Message == "" || !r.Bound || r.Disabled || r.State != message.Failed && r.State != message.Dropped {
			continue
		}
		fault := (*message.Fault)(nil) // its content is swept, or somebody else was faster
		if _, err = d.Messages.Replay(ctx, realm, r.Message); err == nil {
			count++
		} else if !errors.As(err, &fault) {
			return count, fmt.Errorf("sending a notice again: %w", err)
		}
	}
	again, err := d.Store.ReopenNotice(ctx, realm, id)
	if err != nil {
		return count, fmt.Errorf("sending a notice again: %w", err)
	}
	d.Wake()
	return count + again, nil
}

// WriteRecipients writes those of a notice as a table: CSV in UTF-8 with a mark at its
// beginning, as spreadsheets want it.
func (d *Desk) WriteRecipients(ctx context.Context, w io.Writer, realm, id string) error {
	if _, err := io.WriteString(w, "\ufeff"); err != nil {
		return fmt.Errorf("writing recipients: %w", err)
	}
	out := csv.NewWriter(w)
	err := out.Write([]string{"merchant", "name", "person", "state", "reason", "says", "说明", "sent", "ended", "message"})
	for r, failed := range d.Recipients(ctx, realm, id) {
		if err == nil {
			err = failed
		}
		if err != nil {
			break
		}
		state, reason := string(r.State), string(r.Reason)
		if r.Fault != "" {
			state, reason = string(Refused), r.Fault
		}
		person := ""
		if r.Slot >= 0 {
			person = strconv.Itoa(r.Slot + 1)
		}
		en, zh := r.Says()
		err = out.Write([]string{
			plain(r.Merchant), plain(r.Name), person, state, reason, en, zh, dated(r.Sent), dated(r.Ended), r.Message,
		})
	}
	if out.Flush(); err == nil {
		err = out.Error()
	}
	if err != nil {
		return fmt.Errorf("writing recipients: %w", err)
	}
	return nil
}

// plain keeps a spreadsheet from taking a text for a formula.
func plain(s string) string {
	if strings.HasPrefix(s, "=") || strings.HasPrefix(s, "+") || strings.HasPrefix(s, "-") || strings.HasPrefix(s, "@") {
		return "'" + s
	}
	return s
}
