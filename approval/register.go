package approval

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"time"
)

// Executor does what an action of type A says, with a result of type R.
type Executor[A Action, R any] struct {
	// Execute does it, once; required. Its error says what is known:
	//
	//   - [Permanent]: it did not happen and never will.
	//   - [Retry]: it did not happen; it is tried again.
	//   - [Unknown], any other error, a panic: it may have happened.
	//
	// It should hand [Execution].IdempotencyKey on to whatever accepts one, and
	// do nothing once its context has ended.
	Execute func(ctx context.Context, e Execution, action A) (R, error)

	// Find reads back whether it already happened, and with what result. The
	// queue asks it before every attempt after the first, and whenever the
	// outcome of an attempt is unknown. An error means that it cannot tell;
	// [ErrNoReadBack] that it never will, for this action. If Find is nil, an
	// unknown outcome is settled by a person.
	Find func(ctx context.Context, e Execution, action A) (result R, found bool, err error)

	// Undo takes back what Execute did, and returned; optional. Its error is
	// read like Execute's. FindUndone reads back whether that happened already,
	// like Find; if it is nil, an unknown outcome of an Undo is settled by a
	// person. See [Queue.Undo].
	Undo       func(ctx context.Context, e Execution, action A, result R) error
	FindUndone func(ctx context.Context, e Execution, action A, result R) (undone bool, err error)

	// Settle is how long after an attempt of unknown outcome a Find that finds
	// nothing is not trusted, since the call may still be under way on the
	// other side. If zero, 5 s; if negative, it is trusted at once.
	Settle time.Duration
}

// Execution is what an executor is told beside the action.
type Execution struct {
	RequestID      string
	IdempotencyKey string // a UUID, the same for all attempts
	Attempt        int    // of Execute, from 1

	// Fence grows with every worker that takes the request on. An outside
	// system that keeps the largest can refuse what an earlier worker sends.
	Fence int64

	// Request is the whole request. Changing it has no effect.
	Request *Request
}

const defaultSettle = 5 * time.Second

// Register tells the queue how to execute actions of type A. It fails if the
// kind of A is malformed or taken. Register before [Queue.Start].
func Register[A Action, R any](q *Queue, ex Executor[A, R]) error {
	if ex.Execute == nil {
		return errors.New("approval: an executor needs Execute")
	}
	var zero A
	name, err := kindOf(zero)
	if err != nil {
		return err
	}
	k := &kind{name: name, settle: ex.Settle}
	if k.settle == 0 {
		k.settle = defaultSettle
	}
	k.holds = func(a Action) bool { _, ok := a.(A); return ok }
	k.decode = func(args []byte) (Action, error) {
		var a A
		if err := json.Unmarshal(args, &a); err != nil {
			return nil, err
		}
		return a, nil
	}
	k.execute = func(ctx context.Context, e Execution, a Action) (any, error) {
		return ex.Execute(ctx, e, a.(A))
	}
	if ex.Find != nil {
		k.find = func(ctx context.Context, e Execution, a Action) (any, bool, error) {
			return ex.Find(ctx, e, a.(A))
		}
	}
	kinds := []*kind{k}
	if ex.Undo != nil {
		u, err := compensator(k, ex)
		if err != nil {
			return err
		}
		kinds = append(kinds, u)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, k := range kinds {
		if q.kinds[k.name] != nil {
			return fmt.Errorf("approval: kind %s is registered already", k.name)
		}
	}
	for _, k := range kinds {
		q.kinds[k.name] = k
	}
	return nil
}

// kind is a registered type of action, without its type parameters.
type kind struct {
	name    string
	settle  time.Duration
	undoes  bool // it takes back what another kind did
	holds   func(Action) bool
	decode  func([]byte) (Action, error)
	execute func(context.Context, Execution, Action) (any, error)
	find    func(context.Context, Execution, Action) (any, bool, error) // or nil
}

// Kinds returns the kinds of actions that are registered, sorted, without those
// that undo others.
func (q *Queue) Kinds() []string {
	q.mu.RLock()
	defer q.mu.RUnlock()
	var list []string
	for name, k := range q.kinds {
		if !k.undoes {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}

func (q *Queue) kind(name string) *kind {
	q.mu.RLock()
	defer q.mu.RUnlock()
	return q.kinds[name]
}

// kindOf returns the kind of an action type from its zero value. A pointer type
// gets something to point to.
func kindOf[A Action](a A) (name string, err error) {
	defer func() {
		if recover() != nil {
			err = fmt.Errorf("approval: Kind of a zero %T panicked", a)
		}
	}()
	t := reflect.TypeFor[A]()
	switch t.Kind() {
	case reflect.Interface:
		return "", fmt.Errorf("approval: %v is not a concrete action type", t)
	case reflect.Pointer:
		a = reflect.New(t.Elem()).Interface().(A)
	}
	name = a.Kind()
	return name, checkKind(name)
}

// running is the set of requests that this queue executes at the moment.
type running struct {
	mu  sync.Mutex
	ids map[string]struct{}
}

func (s *running) enter(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.ids[id]; ok {
		return false
	}
	if s.ids == nil {
		s.ids = make(map[string]struct{})
	}
	s.ids[id] = struct{}{}
	return true
}

func (s *running) leave(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.ids, id)
}
