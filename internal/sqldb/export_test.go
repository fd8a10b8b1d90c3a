package sqldb

// Waiting is how many writes wait in [DB.Together], the one that leads included.
func (db *DB) Waiting() int {
	g := &db.core.group
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.waiting)
}
