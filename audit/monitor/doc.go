// Package monitor follows a log from outside, remembers the last checkpoint that
// it has seen, and notices when the log no longer continues it.
//
//	m := monitor.New(known, monitor.File("pos-audit.checkpoint"))
//	seen, err := m.Check(ctx, log)
//	switch {
//	case errors.Is(err, monitor.ErrRollback), errors.Is(err, monitor.ErrSplitView):
//		// the alarm: err is an *InconsistentError with both signed checkpoints
//	}
//
// Whoever owns a log and its key can put it back to an earlier state
// ([ErrRollback]), or write another history and show it to some
// ([ErrSplitView]). Neither can be hidden from someone who has kept a checkpoint,
// and the two checkpoints, both signed by the log, prove it to everybody. A
// monitor is worth what its memory is: keep it on another machine than the log.
//
// [Monitor.Compare] does the same with a checkpoint that somebody else has seen,
// such as the one in a receipt.
package monitor
