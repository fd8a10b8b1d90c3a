package weekly

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestNothingHiddenCanBeComputed makes tables at random and checks that no hidden
// cell follows from the sums: in every row and column with a hidden cell there is
// another one, or the hidden ones are the same figure twice, which says no more
// than that it is small.
func TestNothingHiddenCanBeComputed(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	hidden := 0
	for range 2000 {
		rows, columns := 2+random.IntN(6), 1+random.IntN(4)
		table := make([][]Cell, rows+1)
		for i := range table {
			table[i] = make([]Cell, columns+1)
		}
		for i := range rows {
			for j := range columns {
				n := []int{0, 0, 1, 2, 3, 4, 5, 6, 9, 20, 60}[random.IntN(11)]
				for _, at := range [][2]int{{i, j}, {i, columns}, {rows, j}, {rows, columns}} {
					c := &table[at[0]][at[1]]
					c.tally.orders, c.tally.units = c.tally.orders+n, c.tally.units+n
				}
			}
		}
		hide(table, 5)
		for i := range table {
			for j, c := range table[i] {
				if c.tally.orders > 0 && c.tally.orders < 5 {
					assert.True(t, c.Hidden, "too few")
				}
				if c.tally.orders == 0 {
					assert.False(t, c.Hidden, "of nobody")
				}
				if c.Hidden {
					hidden++
					assert.True(t, protected(table[i], j), "row %d of\n%s", i, show(table))
					assert.True(t, protected(column(table, j), i), "column %d of\n%s", j, show(table))
				}
			}
		}
	}
	assert.Positive(t, hidden)
}

// protected says whether something else in the line is hidden too, or nothing else
// could be.
func protected(line []Cell, at int) bool {
	could := false
	for n, c := range line {
		if n != at && c.Hidden {
			return true
		}
		could = could || n != at && c.tally.units > 0
	}
	return !could
}

func column(table [][]Cell, j int) []Cell {
	var out []Cell
	for _, row := range table {
		out = append(out, row[j])
	}
	return out
}

func show(table [][]Cell) string {
	var text strings.Builder
	for _, row := range table {
		for _, c := range row {
			mark := " "
			if c.Hidden {
				mark = "*"
			}
			fmt.Fprintf(&text, "%4d%s", c.tally.units, mark)
		}
		text.WriteString("\n")
	}
	return text.String()
}

// What is hidden is not in the values at all, so no other output can show it.
func TestHiddenCellsAreEmpty(t *testing.T) {
	c := tally{units: 3, orders: 3, sold: 50, inWindow: 3}.cell()
	c.Hidden = true
	assert.Equal(t, Cell{Hidden: true}, c.done())
	c.Hidden = false
	assert.Equal(t, tally{}, c.done().tally)
}
