package console

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// streamTime bounds a stream of states, so that a gateway that stops needn't wait for it;
// a browser asks for another one.
const streamTime = 20 * time.Second

// eventLines makes the lines of a text those of an event.
var eventLines = strings.NewReplacer("\r", "", "\n", "\ndata: ")

// live sends a part of a page whenever it has changed, as long as a stream lasts. Where
// nothing moves the browser is told to come again later.
func (v *visit) live(render func() (part []byte, moves bool, err error)) error {
	v.w.Header().Set("Content-Type", "text/event-stream")
	v.w.Header().Set("X-Accel-Buffering", "no")
	stream := http.NewResponseController(v.w)
	tick, end := time.NewTicker(time.Second), time.NewTimer(streamTime)
	defer tick.Stop()
	defer end.Stop()
	said := ""
	for {
		part, moves, err := render()
		if err != nil {
			return nil // the browser asks again
		}
		retry := time.Second
		if !moves {
			retry = 10 * time.Second
		}
		if text := string(part); text != said {
			said = text
			if _, err := fmt.Fprintf(v.w, "retry: %d\ndata: %s\n\n", retry.Milliseconds(), eventLines.Replace(text)); err != nil {
				return nil
			}
			if err := stream.Flush(); err != nil {
				return nil
			}
		}
		if !moves {
			return nil
		}
		select {
		case <-v.ctx.Done():
			return nil
		case <-end.C:
			return nil
		case <-tick.C:
		}
	}
}
