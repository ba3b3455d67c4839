package message

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"strconv"
)

// Bulk is one message to many users.
type Bulk struct {
	// Name of the batch, unique in its realm: to go on with a batch, send it again
	// under its name. At most 64 bytes.
	Name string
	// Order is what all messages have in common. Its User and ClientID are those of
	// each row; its Data is filled up with the row's.
	Order Order
	// Progress hears how far it is, after every few hundred rows; nil for nobody.
	Progress func(Counts)
	// Refused hears of rows that were not accepted; nil for nobody.
	Refused func(Row, *Fault)
}

// Row is one message of a batch.
type Row struct {
	Line int // where it comes from, such as a line of a table
	User string
	// ClientID is the name of the message; the batch and the line if empty. So a table
	// that is changed before a batch goes on needs ids of its own.
	ClientID string
	Data     map[string]string
	URL      string // instead of the order's; empty for that one
	MiniPath string // likewise
}

// Counts is how far a batch is.
type Counts struct {
	Rows     int // seen
	Queued   int // accepted
	Repeated int // were there already
	Refused  int
}

// chunk is how many messages are accepted in one transaction.
const chunk = 200

// Batch accepts the messages of a batch, row by row. An error, that of rows among them,
// ends it; what was counted by then stays accepted. To go on, send the same rows again:
// those that were accepted are counted as repeated, and nobody gets two.
func (o *Outbox) Batch(ctx context.Context, b Bulk, rows iter.Seq2[Row, error]) (Counts, error) {
	if b.Name == "" || len(b.Name) > 64 {
		return Counts{}, &Fault{Code: FaultOrder, Field: "batch", Limit: "a name of at most 64 bytes"}
	}
	f := &filling{Outbox: o, Bulk: b, known: map[string][]Template{}}
	for row, err := range rows {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = f.add(ctx, row)
		}
		if err != nil {
			return f.counts, errors.Join(fmt.Errorf("sending a batch: %w", err), f.flush(context.WithoutCancel(ctx)))
		}
	}
	if err := f.flush(ctx); err != nil {
		return f.counts, fmt.Errorf("sending a batch: %w", err)
	}
	return f.counts, nil
}

// filling is a batch that is being accepted.
type filling struct {
	*Outbox
	Bulk
	counts   Counts
	rows     []Row
	orders   []Order
	messages []Message
	known    map[string][]Template
}

func (f *filling) add(ctx context.Context, row Row) error {
	f.counts.Rows++
	order := f.order(row)
	m, err := f.prepare(ctx, order, f.Name, f.templates)
	if fault := (*Fault)(nil); errors.As(err, &fault) {
		f.refuse(row, fault)
		return nil
	}
	if err != nil {
		return err
	}
	f.rows, f.orders, f.messages = append(f.rows, row), append(f.orders, order), append(f.messages, m)
	if len(f.messages) < chunk {
		return nil
	}
	return f.flush(ctx)
}

// order is that of one row.
func (f *filling) order(row Row) Order {
	order := f.Order
	order.User, order.ClientID = row.User, row.ClientID
	if order.ClientID == "" {
		order.ClientID = f.Name + "/" + strconv.Itoa(row.Line)
	}
	if row.URL != "" {
		order.URL = row.URL
	}
	if row.MiniPath != "" {
		order.MiniPath = row.MiniPath
	}
	if len(row.Data) > 0 {
		order.Data = maps.Clone(order.Data)
		if order.Data == nil {
			order.Data = map[string]string{}
		}
		maps.Copy(order.Data, row.Data)
	}
	return order
}

// templates asks for a template once.
func (f *filling) templates(ctx context.Context, id string, appIDs []string) ([]Template, error) {
	if known, ok := f.known[id]; ok {
		return known, nil
	}
	known, err := f.Store.TemplateOf(ctx, id, appIDs)
	if err == nil {
		f.known[id] = known
	}
	return known, err
}

func (f *filling) refuse(row Row, fault *Fault) {
	f.counts.Refused++
	if f.Refused != nil {
		f.Refused(row, fault)
	}
}

// flush accepts what was prepared.
func (f *filling) flush(ctx context.Context) error {
	if len(f.messages) > 0 {
		before, err := f.Store.PutMessages(ctx, f.messages)
		if err != nil {
			return err
		}
		for i, m := range f.messages {
			fault := (*Fault)(nil)
			switch {
			case before[i].ID == "":
				f.counts.Queued++
				f.Observe(m)
			case errors.As(f.same(before[i], f.orders[i]), &fault):
				f.refuse(f.rows[i], fault)
			default:
				f.counts.Repeated++
			}
		}
		f.rows, f.orders, f.messages = f.rows[:0], f.orders[:0], f.messages[:0]
		f.Wake()
	}
	if f.Progress != nil {
		f.Progress(f.counts)
	}
	return nil
}
