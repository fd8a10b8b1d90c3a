// Package sqlbudget keeps the books of an [ai.Budget] in a database: SQLite
// embedded in the process, or PostgreSQL shared by many. So a cap holds beyond a
// restart, and on PostgreSQL for all processes together.
//
//	ledger, err := sqlbudget.Open(ctx, "sqlite:///var/lib/posai/budget.db", nil)
//	if err != nil {
//		return err
//	}
//	defer ledger.Close()
//	budget, err := ai.NewBudget(ledger, prices, caps, nil)
//
// Reserve and Settle are one transaction each. A process that is killed between
// them leaves its entries open, at their worst case: see [Ledger.Open].
//
// Amounts are integers, the units of [ai.Cost], so that the database's sums are
// exact.
package sqlbudget
