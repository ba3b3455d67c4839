package wechatsim

import (
	"encoding/json"
	"net/http"
	"slices"
	"time"
)

// Control serves what a test in another process needs: JSON in, JSON out. It is on
// a listener of its own, since nothing like it exists at WeChat.
func (s *Sim) Control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /faults", func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		waiting := make([]armed, 0, len(s.faults))
		for _, a := range s.faults {
			waiting = append(waiting, *a)
		}
		s.mu.Unlock()
		writeJSON(w, map[string]any{"known": Faults, "armed": waiting})
	})
	mux.HandleFunc("POST /faults", func(w http.ResponseWriter, r *http.Request) {
		a := armed{Left: 1}
		if !readJSON(w, r, &a) {
			return
		}
		if err := s.arm(a.Name, Times(a.Left), For(a.AppID), Chance(a.Chance)); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("DELETE /faults", func(w http.ResponseWriter, r *http.Request) {
		s.Disarm(r.URL.Query().Get("name"))
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /people", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, s.People()) })
	mux.HandleFunc("POST /people", func(w http.ResponseWriter, r *http.Request) {
		var p Person
		if !readJSON(w, r, &p) {
			return
		}
		if p.Name == "" {
			http.Error(w, "a person needs a name", http.StatusBadRequest)
			return
		}
		s.Add(p)
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("POST /follow", func(w http.ResponseWriter, r *http.Request) {
		var f struct {
			Person, AppID string
			Follow        bool
		}
		if readJSON(w, r, &f) {
			s.Follow(f.Person, f.AppID, f.Follow)
			w.WriteHeader(http.StatusNoContent)
		}
	})
	mux.HandleFunc("GET /accounts", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, s.options.Accounts) })
	mux.HandleFunc("GET /requests", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, s.Requests()) })
	mux.HandleFunc("DELETE /requests", func(w http.ResponseWriter, _ *http.Request) {
		s.Forget()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("POST /clock", func(w http.ResponseWriter, r *http.Request) {
		var c struct{ Seconds int }
		if readJSON(w, r, &c) {
			s.Advance(time.Duration(c.Seconds) * time.Second)
			w.WriteHeader(http.StatusNoContent)
		}
	})
	return http.NewCrossOriginProtection().Handler(mux)
}

// People are the people of this world, in the order in which they came.
func (s *Sim) People() []Person {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Person, 0, len(s.order))
	for _, name := range s.order {
		p := *s.people[name]
		p.Follows = slices.Clone(p.Follows)
		list = append(list, p)
	}
	return list
}

// Add puts a person into the world, or replaces the one of that name.
func (s *Sim) Add(p Person) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.people[p.Name] == nil {
		s.order = append(s.order, p.Name)
	}
	s.people[p.Name] = &p
}

// Follow makes a person follow an account or leave it.
func (s *Sim) Follow(person, appID string, follow bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.people[person]
	if p == nil {
		return
	}
	p.Follows = slices.DeleteFunc(slices.Clone(p.Follows), func(id string) bool { return id == appID })
	if follow {
		p.Follows = append(p.Follows, appID)
	}
}

// Answer settles what the next consent pages do by themselves: "allow", "refuse",
// or "" to ask.
func (s *Sim) Answer(how string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ask = how
}

func readJSON(w http.ResponseWriter, r *http.Request, into any) bool {
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(into); err != nil {
		http.Error(w, "the body is no JSON that fits: "+err.Error(), http.StatusBadRequest)
		return false
	}
	return true
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}
