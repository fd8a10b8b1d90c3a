package auth

// NewUsedStates returns the StateStore of one process.
func NewUsedStates() StateStore { return &usedStates{} }
