package inbox

import "sync"

// active are the rows that this process is at.
type active struct {
	mu   sync.Mutex
	rows map[int64]bool // true: another alarm rang for it meanwhile
}

// enter reports whether nobody is at a row, who then is until leave.
func (a *active) enter(id int64) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, taken := a.rows[id]; taken {
		a.rows[id] = true
		return false
	}
	if a.rows == nil {
		a.rows = make(map[int64]bool)
	}
	a.rows[id] = false
	return true
}

// leave undoes enter, and reports whether somebody else wanted to enter.
func (a *active) leave(id int64) (wanted bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	wanted = a.rows[id]
	delete(a.rows, id)
	return wanted
}
