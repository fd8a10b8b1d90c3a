package sqldb

import "context"

// Lock takes a lock that has this name among all handles on the database in this
// process, waiting for it until ctx ends. On SQLite, where one process owns the
// file, that is everybody; on PostgreSQL take an advisory lock. It holds no
// connection, so what is done under it may take long.
func (db *DB) Lock(ctx context.Context, name string) (unlock func(), err error) {
	c := db.core
	for {
		c.mu.Lock()
		freed, busy := c.locks[name]
		if !busy {
			if c.locks == nil {
				c.locks = make(map[string]chan struct{})
			}
			freed = make(chan struct{})
			c.locks[name] = freed
			c.mu.Unlock()
			return func() {
				c.mu.Lock()
				defer c.mu.Unlock()
				delete(c.locks, name)
				close(freed)
			}, nil
		}
		c.mu.Unlock()
		select {
		case <-freed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
