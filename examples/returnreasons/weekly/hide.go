package weekly

// hide marks the cells of a table that are not to be shown. The last row and the
// last column are the sums of the others. Cells of fewer than least orders are
// hidden; and where a row or a column has one hidden cell, which would be the
// difference of its sum and the others, the smallest other is hidden too, until
// no hidden cell stands alone.
func hide(table [][]Cell, least int) {
	for _, row := range table {
		for j := range row {
			row[j].Hidden = row[j].tally.orders > 0 && row[j].tally.orders < least
		}
	}
	for changed := true; changed; {
		changed = false
		for _, line := range lines(table) {
			changed = hideSecond(line) || changed
		}
	}
}

// lines are the rows and columns of a table that have a sum.
func lines(table [][]Cell) [][]*Cell {
	var out [][]*Cell
	for i := range table {
		if len(table[i]) < 2 {
			continue
		}
		var line []*Cell
		for j := range table[i] {
			line = append(line, &table[i][j])
		}
		out = append(out, line)
	}
	if len(table) < 2 {
		return out
	}
	for j := range table[0] {
		var line []*Cell
		for i := range table {
			line = append(line, &table[i][j])
		}
		out = append(out, line)
	}
	return out
}

// hideSecond hides the smallest shown cell of a line that has one hidden one, and
// says whether it did. Empty cells are of nobody and protect nobody.
func hideSecond(line []*Cell) bool {
	hidden := 0
	var smallest *Cell
	for _, c := range line {
		switch {
		case c.Hidden:
			hidden++
		case c.tally.units > 0 && (smallest == nil || c.tally.units < smallest.tally.units):
			smallest = c
		}
	}
	if hidden != 1 || smallest == nil {
		return false
	}
	smallest.Hidden = true
	return true
}
