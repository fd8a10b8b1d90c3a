package main

import (
	"crypto/rand"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/posai-go/posai/ai"
)

// A session is one conversation. It is kept in memory, for as long as somebody asks.
type session struct {
	id    string
	vault *ai.Vault // of what is personal in it

	mu    sync.Mutex // held while a question is answered
	turns []exchange
	task  string // request that calls a person, while it is open

	count sync.Mutex
	n     int
	used  time.Time
	times []time.Time // of the latest questions
}

// exchange is a question and what was shown, for the model to know what went before.
type exchange struct{ question, shown string }

// The bounds of conversations.
const (
	maxTurns    = 4 // that a model is told of
	maxSessions = 10_000
	sessionLife = 15 * time.Minute
	perMinute   = 20 // questions of one conversation
)

// next names the next turn.
func (s *session) next() string {
	s.count.Lock()
	defer s.count.Unlock()
	s.n++
	return fmt.Sprintf("%s/%d", s.id, s.n)
}

// remember keeps what was asked and shown, by titles.
func (s *session) remember(question string, blocks []block) {
	var shown []string
	for _, b := range blocks {
		switch {
		case b.Card != nil:
			shown = append(shown, b.Card.Title)
		case b.Policy != nil:
			shown = append(shown, b.Policy.Title)
		case b.Task != nil:
			shown = append(shown, "a person was called")
		}
	}
	s.turns = append(s.turns, exchange{question, strings.Join(shown, "; ")})
	s.turns = s.turns[max(len(s.turns)-maxTurns, 0):]
}

// sessions are the conversations that are going on.
type sessions struct {
	mu  sync.Mutex
	m   map[string]*session
	now func() time.Time
}

func newSessions() *sessions { return &sessions{m: map[string]*session{}, now: time.Now} }

// get returns the conversation of a key, or a new one. Those that nobody used for a
// while are forgotten, and if there are too many the one that was used the longest ago.
func (s *sessions) get(key string) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if have := s.m[key]; have != nil && now.Sub(have.used) < sessionLife {
		have.used = now
		return have
	}
	if len(s.m) >= maxSessions {
		oldest := ""
		for k, v := range s.m {
			if now.Sub(v.used) >= sessionLife {
				delete(s.m, k)
			} else if oldest == "" || v.used.Before(s.m[oldest].used) {
				oldest = k
			}
		}
		if len(s.m) >= maxSessions {
			delete(s.m, oldest)
		}
	}
	made := &session{id: rand.Text(), vault: ai.NewVault(), used: now}
	s.m[key] = made
	return made
}

// forget ends a conversation.
func (s *sessions) forget(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.m, key)
}

// mayAsk counts a question, and says whether the conversation has not asked too many.
func (s *sessions) mayAsk(of *session) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	kept := of.times[:0]
	for _, t := range of.times {
		if now.Sub(t) < time.Minute {
			kept = append(kept, t)
		}
	}
	of.times = kept
	if len(kept) >= perMinute {
		return false
	}
	of.times = append(of.times, now)
	return true
}
