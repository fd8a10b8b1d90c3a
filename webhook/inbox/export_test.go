package inbox

// Stopping reports whether a Stop has begun, so that no further delivery is.
func Stopping(b *Inbox) bool {
	b.slots.mu.Lock()
	defer b.slots.mu.Unlock()
	select {
	case <-b.slots.stopped:
		return true
	default:
		return false
	}
}
