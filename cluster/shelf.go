package cluster

import (
	"container/heap"
	"time"
)

// itemCost is what an item costs besides its key and value, in bytes.
const itemCost = 256

// shelf holds items up to a size.
type shelf struct {
	most  int // bytes
	size  int
	items map[string]*item
	byEnd ends
}

type item struct {
	key   string
	value []byte
	fence int64
	end   time.Time
	place int // in shelf.byEnd
}

func (i *item) cost() int { return itemCost + len(i.key) + len(i.value) }

func newShelf(most int) *shelf { return &shelf{most: most, items: map[string]*item{}} }

// live is the item of a key if it has not ended, or nil.
func (s *shelf) live(key string, now time.Time) *item {
	i := s.items[key]
	if i != nil && !now.Before(i.end) {
		s.drop(i)
		return nil
	}
	return i
}

// put puts an item in the place of that of the same key. What has ended, and then what
// has the least of its life left, makes room.
func (s *shelf) put(fresh *item, now time.Time) {
	if old := s.items[fresh.key]; old != nil {
		s.drop(old)
	}
	s.items[fresh.key] = fresh
	s.size += fresh.cost()
	heap.Push(&s.byEnd, fresh)
	for len(s.byEnd) > 1 && (s.size > s.most || !now.Before(s.byEnd[0].end)) {
		s.drop(s.byEnd[0])
	}
}

func (s *shelf) drop(i *item) {
	heap.Remove(&s.byEnd, i.place)
	delete(s.items, i.key)
	s.size -= i.cost()
}

// ends is a heap of items, the first to end at the top.
type ends []*item

func (e ends) Len() int           { return len(e) }
func (e ends) Less(i, j int) bool { return e[i].end.Before(e[j].end) }
func (e ends) Swap(i, j int) {
	e[i], e[j] = e[j], e[i]
	e[i].place, e[j].place = i, j
}

// Push is for package heap.
func (e *ends) Push(x any) {
	i := x.(*item)
	i.place = len(*e)
	*e = append(*e, i)
}

// Pop is for package heap.
func (e *ends) Pop() any {
	last := len(*e) - 1
	i := (*e)[last]
	(*e)[last] = nil
	*e = (*e)[:last]
	return i
}
