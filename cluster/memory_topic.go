package cluster

import (
	"context"
	"sync"
	"time"
)

// maxUnheard is how many texts wait for a listener that is slow.
const maxUnheard = 256

// topics are the listeners of a [Memory].
type topics struct {
	mu        sync.Mutex
	listeners map[string]map[*listener]struct{}
}

type listener struct {
	wake chan struct{} // holds at most one

	mu     sync.Mutex
	texts  [][]byte
	missed bool
}

// Publish gives a text to all who listen.
func (m *Memory) Publish(ctx context.Context, topic string, text []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := check(topic, text, time.Millisecond); err != nil {
		return err
	}
	m.topics.mu.Lock()
	defer m.topics.mu.Unlock()
	for l := range m.topics.listeners[topic] {
		l.tell(append([]byte{}, text...))
	}
	return nil
}

// Subscribe listens until ctx ends.
func (m *Memory) Subscribe(ctx context.Context, topic string, hear func(text []byte)) {
	if check(topic, nil, time.Millisecond) != nil {
		return
	}
	l := &listener{wake: make(chan struct{}, 1), missed: true}
	m.topics.join(topic, l)
	defer m.topics.leave(topic, l)
	for ctx.Err() == nil {
		missed, texts := l.take()
		if missed {
			hear(nil)
		}
		for _, text := range texts {
			if ctx.Err() != nil {
				return
			}
			hear(text)
		}
		if missed || len(texts) > 0 {
			continue // there may be more
		}
		select {
		case <-ctx.Done():
		case <-l.wake:
		}
	}
}

func (t *topics) join(topic string, l *listener) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.listeners == nil {
		t.listeners = map[string]map[*listener]struct{}{}
	}
	if t.listeners[topic] == nil {
		t.listeners[topic] = map[*listener]struct{}{}
	}
	t.listeners[topic][l] = struct{}{}
}

func (t *topics) leave(topic string, l *listener) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.listeners[topic], l)
	if len(t.listeners[topic]) == 0 {
		delete(t.listeners, topic)
	}
}

// tell leaves a text for a listener. One that has too many unheard misses them all.
func (l *listener) tell(text []byte) {
	l.mu.Lock()
	if len(l.texts) == maxUnheard {
		l.texts, l.missed = nil, true
	}
	l.texts = append(l.texts, text)
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default: // woken already
	}
}

// take returns what was told since the last time, and whether some of it was lost.
func (l *listener) take() (missed bool, texts [][]byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	missed, texts = l.missed, l.texts
	l.missed, l.texts = false, nil
	return missed, texts
}
